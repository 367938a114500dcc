// SwinIR as an ONNX graph. Shapes are computed in the graph, so that any size that is a multiple of the window runs.

/// A grid of tokens inside the graph: batch, height and width as one-element integer tensors.
private struct TokenGrid {
  let g: OnnxGraph
  let n: OnnxGraph.Value, h: OnnxGraph.Value, w: OnnxGraph.Value
  let window: Int

  init(_ g: OnnxGraph, _ image: OnnxGraph.Value, window: Int) {
    self.g = g
    self.window = window
    let shape = g.node("Shape", [image])
    func size(_ axis: Int) -> OnnxGraph.Value {
      g.node("Slice", [shape, g.integers([axis]), g.integers([axis + 1]), g.integers([0])])
    }
    (n, h, w) = (size(0), size(2), size(3))
  }

  func reshaped(_ x: OnnxGraph.Value, _ sizes: [OnnxGraph.Value]) -> OnnxGraph.Value {
    g.node("Reshape", [x, g.node("Concat", sizes, ["axis": .integer(0)])])
  }

  func transposed(_ x: OnnxGraph.Value, _ order: [Int]) -> OnnxGraph.Value {
    g.node("Transpose", [x], ["perm": .integers(order)])
  }

  private func windows(_ size: OnnxGraph.Value) -> OnnxGraph.Value { g.node("Div", [size, g.integers([window])]) }

  /// [n, h, w, c] to [n * windows, window², c].
  func cut(_ x: OnnxGraph.Value, channels: Int, batch: OnnxGraph.Value? = nil) -> OnnxGraph.Value {
    let side = g.integers([window])
    let split = reshaped(x, [batch ?? n, windows(h), side, windows(w), side, g.integers([channels])])
    return g.node("Reshape", [transposed(split, [0, 1, 3, 2, 4, 5]), g.integers([-1, window * window, channels])])
  }

  /// The way back.
  func joined(_ x: OnnxGraph.Value, channels: Int) -> OnnxGraph.Value {
    let side = g.integers([window])
    let split = reshaped(x, [n, windows(h), windows(w), side, side, g.integers([channels])])
    return reshaped(transposed(split, [0, 1, 3, 2, 4, 5]), [n, h, w, g.integers([channels])])
  }

  /// Axes 1 and 2 rotated by `shift` towards the origin, or away from it.
  func rolled(_ x: OnnxGraph.Value, by shift: Int) -> OnnxGraph.Value {
    [1, 2].reduce(x) { x, axis in
      func part(_ from: Int, _ to: Int) -> OnnxGraph.Value {
        g.node("Slice", [x, g.integers([from]), g.integers([to]), g.integers([axis])])
      }
      let far = Int(Int32.max)
      return g.node("Concat", [part(shift, far), part(0, shift)], ["axis": .integer(axis)])
    }
  }

  /// -100 for pairs of tokens that the shift brought together, else 0: [1, windows, 1, window², window²].
  func mask(shift: Int) -> OnnxGraph.Value {
    func bands(_ size: OnnxGraph.Value) -> OnnxGraph.Value {
      let scalar = g.node("Squeeze", [size, g.integers([0])])
      let range = g.node("Range", [g.integer(0), scalar, g.integer(1)])
      func above(_ distance: Int) -> OnnxGraph.Value {
        let limit = g.node("Sub", [scalar, g.integer(distance)])
        return g.node("Cast", [g.node("GreaterOrEqual", [range, limit])], ["to": .integer(1)])
      }
      return g.add(above(window), above(shift))
    }
    let rows = g.node("Unsqueeze", [bands(h), g.integers([0, 2, 3])])
    let columns = g.node("Unsqueeze", [bands(w), g.integers([0, 1, 3])])
    let regions = cut(g.add(g.scaled(rows, 3), columns), channels: 1, batch: g.integers([1]))
    let different = g.node(
      "Not", [g.node("Equal", [regions, transposed(regions, [0, 2, 1])])])
    let mask = g.scaled(g.node("Cast", [different], ["to": .integer(1)]), -100)
    return g.node("Unsqueeze", [mask, g.integers([0, 2])])
  }
}

extension OnnxGraph {
  /// Over the last axis.
  fileprivate func rows(_ layer: LayerNorm, _ x: Value) -> Value {
    node(
      "LayerNormalization", [x, parameter(layer.weight), parameter(layer.bias)],
      ["axis": .integer(-1), "epsilon": .float(layer.epsilon)])
  }

  fileprivate func callAsFunction(_ layer: Linear, _ x: Value) -> Value {
    let product = node("MatMul", [x, node("Transpose", [parameter(layer.weight)], ["perm": .integers([1, 0])])])
    return add(product, parameter(layer.bias))
  }

  fileprivate func gelu(_ x: Value) -> Value {
    let bent = node("Erf", [scaled(x, Float(0.5).squareRoot())])
    return node("Mul", [scaled(x, 0.5), add(bent, constant(1))])
  }
}

extension SwinBlock {
  /// - Parameter x: [n, h, w, c].
  fileprivate func export(
    into g: OnnxGraph, _ x: OnnxGraph.Value, _ grid: TokenGrid, masks: inout [Int: OnnxGraph.Value]
  ) -> OnnxGraph.Value {
    let c = norm1.weight.count
    let (d, area) = (c / heads, window * window)
    var start = g.rows(norm1, x)
    if shift > 0 { start = grid.rolled(start, by: shift) }
    let parts = g.node(
      "Reshape", [g(qkv, grid.cut(start, channels: c)), g.integers([-1, area, 3, heads, d])])
    let split = grid.transposed(parts, [2, 0, 3, 1, 4])
    let (q, k, v) = (
      g.node("Gather", [split, g.integer(0)], ["axis": .integer(0)]),
      g.node("Gather", [split, g.integer(1)], ["axis": .integer(0)]),
      g.node("Gather", [split, g.integer(2)], ["axis": .integer(0)])
    )
    var scores = g.scaled(
      g.node("MatMul", [q, grid.transposed(k, [0, 1, 3, 2])]), Float(1 / Double(d).squareRoot()))
    scores = g.add(scores, g.constant(expandedBias(area: area), [1, heads, area, area]))
    if shift > 0 {
      let mask = masks[shift] ?? grid.mask(shift: shift)
      masks[shift] = mask
      // Windows of one image share the mask: [n, windows, heads, area, area].
      let perImage = grid.reshaped(scores, [grid.n, g.integers([-1]), g.integers([heads]), g.integers([area, area])])
      scores = g.node("Reshape", [g.add(perImage, mask), g.integers([-1, heads, area, area])])
    }
    let mixed = g.node("MatMul", [g.node("Softmax", [scores], ["axis": .integer(-1)]), v])
    let tokens = g.node("Reshape", [grid.transposed(mixed, [0, 2, 1, 3]), g.integers([-1, area, c])])
    var back = grid.joined(g(projection, tokens), channels: c)
    if shift > 0 { back = grid.rolled(back, by: -shift) }
    let middle = g.add(x, back)
    return g.add(middle, g(fc2, g.gelu(g(fc1, g.rows(norm2, middle)))))
  }

  /// The bias of each head for every pair of positions, [heads, area, area].
  private func expandedBias(area: Int) -> [Float] {
    let table = biasTable.value.values
    let positions = WindowAttentionTables(window: window).relativePositions
    return (0..<heads * area * area).map { table[Int(positions[$0 % (area * area)]) * heads + $0 / (area * area)] }
  }
}

/// Without the padding of sizes that are no multiple of the window.
extension SwinIR: OnnxExportable {
  func export(into g: OnnxGraph, _ x: OnnxGraph.Value) -> [(name: String, value: OnnxGraph.Value, channels: Int)] {
    let shift = g.constant(mean, [1, mean.count, 1, 1])
    let start = g(first, g.scaled(g.node("Sub", [x, shift]), setup.range))
    let grid = TokenGrid(g, start, window: min(setup.window, setup.imageSize))
    func tokens(_ image: OnnxGraph.Value) -> OnnxGraph.Value { grid.transposed(image, [0, 2, 3, 1]) }
    func image(_ tokens: OnnxGraph.Value) -> OnnxGraph.Value { grid.transposed(tokens, [0, 3, 1, 2]) }
    var masks: [Int: OnnxGraph.Value] = [:]
    var y = g.rows(patchNorm, tokens(start))
    for group in groups {
      var inner = y
      for block in group.blocks { inner = block.export(into: g, inner, grid, masks: &masks) }
      y = g.add(tokens(g(group.convolution, image(inner))), y)
    }
    var features = g.add(g(afterBody, image(g.rows(norm, y))), start)
    if let direct {
      features = g.pixelShuffled(g(direct, features), scale)
    } else if let before, let upsample, let last {
      features = g(last, upsample.export(into: g, g.leakyReLU(g(before, features), 0.01)))
    }
    return [("depth_sr", g.add(g.scaled(features, 1 / setup.range), shift), setup.imageChannels)]
  }
}
