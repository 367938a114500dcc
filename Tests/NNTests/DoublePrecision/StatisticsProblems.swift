import Basics
import Foundation
import NN

let doubleCases = convolutionProblems + elementProblems + spatialProblems + statisticsProblems + lossProblems

/// The spectrum of real images by its definition: [2, n, c, h, w/2 + 1].
private func spectrum(_ x: Grid) -> Grid {
  let half = x.w / 2 + 1
  let part = x.n * x.c * x.h * half
  return Grid([2, x.n, x.c, x.h, half]) { index in
    let (i, isImaginary) = (index % part, index >= part)
    let (u, v, plane) = (i / half % x.h, i % half, i / half / x.h)
    var sum = 0.0
    for y in 0..<x.h {
      for z in 0..<x.w {
        let angle = -2 * Double.pi * (Double(u * y) / Double(x.h) + Double(v * z) / Double(x.w))
        sum += x.values[(plane * x.h + y) * x.w + z] * (isImaginary ? sin(angle) : cos(angle))
      }
    }
    return sum
  }
}

private func softmax(_ row: [Double]) -> [Double] {
  let powers = row.map { exp($0) }
  let sum = powers.reduce(0, +)
  return powers.map { $0 / sum }
}

/// Operations with statistics, sums over channels or windows, and spectra.
let statisticsProblems: [DoubleCase] = [
  DoubleCase(name: "layer normalisation of rows", tolerance: 1e-4) { random in
    let (rows, length) = (1 + random.index(below: 9), 2 + random.index(below: 19))
    return DoubleProblem(
      inputs: [Grid([rows, length], &random), Grid([length], &random), Grid([length], &random)],
      reference: { inputs in
        Grid([rows, length]) { i in
          let row = Array(inputs[0].values[i / length * length..<(i / length + 1) * length])
          let (mean, variance) = Grid.moments(row)
          return (row[i % length] - mean) / (variance + 1e-5).squareRoot() * inputs[1].values[i % length]
            + inputs[2].values[i % length]
        }
      },
      operation: { $0[0].layerNormalised(weight: $0[1], bias: $0[2]) })
  },
  DoubleCase(name: "layer normalisation over channels", tolerance: 1e-4) { random in
    let shape = drawnShape(&random, channels: 3 + random.index(below: 18))
    return DoubleProblem(
      inputs: [Grid(shape, &random), Grid([shape[1]], &random), Grid([shape[1]], &random)],
      reference: { inputs in
        .image(shape) { n, c, y, x in
          let (mean, variance) = Grid.moments((0..<shape[1]).map { inputs[0][n, $0, y, x] })
          return (inputs[0][n, c, y, x] - mean) / (variance + 1e-6).squareRoot() * inputs[1].values[c]
            + inputs[2].values[c]
        }
      },
      operation: { $0[0].layerNormalisedOverChannels(weight: $0[1], bias: $0[2]) })
  },
  DoubleCase(name: "batch normalisation", tolerance: 1e-4) { random in
    var shape = drawnShape(&random, least: 3)
    shape[0] += 1
    let channels = shape[1]
    return DoubleProblem(
      inputs: [Grid(shape, &random)],
      reference: { inputs in
        let moments = (0..<channels).map { c in
          Grid.moments((0..<inputs[0].n).flatMap { inputs[0].plane($0, c) })
        }
        return .image(inputs[0].shape) { n, c, y, x in
          (inputs[0][n, c, y, x] - moments[c].mean) / (moments[c].variance + 1e-5).squareRoot()
        }
      },
      operation: { BatchNorm2d(channels)($0[0]) })
  },
  DoubleCase(name: "adaptive instance normalisation", tolerance: 2e-4) { random in
    let shape = drawnShape(&random, least: 3)
    return DoubleProblem(
      inputs: [Grid(shape, &random), Grid(shape, &random)],
      reference: { inputs in
        .image(shape) { n, c, y, x in
          let (own, style) = (Grid.moments(inputs[0].plane(n, c)), Grid.moments(inputs[1].plane(n, c)))
          return style.variance.squareRoot() * (inputs[0][n, c, y, x] - own.mean)
            / (own.variance + 1e-5).squareRoot() + style.mean
        }
      },
      operation: { $0[0].adaptedStatistics(of: $0[1]) })
  },
  DoubleCase(name: "deviation of channels", tolerance: 5e-5) { random in
    let shape = drawnShape(&random, least: 2)
    return DoubleProblem(
      inputs: [Grid(shape, &random)],
      reference: { inputs in
        .image([shape[0], shape[1], 1, 1]) { n, c, _, _ in
          Grid.moments(inputs[0].plane(n, c)).variance.squareRoot()
        }
      },
      operation: { $0[0].channelDeviation() })
  },
  DoubleCase(name: "length over channels") { random in
    // One channel alone has the constant length 1.
    let shape = drawnShape(&random, channels: 2 + random.index(below: 5))
    return DoubleProblem(
      inputs: [Grid(shape, &random, 0.2...1)],
      reference: { inputs in
        .image(shape) { n, c, y, x in
          var square = 0.0
          for k in 0..<shape[1] { square += inputs[0][n, k, y, x] * inputs[0][n, k, y, x] }
          return inputs[0][n, c, y, x] / square.squareRoot()
        }
      },
      operation: { $0[0].normalisedOverChannels() })
  },
  DoubleCase(name: "softmax") { random in
    let (rows, length) = (1 + random.index(below: 9), 1 + random.index(below: 19))
    return DoubleProblem(
      inputs: [Grid([rows, length], &random, -3...3)],
      reference: { inputs in
        let results = (0..<rows).flatMap { softmax(Array(inputs[0].values[$0 * length..<($0 + 1) * length])) }
        return Grid([rows, length]) { results[$0] }
      },
      operation: { $0[0].softmax() })
  },
  DoubleCase(name: "softmax over channels") { random in
    let shape = drawnShape(&random)
    return DoubleProblem(
      inputs: [Grid(shape, &random)],
      reference: { inputs in
        .image(shape) { n, c, y, x in softmax((0..<shape[1]).map { inputs[0][n, $0, y, x] })[c] }
      },
      operation: { $0[0].softmaxOverChannels() })
  },
  DoubleCase(name: "window attention") { random in
    let (windows, side, heads, d) = (
      2 * (1 + random.index(below: 2)), 2 + random.index(below: 2), 1 + random.index(below: 3),
      1 + random.index(below: 5)
    )
    let (tokens, channels) = (side * side, heads * d)
    let tables = WindowAttentionTables(window: side)
    // Masks of two windows, used in turn by the images.
    let isMasked = random.index(below: 2) == 0
    let masks = Grid([2, tokens, tokens]) { _ in random.uniform() < 0.3 ? -100 : 0 }
    let entries = (2 * side - 1) * (2 * side - 1)
    return DoubleProblem(
      detail: "\(heads) heads\(isMasked ? ", masked" : "")",
      inputs: [Grid([windows, tokens, 3 * channels], &random), Grid([entries, heads], &random)],
      reference: { inputs in
        func part(_ window: Int, _ token: Int, _ kind: Int, _ head: Int, _ i: Int) -> Double {
          inputs[0].values[(window * tokens + token) * 3 * channels + kind * channels + head * d + i]
        }
        var result = Grid([windows, tokens, channels])
        for window in 0..<windows {
          for head in 0..<heads {
            for query in 0..<tokens {
              let scores = (0..<tokens).map { key -> Double in
                var dot = 0.0
                for i in 0..<d { dot += part(window, query, 0, head, i) * part(window, key, 1, head, i) }
                let bias = inputs[1].values[Int(tables.relativePositions[query * tokens + key]) * heads + head]
                let mask = isMasked ? masks.values[(window % 2 * tokens + query) * tokens + key] : 0
                return dot / Double(d).squareRoot() + bias + mask
              }
              for (key, share) in softmax(scores).enumerated() {
                for i in 0..<d {
                  result.values[(window * tokens + query) * channels + head * d + i] +=
                    share * part(window, key, 2, head, i)
                }
              }
            }
          }
        }
        return result
      },
      operation: {
        $0[0].windowAttention(
          heads: heads, biasTable: $0[1], relativePositions: tables.relativePositions,
          mask: isMasked ? Tensor(masks.floats, masks.shape) : nil)
      })
  },
  DoubleCase(name: "Fourier transform") { random in
    DoubleProblem(
      inputs: [Grid(drawnShape(&random), &random)], reference: { spectrum($0[0]) }, operation: { $0[0].realFourier() })
  },
  DoubleCase(name: "inverse Fourier transform") { random in
    // A spectrum of real images: others have no agreed inverse.
    let shape = drawnShape(&random)
    return DoubleProblem(
      inputs: [Grid(shape, &random)], reference: { $0[0].map { $0 * $0 } },
      operation: { $0[0].squared().realFourier().inverseRealFourier(width: shape[3]) })
  },
  DoubleCase(name: "amplitude", tolerance: 1e-4) { random in
    let shape = [2] + drawnShape(&random)
    return DoubleProblem(
      inputs: [Grid(shape, &random, 0.2...1)],
      reference: { inputs in
        let half = inputs[0].values.count / 2
        return Grid(Array(shape.dropFirst())) { hypot(inputs[0].values[$0], inputs[0].values[half + $0]) }
      },
      operation: { $0[0].amplitude() })
  },
  DoubleCase(name: "phase", tolerance: 1e-4) { random in
    let shape = [2] + drawnShape(&random)
    return DoubleProblem(
      inputs: [Grid(shape, &random, 0.2...1)],
      reference: { inputs in
        let half = inputs[0].values.count / 2
        return Grid(Array(shape.dropFirst())) { atan2(inputs[0].values[half + $0], inputs[0].values[$0]) }
      },
      operation: { $0[0].phase() })
  },
]
