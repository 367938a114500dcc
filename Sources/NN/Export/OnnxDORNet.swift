// DORNet as an ONNX graph; operator set 19, the first with deformable convolutions.

extension ChannelAttentionBlock {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    let middle = g(first, x)
    let y = g(second, slope == 0 ? g.relu(middle) : g.leakyReLU(middle, slope))
    let weights = g(attention.expand, g.relu(g(attention.squeeze, g.node("GlobalAveragePool", [y]))))
    return g.add(g.node("Mul", [y, g.node("Sigmoid", [weights])]), x)
  }
}

extension ResidualGroup {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    g.add(g(last, blocks.reduce(x) { $1.export(into: g, $0) }), x)
  }
}

extension DORNetResidualBlock {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    let middle = g.leakyReLU(g(norms[0], g(convolutions[0], x)), 0.1)
    return g.leakyReLU(g.add(g(norms[1], g(convolutions[1], middle)), g(shortcutNorm, g(shortcut, x))), 0.1)
  }
}

extension DORNetEncoder {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> (summary: OnnxGraph.Value, maps: OnnxGraph.Value) {
    let maps = blocks.reduce(x) { $1.export(into: g, $0) }
    let half = g.leakyReLU(g(norms[0], g(convolutions[0], maps)), 0.1)
    return (g.node("GlobalAveragePool", [g(norms[1], g(convolutions[1], half))]), maps)
  }
}

extension DORNetDeformableLayer {
  func export(
    into g: OnnxGraph, _ x: OnnxGraph.Value, maps: OnnxGraph.Value, summary: OnnxGraph.Value
  ) -> OnnxGraph.Value {
    let places = g(offsets, maps)
    func channels(_ from: Int, _ to: Int) -> OnnxGraph.Value {
      g.node("Slice", [places, g.integers([from]), g.integers([to]), g.integers([1])])
    }
    let scaled = g.node("Mul", [x, g(factors, summary)])
    let deformed = g.node(
      "DeformConv",
      [scaled, g.parameter(weight), channels(0, 18), nil, g.node("Sigmoid", [channels(18, 27)])],
      ["kernel_shape": .integers([3, 3]), "pads": .integers([1, 1, 1, 1])])
    return g(last, deformed)
  }
}

extension DORNetFusion {
  func export(
    into g: OnnxGraph, _ depth: OnnxGraph.Value, image: OnnxGraph.Value, maps: OnnxGraph.Value, summary: OnnxGraph.Value
  ) -> OnnxGraph.Value {
    let attended = block.export(into: g, image)
    let rgb = g(imageLast, g.add(deformable.export(into: g, attended, maps: maps, summary: summary), attended))
    let gated = g.add(g(expand, g.node("Mul", [g(reduce, rgb), g.node("Sigmoid", [g(gate, maps)])])), rgb)
    return g.add(depth, g(join, g.concatenated([gated, depth])))
  }
}

extension DORNet: OnnxGuidedExportable {
  func export(
    into g: OnnxGraph, _ x: OnnxGraph.Value, guide: OnnxGraph.Value
  ) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    let query =
      scale == 1
      ? x
      : g.node(
        "Resize", [x, nil, g.constant([1, 1, Float(scale), Float(scale)], [4])],
        [
          "mode": .text("cubic"), "cubic_coeff_a": .float(-0.5), "exclude_outside": .integer(1),
          "coordinate_transformation_mode": .text("half_pixel"),
        ])
    let (summary, maps) = encoder.export(into: g, query)
    var images = [g(imageHead, guide)]
    for (i, convolution) in imageChain.enumerated() {
      let next = g(convolution, images[i])
      images.append(i < 3 ? g.leakyReLU(next, 0.1) : next)
    }
    let start = g(head, query)
    var y = start
    var results: [OnnxGraph.Value] = []
    for (i, fusion) in fusions.enumerated() {
      y = fusion.export(into: g, y, image: images[i], maps: maps, summary: summary)
      if i < 4 { y = groups[i].export(into: g, i == 0 ? y : g.leakyReLU(y, 0.1)) }
      results.append(y)
    }
    let end = joinGroup.export(into: g, g(join, g.concatenated(results)))
    return [("depth_sr", g(tail, g.add(end, start)), 1)]
  }
}
