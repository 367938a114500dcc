import NN

/// Blocks of single networks, with their parameters under the reference's names.
let blockOperations: [ParityOperation] = [
  block("sgnet_calayer", ["in.x": "n c h w"]) { item, size in
    let (channels, reduction) = (size["c"] ?? 0, try item.int("reduction", in: 1...4096))
    try item.require(reduction <= channels, "`reduction` \(reduction) leaves none of \(channels) channels")
    let layer = ChannelAttention(channels, reduction: reduction, initialiser)
    return (layer, { t in layer(try t.input()) })
  },
  block("sgnet_invblock", ["in.x": "n c h w"]) { item, size in
    let channels = try item.int("channels", in: 2...4096)
    let split = try item.int("split", in: 1...4096)
    try item.require(split < channels, "`split` \(split) leaves none of \(channels) channels")
    try item.require(
      size["c"] == channels, "`in.x` has \(size["c"] ?? 0) channels, the attribute `channels` is \(channels)")
    try item.supportsOnly("clamp", 0.8)
    let layer = SGNetInvertibleBlock(channels, split: split, initialiser)
    return (layer, { t in layer(try t.input()) })
  },
  block("sgnet_dense_projection_up*", ["in.x": "n c h w"]) { item, size in
    let layer = DenseProjection(size["c"] ?? 0, scale: try item.projectionScale(), enlarges: true, initialiser)
    return (layer, { t in layer(try t.input()) })
  },
  block("sgnet_dense_projection_down*", ["in.x": "n c h w"]) { item, size in
    let scale = try item.projectionScale()
    try item.require(
      (size["h"] ?? 0) % scale == 0 && (size["w"] ?? 0) % scale == 0, "the sides of `in.x` are no multiples of \(scale)"
    )
    let layer = DenseProjection(size["c"] ?? 0, scale: scale, enlarges: false, initialiser)
    return (layer, { t in layer(try t.input()) })
  },
  block("sgnet_sdb", ["in.dp": "n c h w", "in.rgb": "n r h w"]) { item, size in
    let (channels, rgb) = (try item.int("channels", in: 1...4096), try item.int("rgb_channels", in: 1...4096))
    try item.require(
      size["c"] == channels && size["r"] == rgb, "the inputs have other channels than `channels` and `rgb_channels`")
    let layer = SGNetFrequencyBlock(channels, rgb, initialiser)
    return (layer, { t in layer(depth: try t.input("dp"), image: try t.input("rgb")) })
  },
  block("nafnet_block", ["in.x": "n c h w"]) { item, size in
    let channels = try item.int("channels", in: 1...4096)
    try item.require(
      size["c"] == channels, "`in.x` has \(size["c"] ?? 0) channels, the attribute `channels` is \(channels)")
    let layer = NAFBlock(channels, initialiser)
    return (layer, { t in layer(try t.input()) })
  },
  block("dornet_dcn_layer", ["in.x": "n c h w", "in.inter": "n c h w", "in.fea": "n 4c 1 1"]) { item, size in
    let channels = try item.int("channels", in: 1...4096)
    try item.require(
      size["c"] == channels && size["4c"] == 4 * channels,
      "`in.x` needs `channels` and `in.fea` four times as many, here \(channels) and \(4 * channels)")
    let layer = DORNetDeformableLayer(channels, initialiser)
    return (
      layer, { t in layer(try t.input(), maps: try t.input("inter"), summary: try t.input("fea")) }
    )
  },
  ParityOperation("layers", "swin_block*") { item, check in
    let size = try item.ints("tokens_hw", count: 2, in: 1...1024)
    let channels = try item.int("dim", in: 1...4096)
    let heads = try item.int("heads", in: 1...256)
    let window = try item.int("window", in: 1...64)
    let shift = try item.int("shift", default: 0, in: 0...63)
    try item.require(shift < window, "`shift` \(shift) is no part of a window of \(window)")
    try item.require(channels % heads == 0, "\(channels) channels cannot be split into \(heads) heads")
    try item.require(
      size.allSatisfy { $0 % window == 0 }, "the sides `tokens_hw` \(size) are no multiples of the window \(window)")
    // The configured grid, of the stored mask's number of windows, need not be that of the tokens.
    let masks = try item.tensors()["in.buffer.b.attn_mask"]?.shape.first ?? 4
    let side = Int(Double(masks).squareRoot().rounded())
    let layer = SwinBlock(
      channels: channels, heads: heads, window: window, shift: shift, gridSize: window * max(2, side),
      mlpRatio: try item.double("mlp_ratio", in: 0.01...64), initialiser)
    layer.setTraining(false)
    let (n, tokens) = (try item.tensors()["in.x"]?.shape.first ?? 0, size[0] * size[1])
    try item.layer(check, module: layer, prefix: "b.", shapes: ["in.x": "\(n) \(tokens) \(channels)"]) { t in
      ["y": layer(try t.input(), height: size[0], width: size[1])]
    }
  },
]

/// Weights are replaced by those of the case, so their seed does not matter.
private var initialiser: WeightInitialiser { WeightInitialiser(seed: 0) }

/// A module with one output; `make` gets the extents of the named axes.
private func block(
  _ operation: String, _ shapes: KeyValuePairs<String, String>,
  _ make: @escaping @Sendable (ParityCase, [String: Int]) throws -> (any Module, (CaseTensors) throws -> Tensor)
) -> ParityOperation {
  ParityOperation("layers", operation) { item, check in
    let extents = try CaseTensors(try item.tensors()).shapes(shapes)
    let (module, run) = try make(item, extents)
    try item.layer(check, module: module) { t in ["y": try run(t)] }
  }
}

extension ParityCase {
  fileprivate func projectionScale() throws -> Int {
    let scale = try int("scale", in: 1...64)
    try supports([2, 4, 8, 16].contains(scale), "a projection by \(scale); offered are 2, 4, 8 and 16")
    return scale
  }
}
