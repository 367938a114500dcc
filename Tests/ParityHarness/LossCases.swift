import Basics
import NN

/// Losses: the value and the gradient of the prediction.
let lossOperations: [ParityOperation] = [
  loss("masked_l1") { _, p, t, m in p.maskedL1(t, mask: m) },
  loss("masked_gradient") { _, p, t, m in p.maskedGradientL1(t, mask: m) },
  loss("depth_loss") { item, p, t, m in
    p.depthLoss(t, mask: m, gradientWeight: Float(try item.double("w_grad")))
  },
  loss("normal_cosine") { _, p, t, m in p.normalCosineLoss(t, mask: m) },
  loss("normal_from_depth_cosine") { item, p, t, m in
    p.normalsFromDepth(fieldOfView: try item.double("fov_deg")).normalCosineLoss(t, mask: m)
  },
  loss("sobel_edge_l1") { _, p, t, _ in p.sobelL1(t) },
  loss("sobel_magnitude_l1") { _, p, t, _ in p.sobelMagnitudeL1(t) },
  loss("pixel_plus_sobel") { _, p, t, _ in p.l1Loss(t) + p.sobelL1(t) },
  loss("charbonnier_1e-12") { item, p, t, _ in p.charbonnierLoss(t, epsilon: Float(try item.double("eps"))) },
  loss("charbonnier_1e-6") { item, p, t, _ in p.charbonnierLoss(t, epsilon: Float(try item.double("eps"))) },
  loss("mse") { _, p, t, _ in p.meanSquaredError(t) },
  loss("l1") { _, p, t, _ in p.l1Loss(t) },
  loss("smooth_l1") { item, p, t, _ in p.smoothL1(t, beta: Float(try item.double("beta"))) },
  loss("psnr_loss") { _, p, t, _ in p.psnrLoss(t) },
  loss("ssim_loss") { _, p, t, _ in p.ssimLoss(t) },
  loss("sgnet_frequency") { _, p, t, _ in p.frequencyLoss(t) },
  loss("sgnet_gradient_term") { _, p, t, _ in p.l1Loss(t.gradientMagnitude()) },
  ParityOperation(where: { $0.group == "losses" && $0.operation.hasPrefix("depth_plus_normal") }) { item, check in
    try item.lossCase(check) { t, mask in
      let depth = try t.input("pred").depthLoss(
        try t.input("target"), mask: mask, gradientWeight: Float(try item.double("w_grad")))
      let normal = try t.input("pred_normal").normalCosineLoss(try t.input("target_normal"), mask: mask)
      return depth + normal.affine(Float(try item.double("normal_loss_weight")))
    }
  },
]

/// A loss of prediction, target and mask; case names may carry a suffix after two underscores.
private func loss(
  _ operation: String, _ body: @escaping @Sendable (ParityCase, Tensor, Tensor, Tensor?) throws -> Tensor
) -> ParityOperation {
  ParityOperation(where: {
    $0.group == "losses" && ($0.operation == operation || $0.operation.hasPrefix("\(operation)__"))
  }) {
    item, check in
    try item.lossCase(check) { t, mask in try body(item, try t.input("pred"), try t.input("target"), mask) }
  }
}

extension ParityCase {
  fileprivate func lossCase(_ check: ParityCheck, _ body: (CaseTensors, Tensor?) throws -> Tensor) throws {
    let t = CaseTensors(try tensors())
    let value = try body(t, try t.stored["in.mask"] == nil ? nil : t.input("mask"))
    check.compare("out.loss", value, try t.file("out.loss"), try Tolerance(tolerance["forward"]))
    value.backward()
    for (name, expected) in t.stored where name.hasPrefix("gin.") {
      check.compare(name, t.gradients[name], expected, try Tolerance(tolerance["grad"]))
    }
  }
}
