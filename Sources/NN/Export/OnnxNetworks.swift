// The networks as ONNX graphs, each beside its forward pass in Models.

extension DepthUpResUNet: OnnxExportable {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    func block(_ block: DoubleConvolution, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
      zip(block.convolutions, block.norms).reduce(x) { g.relu(g($1.1, g($1.0, $0))) }
    }
    let base = g.clamped(g.enlarged(x, 4, .bicubic), 0, 1)
    var y = base
    var skips: [OnnxGraph.Value] = []
    for encoder in encoders {
      skips.append(block(encoder, y))
      y = g.node(
        "MaxPool", [skips[skips.count - 1]], ["kernel_shape": .integers([2, 2]), "strides": .integers([2, 2])])
    }
    y = block(bottleneck, y)
    for (up, decoder) in zip(ups, decoders) {
      y = block(decoder, g.concatenated([g(up, y), skips.removeLast()]))
    }
    let depth = g.clamped(g.add(base, g.scaled(g.node("Tanh", [g(head, y)]), 0.5)), 0, 1)
    guard let normalHead else { return [("depth_sr", depth, 1)] }
    let raw = g(normalHead.projection, g.relu(g(normalHead.norm, g(normalHead.convolution, y))))
    let length = g.node("ReduceL2", [raw], ["axes": .integers([1]), "keepdims": .integer(1)])
    let normal = g.node("Div", [raw, g.node("Max", [length, g.constant(1e-6)])])
    return [("depth_sr", depth, 1), ("normal", normal, 3)]
  }
}

extension ResidualBlock {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    let middle = g(first, x)
    return g.add(x, g.scaled(g(second, slope == 0 ? g.relu(middle) : g.leakyReLU(middle, slope)), factor))
  }
}

extension ShuffleUpsampler {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    zip(convolutions, factors).reduce(x) { g.pixelShuffled(g($1.0, $0), $1.1) }
  }
}

extension EDSRLight: OnnxExportable {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    let base = g.clamped(g.enlarged(x, 4, .bicubic), 0, 1)
    let first = g(head, x)
    let features = g.add(g(bodyTail, body.reduce(first) { $1.export(into: g, $0) }), first)
    let correction = g.scaled(g(tail, up.export(into: g, features)), 0.5)
    return [("depth_sr", g.clamped(g.add(base, correction), 0, 1), 1)]
  }
}

extension SRResNet: OnnxExportable {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    let base = g.clamped(g.enlarged(x, 4, .bicubic), 0, 1)
    let first = g(headActivation, g(head, x))
    let result = body.reduce(first) { x, block in
      let middle = g(block.activation, g(block.norms[0], g(block.convolutions[0], x)))
      return g.add(g(block.norms[1], g(block.convolutions[1], middle)), x)
    }
    var y = g.add(g(bodyNorm, g(bodyTail, result)), first)
    for (convolution, activation) in zip(up, upActivations) { y = g(activation, g.pixelShuffled(g(convolution, y), 2)) }
    return [("depth_sr", g.clamped(g.add(base, g.scaled(g(tail, y), 0.5)), 0, 1), 1)]
  }
}

extension MSRResNet: OnnxExportable {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    var y = body.reduce(g.leakyReLU(g(first, x), 0.1)) { $1.export(into: g, $0) }
    for up in ups { y = g.leakyReLU(g.pixelShuffled(g(up, y), ups.count == 2 ? 2 : scale), 0.1) }
    let result = g(last, g.leakyReLU(g(high, y), 0.1))
    return [("depth_sr", g.add(result, g.enlarged(x, scale, .bilinear)), last.weight.shape[0])]
  }
}

extension EDSR: OnnxExportable {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    let shift = g.constant(mean, [1, mean.count, 1, 1])
    let start = g(first, g.scaled(g.node("Sub", [x, shift]), range))
    let features = g.add(g(afterBody, body.reduce(start) { $1.export(into: g, $0) }), start)
    let result = g(last, upsample.export(into: g, features))
    return [("depth_sr", g.add(g.scaled(result, 1 / range), shift), mean.count)]
  }
}

extension SRCNN: OnnxExportable {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    [("depth_sr", refine(into: g, g.enlarged(x, scale, .bicubic)), imageChannels)]
  }
}

extension VDSR: OnnxExportable {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    [("depth_sr", refine(into: g, g.enlarged(x, scale, .bicubic)), 1)]
  }
}

extension DSDMSR: OnnxExportable {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    var y = x
    var maps: [(name: String, value: OnnxGraph.Value, channels: Int)] = []
    var sum: OnnxGraph.Value?
    for (factor, units) in levels {
      let views = units.map { $0.refine(into: g, y) }
      y = g.pixelShuffled(g.concatenated(views), 2)
      maps.append(("x\(factor)", y, 1))
      let large = g.enlarged(y, scale / factor, .bilinear)
      sum = sum.map { g.add($0, large) } ?? large
    }
    return [("depth_sr", fusion.refine(into: g, sum ?? y), 1)] + maps
  }
}

extension NAFBlock {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    func factor(_ parameter: Parameter) -> OnnxGraph.Value { g.parameter(parameter) }
    let gated = g.simpleGate(g(conv2, g(conv1, g(norm1, x))))
    let weighted = g.node("Mul", [gated, g(attention, g.node("GlobalAveragePool", [gated]))])
    let y = g.add(x, g.node("Mul", [g(conv3, weighted), factor(beta)]))
    return g.add(y, g.node("Mul", [g(conv5, g.simpleGate(g(conv4, g(norm2, y)))), factor(gamma)]))
  }
}

extension NAFEncoder {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> (skips: [OnnxGraph.Value], bottom: OnnxGraph.Value) {
    var y = x
    var skips: [OnnxGraph.Value] = []
    for (blocks, down) in zip(levels, downs) {
      skips.append(blocks.reduce(y) { $1.export(into: g, $0) })
      y = g(down, skips[skips.count - 1])
    }
    return (skips, y)
  }
}

extension NAFDecoder {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value, skips: [OnnxGraph.Value]) -> OnnxGraph.Value {
    zip(zip(levels, ups), skips.reversed()).reduce(x) { y, level in
      let ((blocks, up), skip) = level
      return blocks.reduce(g.add(g.pixelShuffled(g(up, y), 2), skip)) { $1.export(into: g, $0) }
    }
  }
}

/// Without the padding of odd sizes: the enlarged image's sides must be multiples of 2^levels.
extension NAFNet: OnnxExportable {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    let image = g.enlarged(x, scale, .bicubic)
    let (skips, bottom) = encoder.export(into: g, g(intro, image))
    let y = decoder.export(into: g, middle.reduce(bottom) { $1.export(into: g, $0) }, skips: skips)
    return [("depth_sr", g.add(g(ending, y), image), ending.weight.shape[0])]
  }
}

/// Without the padding of odd sizes, as NAFNet.
extension RelativeDepthFusion: OnnxGuidedExportable {
  func export(
    into g: OnnxGraph, _ x: OnnxGraph.Value, guide: OnnxGraph.Value
  ) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    let base = g.enlarged(x, scale, .bicubic)
    let (depthSkips, depthBottom) = depthEncoder.export(into: g, g(depthIntro, base))
    let (relativeSkips, relativeBottom) = relativeEncoder.export(into: g, g(relativeIntro, guide))
    let skips = zip(relativeSkips, depthSkips).map { g.adaptedStatistics($0, of: $1) }
    let bottom = g.add(g.adaptedStatistics(relativeBottom, of: depthBottom), depthBottom)
    let y = decoder.export(into: g, middle.reduce(bottom) { $1.export(into: g, $0) }, skips: skips)
    return [("depth_sr", g.add(g(ending, y), base), 1)]
  }
}

extension OnnxGraph {
  /// Adaptive instance normalisation, as `Tensor.adaptedStatistics`.
  fileprivate func adaptedStatistics(_ x: Value, of style: Value) -> Value {
    func moments(_ x: Value) -> (mean: Value, centred: Value, variance: Value) {
      let mean = node("GlobalAveragePool", [x])
      let centred = node("Sub", [x, mean])
      return (mean, centred, node("GlobalAveragePool", [node("Mul", [centred, centred])]))
    }
    let (own, other) = (moments(x), moments(style))
    let factor = node(
      "Div", [node("Sqrt", [other.variance]), node("Sqrt", [add(own.variance, constant(1e-5))])])
    return add(node("Mul", [own.centred, factor]), other.mean)
  }
}
