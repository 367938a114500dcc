import Basics
import Foundation
import NN

/// A loss of a prediction for a target, by its definition.
private func loss(
  _ name: String, channels: Int? = nil, least: Int = 2, tolerance: Double = 5e-5, masked: Bool = false,
  _ reference: @escaping @Sendable (_ p: Grid, _ t: Grid, _ m: Grid) -> Double,
  _ operation: @escaping @Sendable (_ p: Tensor, _ t: Tensor, _ m: Tensor?) -> Tensor
) -> DoubleCase {
  DoubleCase(name: name, tolerance: tolerance) { random in
    let shape = drawnShape(&random, channels: channels, least: least)
    let target = Grid(shape, &random, 0...1)
    let maskShape = [shape[0], 1, shape[2], shape[3]]
    let mask = masked ? Grid(maskShape, &random, 0...1) : Grid(maskShape) { _ in 1 }
    return DoubleProblem(
      inputs: [Grid(shape, &random, 0...1)], reference: { .scalar(reference($0[0], target, mask)) },
      operation: {
        operation($0[0], Tensor(target.floats, shape), masked ? Tensor(mask.floats, maskShape) : nil)
      })
  }
}

private func mean(_ p: Grid, _ t: Grid, _ value: (Double) -> Double) -> Double {
  var sum = 0.0
  for (a, b) in zip(p.values, t.values) { sum += value(a - b) }
  return sum / Double(p.values.count)
}

/// Responses to the Sobel kernel in x and in y, zeros outside.
private func sobel(_ p: Grid, _ n: Int, _ c: Int, _ y: Int, _ x: Int) -> (Double, Double) {
  var (sx, sy) = (0.0, 0.0)
  for i in -1...1 {
    for j in -1...1 {
      let value = p[n, c, y + i, x + j]
      sx += Double(j * (i == 0 ? 2 : 1)) * value
      sy += Double(i * (j == 0 ? 2 : 1)) * value
    }
  }
  return (sx, sy)
}

private func eachPixel(_ p: Grid, _ body: (Int, Int, Int, Int) -> Double) -> Double {
  Grid.image(p.shape, body).values.reduce(0, +)
}

let lossProblems: [DoubleCase] = [
  loss("L1 loss", { p, t, _ in mean(p, t) { abs($0) } }) { p, t, _ in p.l1Loss(t) },
  loss("mean squared error", { p, t, _ in mean(p, t) { $0 * $0 } }) { p, t, _ in p.meanSquaredError(t) },
  loss("smooth L1", { p, t, _ in mean(p, t) { abs($0) < 0.5 ? $0 * $0 : abs($0) - 0.25 } }) { p, t, _ in
    p.smoothL1(t, beta: 0.5)
  },
  loss("Charbonnier", { p, t, _ in mean(p, t) { ($0 * $0 + 1e-4).squareRoot() } }) { p, t, _ in
    p.charbonnierLoss(t, epsilon: 1e-4)
  },
  loss("PSNR loss", tolerance: 2e-4) { p, t, _ in
    var sum = 0.0
    for n in 0..<p.n {
      var error = 0.0
      for c in 0..<p.c {
        for (a, b) in zip(p.plane(n, c), t.plane(n, c)) { error += (a - b) * (a - b) }
      }
      sum += 10 / log(10.0) * log(error / Double(p.c * p.h * p.w) + 1e-8)
    }
    return sum / Double(p.n)
  } _: { p, t, _ in
    p.psnrLoss(t)
  },
  loss("masked L1", channels: 1, masked: true) { p, t, m in
    var (sum, weight) = (0.0, 0.0)
    for i in p.values.indices {
      sum += abs(p.values[i] - t.values[i]) * m.values[i]
      weight += m.values[i]
    }
    return sum / weight
  } _: {
    $0.maskedL1($1, mask: $2)
  },
  loss("masked gradient", channels: 1, masked: true) { p, t, m in
    var total = 0.0
    for (dy, dx) in [(0, 1), (1, 0)] {
      var (sum, weight) = (0.0, 0.0)
      for n in 0..<p.n {
        for y in 0..<p.h - dy {
          for x in 0..<p.w - dx {
            let both = m[n, 0, y, x] * m[n, 0, y + dy, x + dx]
            let difference = p[n, 0, y + dy, x + dx] - p[n, 0, y, x] - t[n, 0, y + dy, x + dx] + t[n, 0, y, x]
            sum += both * abs(difference)
            weight += both
          }
        }
      }
      total += sum / weight
    }
    return total
  } _: {
    $0.maskedGradientL1($1, mask: $2)
  },
  loss("cosine of normals", channels: 3, masked: true) { p, t, m in
    var sum = 0.0
    for n in 0..<p.n {
      for y in 0..<p.h {
        for x in 0..<p.w {
          let dot = (0..<3).reduce(0.0) { $0 + p[n, $1, y, x] * t[n, $1, y, x] }
          sum += (1 - dot) * m[n, 0, y, x]
        }
      }
    }
    return sum / m.values.reduce(0, +)
  } _: {
    $0.normalCosineLoss($1, mask: $2)
  },
  loss("Sobel L1") { p, t, _ in
    eachPixel(p) { n, c, y, x in
      let (a, b) = (sobel(p, n, c, y, x), sobel(t, n, c, y, x))
      return abs(a.0 - b.0) + abs(a.1 - b.1)
    } / Double(2 * p.values.count)
  } _: { p, t, _ in
    p.sobelL1(t)
  },
  loss("Sobel magnitude L1") { p, t, _ in
    func length(_ s: (Double, Double)) -> Double { (s.0 * s.0 + s.1 * s.1 + 1e-6).squareRoot() }
    return eachPixel(p) { abs(length(sobel(p, $0, $1, $2, $3)) - length(sobel(t, $0, $1, $2, $3))) }
      / Double(p.values.count)
  } _: { p, t, _ in
    p.sobelMagnitudeL1(t)
  },
  loss("SSIM loss", channels: 1, least: 11, tolerance: 1e-3) { p, t, _ in
    let line = (-5...5).map { exp(-Double($0 * $0) / 4.5) }
    let total = line.reduce(0, +)
    let window = line.map { $0 / total }
    var (sum, count) = (0.0, 0.0)
    for n in 0..<p.n {
      for y in 0..<p.h - 10 {
        for x in 0..<p.w - 10 {
          func average(_ value: (Int, Int) -> Double) -> Double {
            (0..<121).reduce(0.0) { $0 + window[$1 / 11] * window[$1 % 11] * value(y + $1 / 11, x + $1 % 11) }
          }
          let (mp, mt) = (average { p[n, 0, $0, $1] }, average { t[n, 0, $0, $1] })
          let vp = average { p[n, 0, $0, $1] * p[n, 0, $0, $1] } - mp * mp
          let vt = average { t[n, 0, $0, $1] * t[n, 0, $0, $1] } - mt * mt
          let both = average { p[n, 0, $0, $1] * t[n, 0, $0, $1] } - mp * mt
          sum += (2 * mp * mt + 1e-4) * (2 * both + 9e-4) / ((mp * mp + mt * mt + 1e-4) * (vp + vt + 9e-4))
          count += 1
        }
      }
    }
    return 1 - sum / count
  } _: { p, t, _ in
    p.ssimLoss(t)
  },
]
