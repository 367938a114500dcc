import Basics
import Foundation
import NN

/// Whole networks with small widths: outputs, loss, gradients of inputs and parameters, buffers after training mode.
let modelOperations: [ParityOperation] = [
  ParityOperation(where: { $0.group == "models" && !$0.operation.hasSuffix("_train3") && $0.network() != nil }) {
    item, check in
    guard let network = item.network() else { return }
    let stored = try item.tensors()
    var weights = stored
    if let other = item.attributes["weights_from_case"]?.stringValue {
      weights = try Safetensors.read(item.folder.appending(path: "\(item.group)/\(other).safetensors")).tensors
    }
    for mode in ["eval", "train"] {
      guard let tolerance = item.tolerance[mode] else { continue }
      // Names carry the mode only where a case has both.
      let infix = item.tolerance["train"] == nil ? "" : "\(mode)."
      try network.load(below("sd.", weights))
      network.clearGradients()
      network.setTraining(mode == "train")
      try item.check(network, stored, infix: infix, mode: mode, tolerance, check)
    }
  }
]

/// The tensors whose names begin with a prefix, without it.
func below(_ prefix: String, _ tensors: [String: StoredTensor]) -> [String: StoredTensor] {
  var result: [String: StoredTensor] = [:]
  for (name, tensor) in tensors where name.hasPrefix(prefix) { result[String(name.dropFirst(prefix.count))] = tensor }
  return result
}

extension ParityCase {
  /// The network of a case, or nil when there is none.
  func network() -> (any Network)? {
    let seed = WeightInitialiser(seed: 0)
    func int(_ name: String, _ standard: Int) -> Int { attributes[name]?.intValue ?? standard }
    func double(_ name: String, _ standard: Double) -> Double { attributes[name]?.doubleValue ?? standard }
    func list(_ name: String) -> [Int] { (attributes[name]?.arrayValue ?? []).compactMap(\.intValue) }
    switch operation {
    case let name where name.hasPrefix("depthupres_unet"):
      return DepthUpResUNet(
        baseChannels: int("base_ch", 32), predictsNormal: attributes["predict_normal"]?.boolValue ?? false, seed)
    case "edsr_light":
      return EDSRLight(
        channels: int("nf", 64), blocks: int("nb", 16), residualScale: Float(double("res_scale", 0.1)), seed)
    case "srresnet": return SRResNet(channels: int("nf", 64), blocks: int("nb", 16), seed)
    case let name where name.hasPrefix("msrresnet"):
      return MSRResNet(
        inputChannels: int("num_in_ch", 3), outputChannels: int("num_out_ch", 3), channels: int("num_feat", 64),
        blocks: int("num_block", 16), scale: int("upscale", 4), seed)
    case let name where name.hasPrefix("edsr_x"):
      return EDSR(
        channels: int("num_feat", 64), blocks: int("num_block", 16), scale: int("upscale", 4),
        residualScale: Float(double("res_scale", 1)), range: Float(double("img_range", 255)), seed)
    case let name where name.hasPrefix("swinir"):
      var setup = SwinIR.Configuration()
      setup.scale = int("upscale", 4)
      setup.imageChannels = int("in_chans", 1)
      setup.imageSize = int("img_size", 64)
      setup.window = int("window_size", 8)
      setup.range = Float(double("img_range", 1))
      setup.depths = list("depths")
      setup.channels = int("embed_dim", 48)
      setup.heads = list("num_heads")
      setup.mlpRatio = double("mlp_ratio", 2)
      guard let upsampler = attributes["upsampler"]?.stringValue.flatMap(SwinIR.Upsampler.init(rawValue:)) else {
        return nil
      }
      setup.upsampler = upsampler
      return SwinIR(setup, seed)
    case let name where name.hasPrefix("nafnet"):
      return NAFNet(
        imageChannels: int("img_channel", 3), channels: int("width", 32), encoderBlocks: list("enc_blk_nums"),
        middleBlocks: int("middle_blk_num", 12), decoderBlocks: list("dec_blk_nums"), seed)
    case "srcnn": return SRCNN(imageChannels: int("num_channels", 1), seed)
    case "vdsr_20": return VDSR(channels: int("width", 64), layers: int("layers", 20), seed)
    case "vdsr_unit": return VDSR(channels: int("width", 64), layers: int("layers", 10), isUnit: true, seed)
    case "dsdmsr_x8_srcnn": return DSDMSR(scale: 8, unit: .srcnn, seed)
    // The fixture narrows the unit's 64 channels to 8.
    case "dsdmsr_x8_vdsr": return DSDMSR(scale: 8, unit: .vdsr, channels: int("width", 8), seed)
    case "sgnet": return SGNet(channels: int("num_feats", 24), scale: int("scale", 4), seed)
    default: return nil
    }
  }

  fileprivate func check(
    _ network: any Network, _ stored: [String: StoredTensor], infix: String, mode: String, _ tolerance: JSON,
    _ check: ParityCheck
  ) throws {
    func input(_ name: String) throws -> Tensor { Tensor(try tensor(stored, "in.\(name)")) }
    var inputGradient: Tensor?
    let x = try input("x").variable { inputGradient = $0 }
    let output = network(NetworkInput(image: x, guide: try stored["in.rgb"] == nil ? nil : input("rgb")))
    let loss = try loss(output, stored)
    loss.backward()
    let forward = try Tolerance(tolerance["forward"])
    let gradient = try Tolerance(tolerance["grad"])
    let parameters = Dictionary(uniqueKeysWithValues: network.namedParameters.map { ($0.name, $0.parameter) })
    let state = network.stateDictionary()
    var outputs = scales(output)
    outputs["y"] = output.image
    outputs["msf"] = output.image
    outputs["normal"] = output[.normals]
    outputs["grad_map"] = output[.gradientMap]
    for (name, expected) in stored.sorted(by: { $0.key < $1.key }) {
      if name == "out.\(infix)loss" {
        check.compare(name, loss, expected, try Tolerance(tolerance["loss"]))
      } else if name.hasPrefix("out.\(infix)after.") {
        let key = String(name.dropFirst("out.\(infix)after.".count))
        guard let buffer = state[key] else {
          check.fail("\(name): no such buffer")
          continue
        }
        check.compare(name, buffer.doubles, buffer.shape, expected.doubles, expected.shape, forward)
      } else if name.hasPrefix("out.\(infix)") {
        check.compare(name, outputs[String(name.dropFirst("out.\(infix)".count))], expected, forward)
      } else if name == "gin.\(infix)x" {
        check.compare(name, inputGradient, expected, gradient)
      } else if name.hasPrefix("grad.\(infix)") {
        let key = String(name.dropFirst("grad.\(infix)".count))
        check.compare(name, parameters[key]?.gradient, expected, gradient)
      }
    }
  }

  private func scales(_ output: NetworkOutput) -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: (output[.scales] ?? []).map { ($0.name, $0.map) })
  }

  /// The loss that the case names.
  private func loss(_ output: NetworkOutput, _ stored: [String: StoredTensor]) throws -> Tensor {
    func input(_ name: String) throws -> Tensor { Tensor(try tensor(stored, "in.\(name)")) }
    let name = attributes["loss"]?.stringValue ?? ""
    switch name {
    case "mse": return output.image.meanSquaredError(try input("target"))
    case "l1": return output.image.l1Loss(try input("target"))
    case "depth_loss w_grad 0.5":
      return output.image.depthLoss(try input("target"), mask: try input("mask"), gradientWeight: 0.5)
    case "depth_loss + 0.5*normal cosine":
      guard let normal = output[.normals] else { throw ParityError("\(id): no normals") }
      let mask = try input("mask")
      return output.image.depthLoss(try input("target"), mask: mask, gradientWeight: 0.5)
        + normal.normalCosineLoss(try input("normal_target"), mask: mask).affine(0.5)
    case let sum where sum.hasPrefix("sum of four mse terms"):
      var maps = scales(output)
      maps["msf"] = output.image
      return maps.deepSupervisionLoss(
        targets: try Dictionary(uniqueKeysWithValues: maps.keys.map { ($0, try input("target_\($0)")) }))
    default: throw ParityError("\(id): unknown loss `\(name)`")
    }
  }
}
