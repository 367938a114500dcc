import Basics

/// How `Tensor.resized` reads between pixels.
public enum Interpolation: String, Sendable, Hashable {
  case nearest, bilinear
  /// Cubic convolution with a = -0.75, as PyTorch and OpenCV have it; no antialiasing.
  case bicubic
  /// Cubic convolution with a = -0.5 whose weights outside the image are dropped and the others enlarged, as Pillow has it
  /// when enlarging.
  case bicubicSharp
}

extension Tensor {
  /// Images at another size. Sample positions: half-pixel centres, or corner on corner with `alignCorners`; outside the image
  /// the border pixel counts. Parity: layers/bicubic_*, bilinear_*, nearest_*.
  public func resized(height: Int, width: Int, _ interpolation: Interpolation, alignCorners: Bool = false) -> Tensor {
    let rows = ResizeTable(from: h, to: height, interpolation, alignCorners)
    let columns = ResizeTable(from: w, to: width, interpolation, alignCorners)
    let x = contiguous()
    let planes = n * c
    let result = Tensor.resample(
      x, Tensor.resample(x, nil, planes, h, w, rows, alongRows: true), planes, height, w, columns, alongRows: false)
    let y = Tensor(shape: [n, c, height, width], layout: .contiguous, storage: result.storage, offset: 0)
    let (oldShape, oldHeight) = (shape, h)
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.contiguous()
      let half = Tensor.resample(dy, nil, planes, height, width, rows.transposed(), alongRows: true)
      let full = Tensor.resample(dy, half, planes, oldHeight, width, columns.transposed(), alongRows: false)
      return [Tensor(shape: oldShape, layout: .contiguous, storage: full.storage, offset: 0)]
    }
  }

  /// One axis of a resize over planes of `height` x `width`, read from `input` (or `source` when there is none yet).
  private static func resample(
    _ source: Tensor, _ input: Tensor?, _ planes: Int, _ height: Int, _ width: Int, _ table: ResizeTable,
    alongRows: Bool
  ) -> Tensor {
    let read = input ?? source
    let from = read.reader
    let (oh, ow) = alongRows ? (table.outputs, width) : (height, table.outputs)
    let result = Tensor.empty([planes, oh, ow])
    let to = result.writer
    parallel(planes * oh) { row in
      let (plane, y) = (row / oh, row % oh)
      let line = to + row * ow
      let base = from + plane * height * width
      if alongRows {
        line.update(repeating: 0, count: ow)
        for tap in table.range(y) {
          let weight = table.weights[tap]
          let input = base + table.indices[tap] * width
          for x in 0..<ow { line[x] += weight * input[x] }
        }
      } else {
        let input = base + y * width
        for x in 0..<ow {
          var sum: Float = 0
          for tap in table.range(x) { sum += table.weights[tap] * input[table.indices[tap]] }
          line[x] = sum
        }
      }
    }
    return result
  }
}

/// For every output position of one axis the input positions that it reads and their weights.
struct ResizeTable {
  var inputs: Int
  var outputs: Int
  private var starts: [Int] = [0]
  private(set) var indices: [Int] = []
  private(set) var weights: [Float] = []

  func range(_ output: Int) -> Range<Int> { starts[output]..<starts[output + 1] }

  private init(inputs: Int, rows: [[(Int, Float)]]) {
    self.inputs = inputs
    outputs = rows.count
    for row in rows {
      for (index, weight) in row {
        indices.append(index)
        weights.append(weight)
      }
      starts.append(indices.count)
    }
  }

  init(from inputs: Int, to outputs: Int, _ interpolation: Interpolation, _ alignCorners: Bool) {
    let scale =
      alignCorners
      ? (outputs > 1 ? Float(inputs - 1) / Float(outputs - 1) : 0) : Float(inputs) / Float(outputs)
    var rows: [[(Int, Float)]] = []
    for output in 0..<outputs {
      func clamp(_ i: Int) -> Int { min(max(i, 0), inputs - 1) }
      let position = alignCorners ? Float(output) * scale : (Float(output) + 0.5) * scale - 0.5
      switch interpolation {
      case .nearest:
        rows.append([(min(Int(Float(output) * scale), inputs - 1), 1)])
      case .bilinear:
        let at = max(position, 0)
        let low = clamp(Int(at))
        let t = at - Float(low)
        rows.append([(low, 1 - t), (clamp(low + 1), t)])
      case .bicubicSharp:
        let low = Int(position.rounded(.down))
        let t = position - Float(low)
        let a: Float = -0.5
        func near(_ d: Float) -> Float { ((a + 2) * d - (a + 3)) * d * d + 1 }
        func far(_ d: Float) -> Float { ((a * d - 5 * a) * d + 8 * a) * d - 4 * a }
        let taps = [(low - 1, far(t + 1)), (low, near(t)), (low + 1, near(1 - t)), (low + 2, far(2 - t))].filter {
          $0.0 >= 0 && $0.0 < inputs
        }
        let sum = taps.reduce(0) { $0 + $1.1 }
        rows.append(taps.map { ($0.0, $0.1 / sum) })
      case .bicubic:
        let low = position.rounded(.down)
        let t = position - low
        let a: Float = -0.75
        func near(_ d: Float) -> Float { ((a + 2) * d - (a + 3)) * d * d + 1 }
        func far(_ d: Float) -> Float { ((a * d - 5 * a) * d + 8 * a) * d - 4 * a }
        let first = Int(low) - 1
        rows.append([
          (clamp(first), far(t + 1)), (clamp(first + 1), near(t)), (clamp(first + 2), near(1 - t)),
          (clamp(first + 3), far(2 - t)),
        ])
      }
    }
    self.init(inputs: inputs, rows: rows)
  }

  /// The adjoint map: outputs to inputs, in the order of the outputs.
  func transposed() -> ResizeTable {
    var rows = [[(Int, Float)]](repeating: [], count: inputs)
    for output in 0..<outputs {
      for tap in range(output) { rows[indices[tap]].append((output, weights[tap])) }
    }
    return ResizeTable(inputs: outputs, rows: rows)
  }
}
