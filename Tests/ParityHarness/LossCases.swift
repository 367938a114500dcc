import Basics
import NN

/// Losses: the value and the gradient of the prediction.
let lossOperations: [ParityOperation] = [
  loss("masked_l1", channels: 1) { _, p, t, m in p.maskedL1(t, mask: m) },
  loss("masked_gradient", channels: 1) { _, p, t, m in p.maskedGradientL1(t, mask: m) },
  loss("depth_loss", channels: 1) { item, p, t, m in
    p.depthLoss(t, mask: m, gradientWeight: try item.float("w_grad"))
  },
  loss("normal_cosine") { _, p, t, m in p.normalCosineLoss(t, mask: m) },
  loss("normal_from_depth_cosine", channels: 1, target: "n 3 h w") { item, p, t, m in
    p.normalsFromDepth(fieldOfView: try item.double("fov_deg", in: 1...179)).normalCosineLoss(t, mask: m)
  },
  loss("sobel_edge_l1") { _, p, t, _ in p.sobelL1(t) },
  loss("sobel_magnitude_l1") { _, p, t, _ in p.sobelMagnitudeL1(t) },
  loss("pixel_plus_sobel") { item, p, t, _ in
    let pixel = try item.number(in: "formula", #"weights "# + numberPattern + " and", default: 1)
    let edge = try item.number(in: "formula", "weights .* and " + numberPattern, default: 1)
    return p.l1Loss(t).affine(Float(pixel)) + p.sobelL1(t).affine(Float(edge))
  },
  loss("charbonnier", "charbonnier_*") { item, p, t, _ in p.charbonnierLoss(t, epsilon: try item.float("eps")) },
  loss("mse") { _, p, t, _ in p.meanSquaredError(t) },
  loss("l1") { _, p, t, _ in p.l1Loss(t) },
  loss("smooth_l1") { item, p, t, _ in
    p.smoothL1(t, beta: Float(try item.double("beta", in: 1e-12...1e12)))
  },
  loss("psnr_loss") { _, p, t, _ in p.psnrLoss(t) },
  loss("ssim_loss") { item, p, t, _ in
    try item.require(p.h >= 11 && p.w >= 11, "SSIM needs images of 11 x 11 pixels or more, not \(p.shape)")
    return p.ssimLoss(t)
  },
  loss("sgnet_frequency") { _, p, t, _ in p.frequencyLoss(t) },
  loss("sgnet_gradient_term") { _, p, t, _ in p.l1Loss(t.gradientMagnitude()) },
  ParityOperation("losses", "depth_plus_normal", "depth_plus_normal__*") { item, check in
    let weights = (try item.float("w_grad"), try item.float("normal_loss_weight"))
    let shapes: KeyValuePairs = [
      "in.pred": "n 1 h w", "in.target": "n 1 h w", "in.mask?": "n 1 h w", "in.pred_normal": "n 3 h w",
      "in.target_normal": "n 3 h w",
    ]
    try item.lossCase(check, shapes) { t, mask in
      let depth = try t.input("pred").depthLoss(try t.input("target"), mask: mask, gradientWeight: weights.0)
      let normal = try t.input("pred_normal").normalCosineLoss(try t.input("target_normal"), mask: mask)
      return depth + normal.affine(weights.1)
    }
  },
]

/// A loss of prediction, target and mask; case names may carry a suffix after two underscores.
private func loss(
  _ operations: String..., channels: Int? = nil, target: String? = nil,
  _ body: @escaping @Sendable (ParityCase, Tensor, Tensor, Tensor?) throws -> Tensor
) -> ParityOperation {
  ParityOperation(group: "losses", patterns: operations + operations.map { "\($0)__*" }) { item, check in
    let shape = "n \(channels.map { "\($0)" } ?? "c") h w"
    let shapes: KeyValuePairs = ["in.pred": shape, "in.target": target ?? shape, "in.mask?": "n 1 h w"]
    try item.lossCase(check, shapes) { t, mask in try body(item, try t.input("pred"), try t.input("target"), mask) }
  }
}

extension ParityCase {
  fileprivate func lossCase(
    _ check: ParityCheck, _ shapes: KeyValuePairs<String, String>, _ body: (CaseTensors, Tensor?) throws -> Tensor
  ) throws {
    let t = CaseTensors(try tensors())
    try t.shapes(shapes)
    let value = try body(t, try t.stored["in.mask"] == nil ? nil : t.input("mask"))
    check.compare("out.loss", value, try t.file("out.loss"), try Tolerance(tolerance["forward"]))
    value.backward()
    for (name, expected) in t.stored.sorted(by: { $0.key < $1.key }) where name.hasPrefix("gin.") {
      check.compare(name, t.gradients[name], expected, try Tolerance(tolerance["grad"]))
    }
  }
}
