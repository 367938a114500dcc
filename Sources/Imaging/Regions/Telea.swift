import Foundation

extension Inpaint {
  /// Telea's method ("An image inpainting technique based on the fast marching method", 2004) on floats: holes are filled
  /// from their rim inwards in the order of the distance; each pixel becomes a weighted mean of first-order estimates from
  /// the pixels within `radius`. Each estimate is limited to the values of those pixels, so that a steep rim (a silhouette,
  /// depth blended with the background) is not extrapolated and a filled hole stays within the values of its rim.
  public static func telea(_ raster: Raster, hole: Mask, radius: Int = 3, known: Mask? = nil) -> Raster {
    guard let box = workArea(raster, hole, margin: radius + 2) else { return raster }
    precondition(radius >= 1, "a radius of \(radius)")
    let usable = (known ?? hole.inverted).subtracting(hole)
    if usable.count == 0 { return raster }
    var march = FastMarching(raster, hole: hole, known: usable, box: box, radius: radius)
    march.run()
    return march.result
  }
}

/// The state of one filling, on the hole's surroundings only.
private struct FastMarching {
  private enum State: UInt8 { case known, band, inside, unusable }

  var result: Raster
  private let box: (x: Int, y: Int, width: Int, height: Int)
  private let radius: Int
  private var states: [State]
  /// Distance to the rim: positive in the hole, negative outside.
  private var distance: [Float]
  private var heap = MarchHeap()

  init(_ raster: Raster, hole: Mask, known: Mask, box: (x: Int, y: Int, width: Int, height: Int), radius: Int) {
    result = raster
    self.box = box
    self.radius = radius
    let count = box.width * box.height
    states = [State](repeating: .unusable, count: count)
    // Outside the hole the exact distance to it, negative; inside unknown as yet.
    let outside = DistanceTransform.distances(
      Mask(hole.raster.cropped(x: box.x, y: box.y, width: box.width, height: box.height)))
    distance = outside.pixels.map { -max(0, $0 - 1) }
    for y in 0..<box.height {
      for x in 0..<box.width {
        let pixel = (box.y + y) * raster.width + box.x + x
        let i = y * box.width + x
        if hole.bits[pixel] != 0 {
          states[i] = .inside
          distance[i] = 1e6
        } else if known.bits[pixel] != 0 {
          states[i] = .known
        }
      }
    }
    for i in 0..<count where states[i] == .known {
      if neighbours(i).contains(where: { states[$0] == .inside }) {
        states[i] = .band
        distance[i] = 0
        heap.push(0, i)
      }
    }
  }

  private func neighbours(_ i: Int) -> [Int] {
    let (x, y) = (i % box.width, i / box.width)
    var list: [Int] = []
    if y > 0 { list.append(i - box.width) }
    if x > 0 { list.append(i - 1) }
    if y + 1 < box.height { list.append(i + box.width) }
    if x + 1 < box.width { list.append(i + 1) }
    return list
  }

  mutating func run() {
    while let i = heap.pop() {
      if states[i] == .known { continue }
      states[i] = .known
      for j in neighbours(i) where states[j] == .inside || states[j] == .band {
        if states[j] == .inside {
          distance[j] = arrival(j)
          fill(j)
          states[j] = .band
          heap.push(distance[j], j)
        } else {
          let time = arrival(j)
          if time < distance[j] && time >= distance[i] {
            distance[j] = time
            heap.push(time, j)
          }
        }
      }
    }
  }

  /// The smallest solution of the eikonal equation |grad T| = 1 over the four quadrants.
  private func arrival(_ i: Int) -> Float {
    let (x, y) = (i % box.width, i / box.width)
    func settled(_ dx: Int, _ dy: Int) -> Float? {
      let (nx, ny) = (x + dx, y + dy)
      guard nx >= 0, ny >= 0, nx < box.width, ny < box.height else { return nil }
      let j = ny * box.width + nx
      return states[j] == .known || states[j] == .band ? distance[j] : nil
    }
    var best: Float = 1e6
    for horizontal in [settled(-1, 0), settled(1, 0)] {
      for vertical in [settled(0, -1), settled(0, 1)] {
        switch (horizontal, vertical) {
        case (let a?, let b?):
          let difference = a - b
          if abs(difference) < 1 {
            best = min(best, (a + b + (2 - difference * difference).squareRoot()) / 2)
          } else {
            best = min(best, min(a, b) + 1)
          }
        case (let a?, nil): best = min(best, a + 1)
        case (nil, let b?): best = min(best, b + 1)
        case (nil, nil): break
        }
      }
    }
    return best
  }

  private func isFilled(_ x: Int, _ y: Int) -> Bool {
    guard x >= 0, y >= 0, x < box.width, y < box.height else { return false }
    let state = states[y * box.width + x]
    return state == .known || state == .band
  }

  /// The one-sided or central difference of `value` at (x, y) along (dx, dy), from filled pixels only.
  private func slope(_ x: Int, _ y: Int, _ dx: Int, _ dy: Int, _ value: (Int, Int) -> Float) -> Float {
    let ahead = isFilled(x + dx, y + dy)
    let behind = isFilled(x - dx, y - dy)
    if ahead && behind { return (value(x + dx, y + dy) - value(x - dx, y - dy)) / 2 }
    if ahead { return value(x + dx, y + dy) - value(x, y) }
    if behind { return value(x, y) - value(x - dx, y - dy) }
    return 0
  }

  private mutating func fill(_ i: Int) {
    let (x, y) = (i % box.width, i / box.width)
    let normal = (
      slope(x, y, 1, 0) { distance[$1 * box.width + $0] }, slope(x, y, 0, 1) { distance[$1 * box.width + $0] }
    )
    // The filled pixels within the radius, each with its weight: directional, geometric distance and level-set factors of
    // section 2.3, from q to p.
    var around: [(x: Int, y: Int, dx: Int, dy: Int, weight: Float)] = []
    for dy in -radius...radius {
      for dx in -radius...radius {
        let squared = dx * dx + dy * dy
        let (qx, qy) = (x + dx, y + dy)
        guard squared > 0, squared <= radius * radius, isFilled(qx, qy) else { continue }
        let length = Float(squared).squareRoot()
        var direction = abs(Float(-dx) * normal.0 + Float(-dy) * normal.1) / length
        if direction < 0.01 { direction = 1e-6 }
        let level = 1 / (1 + abs(distance[qy * box.width + qx] - distance[i]))
        around.append((qx, qy, dx, dy, direction * level / Float(squared)))
      }
    }
    let total = around.reduce(0) { $0 + $1.weight }
    guard total > 0 else { return }
    for c in 0..<result.channels {
      func value(_ x: Int, _ y: Int) -> Float { result[box.x + x, box.y + y, c] }
      var (low, high) = (Float.infinity, -Float.infinity)
      for q in around { (low, high) = (min(low, value(q.x, q.y)), max(high, value(q.x, q.y))) }
      var sum: Float = 0
      for q in around {
        let across = slope(q.x, q.y, 1, 0, value)
        let down = slope(q.x, q.y, 0, 1, value)
        let estimate = value(q.x, q.y) - across * Float(q.dx) - down * Float(q.dy)
        sum += q.weight * max(low, min(estimate, high))
      }
      // Rounding may leave the mean a bit outside.
      result[box.x + x, box.y + y, c] = max(low, min(sum / total, high))
    }
  }
}

/// Pixels by distance; equal distances in the order of their index, so that the outcome is fixed.
private struct MarchHeap {
  private var items: [(key: Float, index: Int)] = []

  private func precedes(_ a: (key: Float, index: Int), _ b: (key: Float, index: Int)) -> Bool {
    a.key != b.key ? a.key < b.key : a.index < b.index
  }

  mutating func push(_ key: Float, _ index: Int) {
    items.append((key, index))
    var i = items.count - 1
    while i > 0 && precedes(items[i], items[(i - 1) / 2]) {
      items.swapAt(i, (i - 1) / 2)
      i = (i - 1) / 2
    }
  }

  mutating func pop() -> Int? {
    guard let first = items.first else { return nil }
    let last = items.removeLast()
    if !items.isEmpty {
      items[0] = last
      var i = 0
      while true {
        var least = i
        for child in [2 * i + 1, 2 * i + 2] where child < items.count && precedes(items[child], items[least]) {
          least = child
        }
        if least == i { break }
        items.swapAt(i, least)
        i = least
      }
    }
    return first.index
  }
}
