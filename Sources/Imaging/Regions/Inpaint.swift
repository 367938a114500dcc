import Foundation

/// Fills holes in float precision from the pixels around them. `known` says which pixels may be used (nil: all outside the
/// hole); pixels that are neither hole nor known are left alone. Where nothing is known, nothing is changed.
public enum Inpaint {
  /// The nearest known value, then a Gaussian blur of `sigma` pixels inside the hole that sees only known and filled
  /// pixels.
  public static func nearestBlur(_ raster: Raster, hole: Mask, known: Mask? = nil, sigma: Double = 2) -> Raster {
    guard let box = workArea(raster, hole, margin: Int((sigma * 4).rounded(.up)) + 1) else { return raster }
    let known = (known ?? hole.inverted).subtracting(hole)
    let filled = nearest(raster, hole: hole, known: known)
    if sigma <= 0 { return filled }
    let part = filled.cropped(x: box.x, y: box.y, width: box.width, height: box.height)
    let usable = known.union(hole).raster.cropped(x: box.x, y: box.y, width: box.width, height: box.height)
    var weighted = part
    for i in 0..<usable.pixels.count {
      for c in 0..<part.channels { weighted.pixels[i * part.channels + c] *= usable.pixels[i] }
    }
    let blurred = Filters.gaussian(weighted, sigma: sigma)
    let weight = Filters.gaussian(usable, sigma: sigma)
    var result = filled
    for y in 0..<box.height {
      for x in 0..<box.width where hole[box.x + x, box.y + y] {
        let share = weight.pixels[y * box.width + x]
        if share <= 0 { continue }
        for c in 0..<raster.channels { result[box.x + x, box.y + y, c] = blurred[x, y, c] / share }
      }
    }
    return result
  }

  /// The value of the nearest known pixel.
  public static func nearest(_ raster: Raster, hole: Mask, known: Mask? = nil) -> Raster {
    check(raster, hole)
    let sites = DistanceTransform.nearest((known ?? hole.inverted).subtracting(hole))
    var result = raster
    for i in 0..<hole.bits.count where hole.bits[i] != 0 && sites[i] >= 0 {
      for c in 0..<raster.channels {
        result.pixels[i * raster.channels + c] = raster.pixels[Int(sites[i]) * raster.channels + c]
      }
    }
    return result
  }

  /// The solution of Laplace's equation with the known pixels around the hole as boundary values (a soap film):
  /// conjugate gradients in double precision, to a relative residual of 1e-7. The image edge is free.
  public static func harmonic(_ raster: Raster, hole: Mask, known: Mask? = nil) -> Raster {
    check(raster, hole)
    let known = (known ?? hole.inverted).subtracting(hole)
    let start = nearest(raster, hole: hole, known: known)
    let (width, height, channels) = (raster.width, raster.height, raster.channels)
    var number = [Int32](repeating: -1, count: width * height)
    var cells: [Int] = []
    for i in 0..<hole.bits.count where hole.bits[i] != 0 {
      number[i] = Int32(cells.count)
      cells.append(i)
    }
    if cells.isEmpty || known.count == 0 { return raster }
    let n = cells.count
    // Up to four unknown neighbours of each cell (-1: none), and how many neighbours it has at all.
    var neighbours = [Int32](repeating: -1, count: 4 * n)
    var degree = [Double](repeating: 0, count: n)
    var boundary: [(cell: Int, pixel: Int)] = []
    for (k, i) in cells.enumerated() {
      let (x, y) = (i % width, i / width)
      var slot = 0
      for (inside, j) in [(x > 0, i - 1), (x + 1 < width, i + 1), (y > 0, i - width), (y + 1 < height, i + width)]
      where inside {
        if number[j] >= 0 {
          neighbours[4 * k + slot] = number[j]
          slot += 1
        } else if known.bits[j] != 0 {
          boundary.append((k, j))
        } else {
          continue
        }
        degree[k] += 1
      }
    }
    var result = raster
    for c in 0..<channels {
      var x = cells.map { Double(start.pixels[$0 * channels + c]) }
      var right = [Double](repeating: 0, count: n)
      for (cell, pixel) in boundary { right[cell] += Double(raster.pixels[pixel * channels + c]) }
      conjugateGradients(&x, right, degree, neighbours)
      for (k, i) in cells.enumerated() { result.pixels[i * channels + c] = Float(x[k]) }
    }
    return result
  }

  /// Jacobi-preconditioned conjugate gradients for degree * x - sum of neighbours = right.
  private static func conjugateGradients(
    _ x: inout [Double], _ right: [Double], _ degree: [Double], _ neighbours: [Int32]
  ) {
    let n = x.count
    func apply(_ v: [Double], _ out: inout [Double]) {
      v.withUnsafeBufferPointer { v in
        neighbours.withUnsafeBufferPointer { neighbours in
          out.withUnsafeMutableBufferPointer { out in
            for k in 0..<n {
              var sum = degree[k] * v[k]
              for slot in 0..<4 {
                let j = neighbours[4 * k + slot]
                if j < 0 { break }
                sum -= v[Int(j)]
              }
              out[k] = sum
            }
          }
        }
      }
    }
    func dot(_ a: [Double], _ b: [Double]) -> Double {
      var sum = 0.0
      for k in 0..<n { sum += a[k] * b[k] }
      return sum
    }
    var image = [Double](repeating: 0, count: n)
    apply(x, &image)
    var residual = (0..<n).map { right[$0] - image[$0] }
    var scaled = (0..<n).map { degree[$0] > 0 ? residual[$0] / degree[$0] : 0 }
    var direction = scaled
    var energy = dot(residual, scaled)
    let goal = max(dot(right, right), 1e-30) * 1e-14
    var steps = 0
    while dot(residual, residual) > goal && energy > 0 && steps < 20 * (Int(Double(n).squareRoot()) + 50) {
      apply(direction, &image)
      let curvature = dot(direction, image)
      if curvature <= 0 { break }
      let alpha = energy / curvature
      for k in 0..<n {
        x[k] += alpha * direction[k]
        residual[k] -= alpha * image[k]
        scaled[k] = degree[k] > 0 ? residual[k] / degree[k] : 0
      }
      let next = dot(residual, scaled)
      let beta = next / energy
      for k in 0..<n { direction[k] = scaled[k] + beta * direction[k] }
      energy = next
      steps += 1
    }
  }

  static func check(_ raster: Raster, _ hole: Mask) {
    precondition(
      raster.width == hole.width && raster.height == hole.height,
      "a hole mask of \(hole.width) x \(hole.height) for an image of \(raster.width) x \(raster.height)")
  }

  /// The bounding box of the hole with a margin, inside the image.
  static func workArea(_ raster: Raster, _ hole: Mask, margin: Int) -> (x: Int, y: Int, width: Int, height: Int)? {
    check(raster, hole)
    guard let box = hole.bounds else { return nil }
    let x = max(0, box.x - margin)
    let y = max(0, box.y - margin)
    return (
      x, y, min(raster.width, box.x + box.width + margin) - x, min(raster.height, box.y + box.height + margin) - y
    )
  }
}
