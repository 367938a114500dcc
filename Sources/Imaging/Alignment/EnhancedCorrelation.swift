import Foundation

/// The forward additive ECC algorithm (Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation
/// coefficient maximization", IEEE PAMI 2008) for affine maps: insensitive to brightness and contrast.
public struct EnhancedCorrelation: Hashable, Sendable {
  public var iterations = 50
  /// Ends when the correlation changes by less.
  public var tolerance = 1e-4
  /// Blur of both images before comparing, in pixels.
  public var sigma = 2.0
  /// Of more pixels than this, every n-th row and column counts.
  public var pixels = 65536

  public init() {}

  /// - Parameters:
  ///   - template, image: one channel, any sizes.
  ///   - mask: pixels of the template that count.
  /// - Returns: the transform from template to image pixels; nil when the images do not overlap, are flat, or the steps
  ///   diverge.
  public func refine(
    template: Raster, image: Raster, mask: Mask, from start: PlanarTransform
  ) -> (transform: PlanarTransform, correlation: Double)? {
    precondition(template.channels == 1 && image.channels == 1, "ECC compares single channels")
    let target = sigma > 0 ? Filters.gaussian(template, sigma: sigma) : template
    let moving = sigma > 0 ? Filters.gaussian(image, sigma: sigma) : image
    let gradients = Raster(
      planes: [moving, Filters.sobel(moving, .x).mapped { $0 / 8 }, Filters.sobel(moving, .y).mapped { $0 / 8 }])
    var transform = start
    var best: (transform: PlanarTransform, correlation: Double)?
    var last = -Double.infinity
    for _ in 0..<iterations {
      guard let step = step(target, gradients, mask, transform) else { return best }
      if step.correlation > (best?.correlation ?? -1) { best = (transform, step.correlation) }
      if abs(step.correlation - last) < tolerance { break }
      last = step.correlation
      guard let change = step.change else { break }
      transform.a += change[0]
      transform.d += change[1]
      transform.b += change[2]
      transform.e += change[3]
      transform.c += change[4]
      transform.f += change[5]
    }
    return best
  }

  /// The correlation at `transform` and the change of its parameters (a, d, b, e, c, f) that raises it.
  private func step(
    _ template: Raster, _ gradients: Raster, _ mask: Mask, _ transform: PlanarTransform
  ) -> (correlation: Double, change: [Double]?)? {
    let warped = transform.sample(gradients, width: template.width, height: template.height, background: .nan)
    var rows: [(t: Double, i: Double, gx: Double, gy: Double, x: Double, y: Double)] = []
    let spacing = max(1, Int((Double(mask.count) / Double(pixels)).squareRoot().rounded(.up)))
    rows.reserveCapacity(mask.count / (spacing * spacing) + template.width + template.height)
    var (meanT, meanI) = (0.0, 0.0)
    for y in stride(from: 0, to: template.height, by: spacing) {
      for x in stride(from: 0, to: template.width, by: spacing) where mask[x, y] {
        let k = y * template.width + x
        let (value, gx, gy) = (warped.pixels[3 * k], warped.pixels[3 * k + 1], warped.pixels[3 * k + 2])
        if value.isNaN || gx.isNaN || gy.isNaN { continue }
        rows.append((Double(template.pixels[k]), Double(value), Double(gx), Double(gy), Double(x), Double(y)))
        meanT += Double(template.pixels[k])
        meanI += Double(value)
      }
    }
    if rows.count < 64 { return nil }
    meanT /= Double(rows.count)
    meanI /= Double(rows.count)
    var hessian = [Double](repeating: 0, count: 36)
    var (onImage, onTemplate) = ([Double](repeating: 0, count: 6), [Double](repeating: 0, count: 6))
    var (tt, ii, ti) = (0.0, 0.0, 0.0)
    for row in rows {
      let (t, i) = (row.t - meanT, row.i - meanI)
      tt += t * t
      ii += i * i
      ti += t * i
      let g = (
        row.gx * row.x, row.gy * row.x, row.gx * row.y, row.gy * row.y, row.gx, row.gy
      )
      withUnsafeBytes(of: g) { raw in
        let g = raw.bindMemory(to: Double.self)
        for p in 0..<6 {
          onImage[p] += g[p] * i
          onTemplate[p] += g[p] * t
          for q in p..<6 { hessian[p * 6 + q] += g[p] * g[q] }
        }
      }
    }
    if tt <= 1e-12 || ii <= 1e-12 { return nil }
    let correlation = ti / (tt * ii).squareRoot()
    for p in 0..<6 { for q in 0..<p { hessian[p * 6 + q] = hessian[q * 6 + p] } }
    guard let solvedImage = solve(hessian, onImage) else { return (correlation, nil) }
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let numerator = ii - dot(onImage, solvedImage)
    let denominator = ti - dot(onTemplate, solvedImage)
    if denominator <= 0 { return (correlation, nil) }
    let lambda = numerator / denominator
    // The error image is lambda * t - i, projected on the six directions.
    return (correlation, solve(hessian, zip(onTemplate, onImage).map { lambda * $0 - $1 }))
  }

  /// Gaussian elimination with row pivoting; nil for a singular matrix.
  private func solve(_ matrix: [Double], _ right: [Double]) -> [Double]? {
    let n = right.count
    var m = matrix
    var b = right
    for column in 0..<n {
      let pivot = (column..<n).max { abs(m[$0 * n + column]) < abs(m[$1 * n + column]) } ?? column
      if abs(m[pivot * n + column]) < 1e-12 { return nil }
      if pivot != column {
        for k in 0..<n { m.swapAt(pivot * n + k, column * n + k) }
        b.swapAt(pivot, column)
      }
      for row in column + 1..<n {
        let factor = m[row * n + column] / m[column * n + column]
        for k in column..<n { m[row * n + k] -= factor * m[column * n + k] }
        b[row] -= factor * b[column]
      }
    }
    for row in stride(from: n - 1, through: 0, by: -1) {
      for k in row + 1..<n { b[row] -= m[row * n + k] * b[k] }
      b[row] /= m[row * n + row]
    }
    return b
  }
}
