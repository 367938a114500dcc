import Basics
import Foundation
import NN

private func rearrangement(
  _ name: String, least: Int = 2,
  _ draw:
    @escaping @Sendable (inout SeededRandom, [Int]) -> (
      shape: [Int], source: (Grid, Int, Int, Int, Int) -> Double, operation: (Tensor) -> Tensor
    )
) -> DoubleCase {
  DoubleCase(name: name) { random in
    let shape = drawnShape(&random, least: least)
    let (to, source, operation) = draw(&random, shape)
    return DoubleProblem(
      inputs: [Grid(shape, &random)],
      reference: { inputs in .image(to) { source(inputs[0], $0, $1, $2, $3) } }, operation: { operation($0[0]) })
  }
}

/// Where an output position of a resize reads, as weights of input positions.
private func taps(_ i: Int, from: Int, to: Int, _ kind: Interpolation, alignCorners: Bool) -> [(Int, Double)] {
  let place =
    alignCorners
    ? (to == 1 ? 0 : Double(i) * Double(from - 1) / Double(to - 1))
    : (Double(i) + 0.5) * Double(from) / Double(to) - 0.5
  func inside(_ k: Int) -> Int { min(max(k, 0), from - 1) }
  func cubic(_ a: Double, _ t: Double) -> Double {
    let t = abs(t)
    if t <= 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
    return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0
  }
  switch kind {
  case .nearest: return [(min(Int(Double(i) * Double(from) / Double(to)), from - 1), 1)]
  case .bilinear:
    let at = max(place, 0)
    let left = min(Int(at), from - 1)
    let t = at - Double(left)
    return [(left, 1 - t), (inside(left + 1), t)]
  case .bicubic:
    let left = Int(place.rounded(.down))
    return (-1...2).map { (inside(left + $0), cubic(-0.75, place - Double(left + $0))) }
  case .bicubicSharp:
    let left = Int(place.rounded(.down))
    var used: [(Int, Double)] = []
    for k in left - 1...left + 2 where k >= 0 && k < from { used.append((k, cubic(-0.5, place - Double(k)))) }
    let sum = used.reduce(0.0) { $0 + $1.1 }
    return used.map { ($0.0, $0.1 / sum) }
  }
}

private func resizing(_ name: String, _ kind: Interpolation, alignCorners: Bool = false, growsOnly: Bool = false)
  -> DoubleCase
{
  rearrangement(name) { random, shape in
    let h = (growsOnly ? shape[2] : 1) + random.index(below: 12)
    let w = (growsOnly ? shape[3] : 1) + random.index(below: 12)
    return (
      [shape[0], shape[1], h, w],
      { x, n, c, y, z in
        var sum = 0.0
        for (row, a) in taps(y, from: x.h, to: h, kind, alignCorners: alignCorners) {
          for (column, b) in taps(z, from: x.w, to: w, kind, alignCorners: alignCorners) {
            sum += a * b * x[n, c, row, column]
          }
        }
        return sum
      }, { $0.resized(height: h, width: w, kind, alignCorners: alignCorners) }
    )
  }
}

/// Operations that move, mix or pool pixels.
let spatialProblems: [DoubleCase] = [
  resizing("nearest", .nearest), resizing("bilinear", .bilinear),
  resizing("bilinear, corners", .bilinear, alignCorners: true), resizing("bicubic", .bicubic),
  resizing("bicubic, corners", .bicubic, alignCorners: true),
  resizing("bicubic, sharp", .bicubicSharp, growsOnly: true),
  DoubleCase(name: "pixel shuffle") { random in
    let r = 2 + random.index(below: 3)
    let shape = drawnShape(&random, channels: r * r * (1 + random.index(below: 2)))
    return DoubleProblem(
      detail: "by \(r)", inputs: [Grid(shape, &random)],
      reference: { inputs in
        .image([shape[0], shape[1] / (r * r), shape[2] * r, shape[3] * r]) { n, c, y, x in
          inputs[0][n, c * r * r + y % r * r + x % r, y / r, x / r]
        }
      },
      operation: { $0[0].pixelShuffled(r) })
  },
  DoubleCase(name: "pixel unshuffle") { random in
    let r = 2 + random.index(below: 3)
    let (n, c) = (1 + random.index(below: 3), 1 + random.index(below: 3))
    let shape = [n, c, r * (1 + random.index(below: 4)), r * (1 + random.index(below: 4))]
    return DoubleProblem(
      detail: "by \(r)", inputs: [Grid(shape, &random)],
      reference: { inputs in
        .image([n, c * r * r, shape[2] / r, shape[3] / r]) { n, c, y, x in
          inputs[0][n, c / (r * r), y * r + c % (r * r) / r, x * r + c % r]
        }
      },
      operation: { $0[0].pixelUnshuffled(r) })
  },
  rearrangement("reflection padding") { random, shape in
    let (right, bottom) = (random.index(below: shape[3]), random.index(below: shape[2]))
    return (
      [shape[0], shape[1], shape[2] + bottom, shape[3] + right],
      { x, n, c, y, z in x[n, c, y < x.h ? y : 2 * x.h - 2 - y, z < x.w ? z : 2 * x.w - 2 - z] },
      { $0.reflectPadded(right: right, bottom: bottom) }
    )
  },
  rearrangement("zero padding") { random, shape in
    let (right, bottom) = (random.index(below: 5), random.index(below: 5))
    return (
      [shape[0], shape[1], shape[2] + bottom, shape[3] + right], { $0[$1, $2, $3, $4] },
      { $0.zeroPadded(right: right, bottom: bottom) }
    )
  },
  rearrangement("crop") { random, shape in
    let (h, w) = (1 + random.index(below: shape[2]), 1 + random.index(below: shape[3]))
    return ([shape[0], shape[1], h, w], { $0[$1, $2, $3, $4] }, { $0.cropped(height: h, width: w) })
  },
  rearrangement("roll") { random, shape in
    let (dy, dx) = (random.index(below: 9) - 4, random.index(below: 9) - 4)
    // Axes 1 and 2 are rolled.
    func back(_ i: Int, _ by: Int, _ size: Int) -> Int { (((i - by) % size) + size) % size }
    return (
      shape, { x, a, b, c, d in x[a, back(b, dy, x.c), back(c, dx, x.h), d] }, { $0.rolled(dy: dy, dx: dx) }
    )
  },
  DoubleCase(name: "max pooling") { random in
    let shape = drawnShape(&random, least: 2)
    return DoubleProblem(
      inputs: [Grid(shape, &random)],
      reference: { inputs in
        .image([shape[0], shape[1], shape[2] / 2, shape[3] / 2]) { n, c, y, x in
          max(
            inputs[0][n, c, 2 * y, 2 * x], inputs[0][n, c, 2 * y, 2 * x + 1], inputs[0][n, c, 2 * y + 1, 2 * x],
            inputs[0][n, c, 2 * y + 1, 2 * x + 1])
        }
      },
      operation: { $0[0].maxPooled2x2() })
  },
  DoubleCase(name: "adaptive average") { random in
    let shape = drawnShape(&random, least: 3)
    let (h, w) = (1 + random.index(below: shape[2]), 1 + random.index(below: shape[3]))
    func bin(_ i: Int, _ size: Int, _ bins: Int) -> Range<Int> { i * size / bins..<((i + 1) * size + bins - 1) / bins }
    return DoubleProblem(
      detail: "to \(h) x \(w)", inputs: [Grid(shape, &random)],
      reference: { inputs in
        .image([shape[0], shape[1], h, w]) { n, c, y, x in
          let (rows, columns) = (bin(y, shape[2], h), bin(x, shape[3], w))
          var sum = 0.0
          for row in rows { for column in columns { sum += inputs[0][n, c, row, column] } }
          return sum / Double(rows.count * columns.count)
        }
      },
      operation: { $0[0].adaptiveAverage(height: h, width: w) })
  },
  DoubleCase(name: "global average") { random in
    let shape = drawnShape(&random)
    return DoubleProblem(
      inputs: [Grid(shape, &random)],
      reference: { inputs in
        .image([shape[0], shape[1], 1, 1]) { n, c, _, _ in Grid.moments(inputs[0].plane(n, c)).mean }
      },
      operation: { $0[0].globalAverage() })
  },
  DoubleCase(name: "global maximum") { random in
    let shape = drawnShape(&random)
    return DoubleProblem(
      inputs: [Grid(shape, &random)],
      reference: { inputs in
        .image([shape[0], shape[1], 1, 1]) { n, c, _, _ in inputs[0].plane(n, c).max() ?? 0 }
      },
      operation: { $0[0].globalMaximum() })
  },
  DoubleCase(name: "gradient magnitude") { random in
    let shape = drawnShape(&random, least: 2)
    return DoubleProblem(
      inputs: [Grid(shape, &random)],
      reference: { inputs in
        let x = inputs[0]
        return .image(shape) { n, c, i, j in
          let (dy, dx) = (x[n, c, i + 1, j] - x[n, c, i - 1, j], x[n, c, i, j + 1] - x[n, c, i, j - 1])
          return (dy * dy + dx * dx + 1e-6).squareRoot()
        }
      },
      operation: { $0[0].gradientMagnitude() })
  },
]
