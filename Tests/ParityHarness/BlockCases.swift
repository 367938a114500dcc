import NN

/// Blocks of single networks, with their parameters under the reference's names.
let blockOperations: [ParityOperation] = [
  block("sgnet_calayer") { item, _ in
    let layer = ChannelAttention(16, reduction: try item.int("reduction"), initialiser)
    return (layer, { t in layer(try t.input()) })
  },
  block("sgnet_invblock") { item, _ in
    let layer = SGNetInvertibleBlock(try item.int("channels"), split: try item.int("split"), initialiser)
    return (layer, { t in layer(try t.input()) })
  },
  block("sgnet_dense_projection_up4") { item, x in
    let layer = DenseProjection(x, scale: try item.int("scale"), enlarges: true, initialiser)
    return (layer, { t in layer(try t.input()) })
  },
  block("sgnet_dense_projection_down4") { item, x in
    let layer = DenseProjection(x, scale: try item.int("scale"), enlarges: false, initialiser)
    return (layer, { t in layer(try t.input()) })
  },
  block("sgnet_sdb") { item, _ in
    let layer = SGNetFrequencyBlock(try item.int("channels"), try item.int("rgb_channels"), initialiser)
    return (layer, { t in layer(depth: try t.input("dp"), image: try t.input("rgb")) })
  },
  block("nafnet_block") { item, _ in
    let layer = NAFBlock(try item.int("channels"), initialiser)
    return (layer, { t in layer(try t.input()) })
  },
  block("dornet_dcn_layer") { item, _ in
    let layer = DORNetDeformableLayer(try item.int("channels"), initialiser)
    return (
      layer, { t in layer(try t.input(), maps: try t.input("inter"), summary: try t.input("fea")) }
    )
  },
  ParityOperation("layers", "swin_block_shifted") { item, check in
    let size = try item.ints("tokens_hw")
    // The configured grid is another one, so that the mask has to be made for these tokens.
    let layer = SwinBlock(
      channels: try item.int("dim"), heads: try item.int("heads"), window: try item.int("window"),
      shift: try item.int("shift"), gridSize: 8, mlpRatio: Double(try item.int("mlp_ratio")), initialiser)
    layer.setTraining(false)
    try item.layer(check, module: layer, prefix: "b.") { t in
      ["y": layer(try t.input(), height: size[0], width: size[1])]
    }
  },
]

/// Weights are replaced by those of the case, so their seed does not matter.
private var initialiser: WeightInitialiser { WeightInitialiser(seed: 0) }

/// A module with one output; `make` gets the channels of `in.x`.
private func block(
  _ operation: String,
  _ make: @escaping @Sendable (ParityCase, Int) throws -> (any Module, (CaseTensors) throws -> Tensor)
) -> ParityOperation {
  ParityOperation("layers", operation) { item, check in
    let channels = try item.tensors()["in.x"]?.shape[1] ?? 0
    let (module, run) = try make(item, channels)
    try item.layer(check, module: module) { t in ["y": try run(t)] }
  }
}
