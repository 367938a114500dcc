import Basics
import NN

/// How the networks of cases are built: the operation's name and its attributes.
private struct NetworkRow: Sendable {
  let pattern: String
  let make: @Sendable (ParityCase, WeightInitialiser) throws -> any Network

  init(_ pattern: String, _ make: @escaping @Sendable (ParityCase, WeightInitialiser) throws -> any Network) {
    self.pattern = pattern
    self.make = make
  }
}

/// The most specific pattern comes first.
private let networkRows: [NetworkRow] = [
  NetworkRow("depthupres_unet*") { item, seed in
    DepthUpResUNet(
      baseChannels: try item.width("base_ch", default: 32),
      predictsNormal: try item.bool("predict_normal", default: false), seed)
  },
  NetworkRow("edsr_light*") { item, seed in
    EDSRLight(
      channels: try item.width("nf", default: 64), blocks: try item.blocks("nb", default: 16),
      residualScale: try item.float("res_scale", default: 0.1), seed)
  },
  NetworkRow("srresnet*") { item, seed in
    SRResNet(channels: try item.width("nf", default: 64), blocks: try item.blocks("nb", default: 16), seed)
  },
  NetworkRow("msrresnet*") { item, seed in
    try item.supports(
      try item.width("num_in_ch", default: 3) == item.width("num_out_ch", default: 3),
      "an MSRResNet with other output than input channels")
    return MSRResNet(
      inputChannels: try item.width("num_in_ch", default: 3), outputChannels: try item.width("num_out_ch", default: 3),
      channels: try item.width("num_feat", default: 64), blocks: try item.blocks("num_block", default: 16),
      scale: try item.scale("upscale", default: 4, offered: [2, 3, 4]), seed)
  },
  NetworkRow("edsr*") { item, seed in
    try item.supportsOnly("rgb_mean", [0.4488, 0.4371, 0.404])
    let channels = try item.width("num_in_ch", default: 3)
    try item.supports(
      try channels == item.width("num_out_ch", default: channels), "an EDSR with other output than input channels")
    return EDSR(
      imageChannels: channels, channels: try item.width("num_feat", default: 64),
      blocks: try item.blocks("num_block", default: 16),
      scale: try item.scale("upscale", default: 4, offered: [2, 3, 4, 8, 16]),
      residualScale: try item.float("res_scale", default: 1),
      range: Float(try item.double("img_range", default: 255, in: 1e-6...1e6)), seed)
  },
  NetworkRow("swinir*") { item, seed in
    try item.supportsOnly("resi_connection", "1conv")
    var setup = SwinIR.Configuration()
    setup.imageChannels = try item.width("in_chans", default: 1)
    setup.imageSize = try item.int("img_size", default: 64, in: 1...1024)
    setup.window = try item.int("window_size", default: 8, in: 1...64)
    setup.range = Float(try item.double("img_range", default: 1, in: 1e-6...1e6))
    setup.depths = try item.ints("depths", in: 1...64)
    setup.channels = try item.width("embed_dim", default: 48)
    setup.heads = try item.ints("num_heads", count: setup.depths.count, in: 1...256)
    setup.mlpRatio = try item.double("mlp_ratio", default: 2, in: 0.01...64)
    let name = try item.text("upsampler")
    guard let upsampler = SwinIR.Upsampler(rawValue: name) else { throw ParityUnsupported("the upsampler `\(name)`") }
    setup.upsampler = upsampler
    setup.scale = try item.scale(
      "upscale", default: 4, offered: upsampler == .pixelshuffledirect ? Array(1...16) : [2, 3, 4, 8, 16])
    try item.require(
      setup.heads.allSatisfy { setup.channels % $0 == 0 },
      "`embed_dim` \(setup.channels) cannot be split into `num_heads` \(setup.heads)")
    // Groups whose grid is one window have no mask, larger ones need whole windows.
    try item.supports(
      setup.imageSize <= setup.window || setup.imageSize % setup.window == 0,
      "`img_size` \(setup.imageSize) is no multiple of `window_size` \(setup.window)")
    return SwinIR(setup, seed)
  },
  NetworkRow("nafnet*") { item, seed in
    NAFNet(
      imageChannels: try item.width("img_channel", default: 3), channels: try item.width("width", default: 32),
      encoderBlocks: try item.ints("enc_blk_nums", in: 0...64),
      middleBlocks: try item.int("middle_blk_num", default: 12, in: 0...64),
      decoderBlocks: try item.ints("dec_blk_nums", count: try item.ints("enc_blk_nums", in: 0...64).count, in: 0...64),
      seed)
  },
  NetworkRow("srcnn*") { item, seed in SRCNN(imageChannels: try item.width("num_channels", default: 1), seed) },
  NetworkRow("vdsr_unit*") { item, seed in
    VDSR(
      channels: try item.width("width", default: 64), layers: try item.int("layers", default: 10, in: 3...64),
      isUnit: true, seed)
  },
  NetworkRow("vdsr*") { item, seed in
    VDSR(channels: try item.width("width", default: 64), layers: try item.int("layers", default: 20, in: 3...64), seed)
  },
  // Named dsdmsr_x8_srcnn: scale and unit.
  NetworkRow("dsdmsr_x*") { item, seed in
    let parts = item.operation.split(separator: "_")
    guard parts.count == 3, let scale = Int(parts[1].dropFirst()), [8, 16].contains(scale),
      let unit = DSDMSR.Unit(rawValue: String(parts[2]))
    else {
      throw ParityUnsupported("a DSDMSR named \(item.operation); offered are dsdmsr_x8 and _x16, _srcnn and _vdsr")
    }
    // The width of VDSR units stands in an attribute, or in words: "VDSR unit of width 8".
    let width = Int(try item.number(in: "unit", #"width (\d+)"#, default: 64))
    return DSDMSR(scale: scale, unit: unit, channels: try item.width("width", default: width), seed)
  },
  NetworkRow("sgnet*") { item, seed in
    try item.supportsOnly("kernel_size", 3)
    let channels = try item.width("num_feats", default: 24)
    try item.require(channels >= 16, "the attribute `num_feats` is \(channels), but must be at least 16")
    return SGNet(channels: channels, scale: try item.scale("scale", default: 4, offered: [2, 4, 8, 16]), seed)
  },
]

extension ParityCase {
  static let networkPatterns = networkRows.map(\.pattern)

  /// The network of a case, with weights that are to be replaced.
  func network() throws -> any Network {
    guard let row = networkRows.first(where: { namePattern($0.pattern, matches: operation) }) else {
      throw ParityError("no network is called \(operation)")
    }
    return try row.make(self, WeightInitialiser(seed: 0))
  }

  fileprivate func width(_ name: String, default standard: Int) throws -> Int {
    try int(name, default: standard, in: 1...1024)
  }
  fileprivate func blocks(_ name: String, default standard: Int) throws -> Int {
    try int(name, default: standard, in: 0...256)
  }
  fileprivate func scale(_ name: String, default standard: Int, offered: [Int]) throws -> Int {
    let scale = try int(name, default: standard, in: 1...64)
    try supports(offered.contains(scale), "`\(name)` \(scale); offered are \(offered)")
    return scale
  }

  /// Checks what a network is given before it runs.
  func requireInput(_ network: any Network, depth: Tensor, guide: Tensor?) throws {
    try require(
      depth.rank == 4 && depth.c == network.imageChannels,
      "the input has the shape \(depth.shape), but must be [n, \(network.imageChannels), h, w]")
    let multiple = network.sizeMultiple
    try require(
      depth.h % multiple == 0 && depth.w % multiple == 0,
      "the input's sides \(depth.h) x \(depth.w) are no multiples of \(multiple)")
    if let swin = network as? SwinIR {
      // Padding to whole windows reflects.
      let missing = [depth.h, depth.w].map { ($0 + swin.setup.window - 1) / swin.setup.window * swin.setup.window - $0 }
      try require(
        missing[0] < depth.h && missing[1] < depth.w,
        "an input of \(depth.h) x \(depth.w) is too small to be padded to windows of \(swin.setup.window)")
    }
    guard let kind = network.guideKind else { return }
    guard let guide else { throw ParityError("the file has no guide, which this network needs") }
    let expected = [depth.n, kind.channels, depth.h * network.scale, depth.w * network.scale]
    try require(guide.shape == expected, "the guide has the shape \(guide.shape), but must be \(expected)")
  }
}

/// The loss that a case names in words.
struct NamedLoss {
  private let item: ParityCase
  private let kind: Kind

  private enum Kind {
    case mse, l1
    case depth(gradientWeight: Double, normalWeight: Double?)
    case deepSupervision
  }

  /// Reads "mse", "l1", "depth_loss w_grad 0.5", "depth_loss + 0.5*normal cosine ..." or "sum of four mse terms: ...".
  init(_ item: ParityCase) throws {
    self.item = item
    let text = try item.text("loss", default: "")
    switch text {
    case "mse": kind = .mse
    case "l1": kind = .l1
    case _ where text.hasPrefix("depth_loss"):
      // 0.5 where the words give no weight, as in the reference's training.
      let gradient = try firstNumber(in: text, #"w_grad\s*=?\s*"# + numberPattern) ?? 0.5
      let normal = try firstNumber(in: text, #"\+\s*"# + numberPattern + #"\s*\*\s*normal"#)
      kind = .depth(gradientWeight: try item.double("w_grad", default: gradient), normalWeight: normal)
    case _ where text.hasPrefix("sum of") && text.contains("mse terms"): kind = .deepSupervision
    default: throw ParityUnsupported("the loss `\(text)`")
    }
  }

  /// - Parameters:
  ///   - input: gives `in.<name>` of the file.
  ///   - target: names of the targets of depth and normals, and of the mask.
  func callAsFunction(
    _ output: NetworkOutput,
    names: (target: String, normal: String, mask: String) = ("target", "normal_target", "mask"),
    _ input: (String) throws -> Tensor
  ) throws -> Tensor {
    func target(_ name: String, like tensor: Tensor) throws -> Tensor {
      let target = try input(name)
      try item.require(
        target.shape == tensor.shape, "`in.\(name)` has the shape \(target.shape), the result \(tensor.shape)")
      return target
    }
    switch kind {
    case .mse: return output.image.meanSquaredError(try target(names.target, like: output.image))
    case .l1: return output.image.l1Loss(try target(names.target, like: output.image))
    case .depth(let gradientWeight, let normalWeight):
      let mask = try target(names.mask, like: output.image)
      let loss = output.image.depthLoss(
        try target(names.target, like: output.image), mask: mask, gradientWeight: Float(gradientWeight))
      guard let normalWeight else { return loss }
      guard let normal = output[.normals] else {
        throw ParityError("the loss needs normals, which the network does not predict")
      }
      return loss
        + normal.normalCosineLoss(try target(names.normal, like: normal), mask: mask).affine(Float(normalWeight))
    case .deepSupervision:
      var maps = output.scales
      maps["msf"] = output.image
      return maps.deepSupervisionLoss(
        targets: try Dictionary(
          uniqueKeysWithValues: maps.map { ($0.key, try target("target_\($0.key)", like: $0.value)) }))
    }
  }
}

extension NetworkOutput {
  /// The maps of each level of a deeply supervised network, by name; empty for the others.
  var scales: [String: Tensor] {
    Dictionary(uniqueKeysWithValues: (self[.scales] ?? []).map { ($0.name, $0.map) })
  }
}
