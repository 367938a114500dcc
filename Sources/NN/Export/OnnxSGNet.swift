// SGNet as an ONNX graph. Fourier transforms are products with matrices of sines and cosines that the graph makes from the
// image's size, in double precision as here: ONNX's own transform has no one-sided inverse in these operator sets.

/// exp(-2 pi i j k / size) for 0 <= j < size and 0 <= k < `columns`; the sine is exactly 0 where it must be, so that bins that
/// are their own conjugates are real.
private struct FourierMatrix {
  let cosine: OnnxGraph.Value, sine: OnnxGraph.Value
  /// For each column, whether its bin is its own mirror.
  let isOwnMirror: OnnxGraph.Value

  init(_ g: OnnxGraph, size: OnnxGraph.Value, columns: OnnxGraph.Value) {
    func range(_ end: OnnxGraph.Value) -> OnnxGraph.Value { g.node("Range", [g.integer(0), end, g.integer(1)]) }
    func isHalfTurn(_ steps: OnnxGraph.Value) -> OnnxGraph.Value {
      g.node("Equal", [g.node("Mod", [g.node("Mul", [steps, g.integer(2)]), size]), g.integer(0)])
    }
    let bins = range(columns)
    let steps = g.node(
      "Mod", [g.node("Mul", [g.node("Unsqueeze", [range(size), g.integers([1])]), bins]), size])
    let turns = g.node("Div", [g.double(steps), g.double(size)])
    let angle = g.node("Mul", [turns, g.double(-2 * Double.pi)])
    // Sines serve for both: they are what runtimes have in double precision.
    cosine = g.node("Sin", [g.add(angle, g.double(Double.pi / 2))])
    sine = g.node("Where", [isHalfTurn(steps), g.double(0), g.node("Sin", [angle])])
    isOwnMirror = isHalfTurn(bins)
  }
}

/// Transforms of images of one size.
private struct FourierGraph {
  let g: OnnxGraph
  private let rows: FourierMatrix, columns: FourierMatrix
  private let area: OnnxGraph.Value

  init(_ g: OnnxGraph, like image: OnnxGraph.Value) {
    self.g = g
    let shape = g.node("Shape", [image])
    func size(_ axis: Int) -> OnnxGraph.Value { g.node("Gather", [shape, g.integer(axis)]) }
    let (h, w) = (size(2), size(3))
    let half = g.add(g.node("Div", [w, g.integer(2)]), g.integer(1))
    columns = FourierMatrix(g, size: h, columns: h)
    rows = FourierMatrix(g, size: w, columns: half)
    area = g.double(g.node("Mul", [h, w]))
  }

  private func product(_ a: OnnxGraph.Value, _ b: OnnxGraph.Value) -> OnnxGraph.Value { g.node("MatMul", [a, b]) }

  /// Amplitudes and phases of the left half of the spectrum.
  func polar(_ image: OnnxGraph.Value) -> (amplitude: OnnxGraph.Value, phase: OnnxGraph.Value) {
    let x = g.double(image)
    let (a, b) = (product(x, rows.cosine), product(x, rows.sine))
    let real = g.single(g.node("Sub", [product(columns.cosine, a), product(columns.sine, b)]))
    let imaginary = g.single(g.add(product(columns.cosine, b), product(columns.sine, a)))
    let squares = g.add(g.node("Mul", [real, real]), g.node("Mul", [imaginary, imaginary]))
    return (g.node("Sqrt", [squares]), angle(real, imaginary))
  }

  /// atan2, from -pi to pi.
  private func angle(_ real: OnnxGraph.Value, _ imaginary: OnnxGraph.Value) -> OnnxGraph.Value {
    let zero = g.constant(0)
    let right = g.node("Atan", [g.node("Div", [imaginary, real])])
    let turn = g.node(
      "Where", [g.node("GreaterOrEqual", [imaginary, zero]), g.constant(.pi), g.constant(-.pi)])
    let either = g.node("Where", [g.node("Less", [real, zero]), g.add(right, turn), right])
    let nothing = g.node("And", [g.node("Equal", [real, zero]), g.node("Equal", [imaginary, zero])])
    return g.node("Where", [nothing, zero, either])
  }

  /// The images of a spectrum.
  func inverse(real: OnnxGraph.Value, imaginary: OnnxGraph.Value) -> OnnxGraph.Value {
    let (re, im) = (g.double(real), g.double(imaginary))
    let count = g.node("Where", [rows.isOwnMirror, g.double(1), g.double(2)])
    let weight = g.node("Div", [count, area])
    let a = g.add(product(columns.cosine, re), product(columns.sine, im))
    let b = g.node("Sub", [product(columns.cosine, im), product(columns.sine, re)])
    func across(_ part: OnnxGraph.Value, _ matrix: OnnxGraph.Value) -> OnnxGraph.Value {
      product(g.node("Mul", [part, weight]), g.node("Transpose", [matrix], ["perm": .integers([1, 0])]))
    }
    return g.single(g.add(across(a, rows.cosine), across(b, rows.sine)))
  }
}

extension OnnxGraph {
  /// The length of the gradient of each channel, as `Tensor.gradientMagnitude`.
  fileprivate func gradientMagnitude(_ x: Value, channels: Int) -> Value {
    func square(_ kernel: [Float]) -> Value {
      let weight = constant((0..<channels).flatMap { _ in kernel }, [channels, 1, 3, 3])
      let difference = node(
        "Conv", [x, weight],
        ["kernel_shape": .integers([3, 3]), "pads": .integers([1, 1, 1, 1]), "group": .integer(channels)])
      return node("Mul", [difference, difference])
    }
    let sum = add(square([0, -1, 0, 0, 0, 0, 0, 1, 0]), square([0, 0, 0, -1, 0, 1, 0, 0, 0]))
    return node("Sqrt", [add(sum, constant(1e-6))])
  }
}

extension DenseProjection {
  fileprivate func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    let a = first.export(into: g, x)
    return g.add(a, second.export(into: g, g.node("Sub", [back.export(into: g, a), x])))
  }
}

extension DenseProjection.Step {
  fileprivate func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    switch layer {
    case .shrinks(let convolution): g(activation, g(convolution, x))
    case .enlarges(let convolution): g(activation, g(convolution, x))
    }
  }
}

extension ChannelAttention {
  fileprivate func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    g.node("Mul", [x, g.node("Sigmoid", [g(expand, g.relu(g(squeeze, g.node("GlobalAveragePool", [x]))))])])
  }
}

extension SGNetDenseBlock {
  fileprivate func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    func apply(_ unit: Unit, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
      let inner = g.leakyReLU(g(unit.second, g.leakyReLU(g(unit.first, x), 0.1)), 0.1)
      return g.leakyReLU(g.add(inner, g(unit.identity, x)), 0.2)
    }
    let a = apply(first, x)
    return g.leakyReLU(g(last, g.concatenated([x, a, apply(second, a)])), 0.2)
  }
}

extension SGNetInvertibleBlock {
  fileprivate func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value {
    let matrix = NN.withoutGradients { mix.matrix }
    let channels = matrix.shape[0]
    let weight = g.constant(matrix.values, matrix.shape + [1, 1])
    let mixed = g.node("Conv", [x, weight], ["kernel_shape": .integers([1, 1])])
    func part(_ from: Int, _ to: Int) -> OnnxGraph.Value {
      g.node("Slice", [mixed, g.integers([from]), g.integers([to]), g.integers([1])])
    }
    let x2 = part(split, channels)
    let y1 = g.add(part(0, split), f.export(into: g, x2))
    let s = g.add(g.scaled(g.node("Sigmoid", [h.export(into: g, y1)]), 1.6), g.constant(-0.8))
    return g.concatenated([y1, g.add(g.node("Mul", [x2, g.node("Exp", [s])]), self.g.export(into: g, y1))])
  }
}

extension SGNetFrequencyBlock.Fusion {
  fileprivate func export(into g: OnnxGraph, depth: OnnxGraph.Value, image: OnnxGraph.Value) -> OnnxGraph.Value {
    let d = g(preDepth, depth)
    let apart = g.node("Abs", [g.node("Sub", [g(preImage, image), d])])
    func chain(_ layers: [Conv2d], _ x: OnnxGraph.Value) -> OnnxGraph.Value {
      g(layers[1], g.leakyReLU(g(layers[0], x), 0.1))
    }
    return g(post, g.concatenated([chain(common, d), chain(difference, apart)]))
  }
}

extension SGNetFrequencyBlock {
  fileprivate func export(into g: OnnxGraph, depth: OnnxGraph.Value, image: OnnxGraph.Value) -> OnnxGraph.Value {
    let fourier = FourierGraph(g, like: depth)
    let d = fourier.polar(g.add(g(preDepth, depth), g.constant(1e-8)))
    let i = fourier.polar(g.add(g(preImage, image), g.constant(1e-8)))
    let amplitude = amplitudes.export(into: g, depth: d.amplitude, image: i.amplitude)
    let phase = phases.export(into: g, depth: d.phase, image: i.phase)
    let fused = fourier.inverse(
      real: g.add(g.node("Mul", [amplitude, g.node("Cos", [phase])]), g.constant(2e-8)),
      imaginary: g.add(g.node("Mul", [amplitude, g.node("Sin", [phase])]), g.constant(1e-8)))
    return g(post, g.node("Abs", [fused]))
  }
}

extension SGNetBridge {
  fileprivate func export(
    into g: OnnxGraph, depth: OnnxGraph.Value, image: OnnxGraph.Value
  ) -> (depth: OnnxGraph.Value, image: OnnxGraph.Value) {
    let large = up.export(into: g, depth)
    let processed = g(imageProcess, image)
    let guide = g(imagePre, processed)
    let space = g(spaceLast, spaceBlock.export(into: g, g.concatenated([large, guide])))
    let frequency = self.frequency.export(into: g, depth: large, image: guide)
    let fused = g(fuseLast, fuseBlock.export(into: g, g.concatenated([space, frequency])))
    let mean = g.node("GlobalAveragePool", [fused])
    let centred = g.node("Sub", [fused, mean])
    let deviation = g.node("Sqrt", [g.node("GlobalAveragePool", [g.node("Mul", [centred, centred])])])
    let weights = g(attention[1], g.leakyReLU(g(attention[0], g.add(deviation, mean)), 0.1))
    let attended = g.node("Mul", [fused, g.node("Sigmoid", [weights])])
    return (down.export(into: g, g.add(attended, large)), processed)
  }
}

extension SGNetGradientBranch {
  fileprivate func export(
    into g: OnnxGraph, depth: OnnxGraph.Value, image: OnnxGraph.Value
  ) -> (map: OnnxGraph.Value, features: OnnxGraph.Value) {
    let large = up.export(into: g, depth)
    let imagePart = imageBlock.export(into: g, g(fromImage, g.gradientMagnitude(image, channels: 3)))
    let depthPart = g(fromDepth, g.gradientMagnitude(large, channels: 1))
    let joined = g(join, g.concatenated([imagePart, depthGroup.export(into: g, depthPart)]))
    let attended = attention.export(into: g, joinGroups.reduce(joined) { $1.export(into: g, $0) })
    let gradientMap = g(map, g(fuse, g.add(depthPart, attended)))
    let fromMap = g(mapConvolutions[1], g.leakyReLU(g(mapConvolutions[0], gradientMap), 0.2))
    let carried = g.add(fromMap, directGroup.export(into: g, g(direct, large)))
    return (gradientMap, down.export(into: g, lastGroups.reduce(carried) { $1.export(into: g, $0) }))
  }
}

extension SGNet: OnnxGuidedExportable {
  func export(
    into g: OnnxGraph, _ x: OnnxGraph.Value, guide: OnnxGraph.Value
  ) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    func bridge(
      _ index: Int, _ depth: OnnxGraph.Value, _ edges: OnnxGraph.Value, image: OnnxGraph.Value
    ) -> (depth: OnnxGraph.Value, image: OnnxGraph.Value) {
      bridges[index].export(into: g, depth: g(withGradient[index], g.concatenated([depth, edges])), image: image)
    }
    let (map, edges) = gradient.export(into: g, depth: x, image: guide)
    let start = g.leakyReLU(g(depthFirst, x), 0.2)
    let d1 = depthGroups[0].export(into: g, start)
    let rgb = imageBlocks[0].export(into: g, g.leakyReLU(g(imageFirst, guide), 0.2))
    let b1 = bridge(0, d1, edges, image: rgb)
    let d2 = depthGroups[1].export(into: g, g.concatenated([d1, g.add(b1.depth, start)]))
    let b2 = bridge(1, d2, edges, image: imageBlocks[1].export(into: g, b1.image))
    let second = g(joinSecond, g.concatenated([d2, g.add(b2.depth, g(depthSecond, start))]))
    let d3 = depthGroups[2].export(into: g, second)
    let b3 = bridge(2, d3, edges, image: imageBlocks[2].export(into: g, b2.image))
    let d4 = depthGroups[3].export(into: g, g(joinAll, g.concatenated([d1, d2, d3, b3.depth])))
    let large = tail.reduce(upsampler.export(into: g, d4)) { $1.export(into: g, $0) }
    let correction = g(last[1], g.leakyReLU(g(last[0], large), 0.2))
    return [("depth_sr", g.add(correction, g.enlarged(x, scale, .bicubic)), 1), ("gradient_map", map, 1)]
  }
}
