import Foundation

/// Bounding boxes over the pixel grid of a cloud: leaves of 4 x 4 pixels, then levels of 2 x 2 boxes up to one root.
/// Nothing is sorted, so building costs one pass; distances to boxes are lower bounds whatever the points are.
struct GridTree: Sendable {
  static let leafSide = 4

  struct Box: Sendable {
    var low: SIMD4<Double>
    var high: SIMD4<Double>

    static let empty = Box(low: SIMD4(repeating: .infinity), high: SIMD4(repeating: -.infinity))

    @inline(__always) var isEmpty: Bool { low.x > high.x }

    /// The smallest squared distance between two boxes; the same operations in the same order as for two points, each of
    /// them monotone, so that rounding can never make it larger than that of points inside.
    @inline(__always) func squaredDistance(_ other: Box) -> Double {
      let gap = pointwiseMax(pointwiseMax(low - other.high, other.low - high), SIMD4<Double>.zero)
      let squares = gap * gap
      return squares.x + squares.y + squares.z
    }

    @inline(__always) func squaredDistance(_ x: Double, _ y: Double, _ z: Double) -> Double {
      let dx = max(max(low.x - x, x - high.x), 0)
      let dy = max(max(low.y - y, y - high.y), 0)
      let dz = max(max(low.z - z, z - high.z), 0)
      return dx * dx + dy * dy + dz * dz
    }
  }

  struct Level: Sendable {
    let columns: Int
    let rows: Int
    /// Where its boxes begin in `boxes`.
    let start: Int
  }

  /// From the leaves to the root.
  private(set) var levels: [Level] = []
  private(set) var boxes: [Box] = []
  /// First point of each leaf, and one past the last leaf. Leaves hold an even number of points: the last is doubled.
  private(set) var starts: [Int32] = []
  private(set) var x: [Double] = []
  private(set) var y: [Double] = []
  private(set) var z: [Double] = []

  init(_ cloud: PointCloud) {
    let side = Self.leafSide
    var columns = (cloud.width + side - 1) / side
    var rows = (cloud.height + side - 1) / side
    let capacity = cloud.valid.count + columns * rows
    x.reserveCapacity(capacity)
    y.reserveCapacity(capacity)
    z.reserveCapacity(capacity)
    starts.reserveCapacity(columns * rows + 1)
    levels.append(Level(columns: columns, rows: rows, start: 0))
    boxes.reserveCapacity(columns * rows * 4 / 3 + 16)
    for row in 0..<rows {
      for column in 0..<columns {
        starts.append(Int32(x.count))
        var box = Box.empty
        for py in row * side..<min((row + 1) * side, cloud.height) {
          for px in column * side..<min((column + 1) * side, cloud.width) {
            let i = py * cloud.width + px
            if cloud.valid[i] == 0 { continue }
            let (cx, cy, cz) = (cloud.x[i], cloud.y[i], cloud.z[i])
            x.append(cx)
            y.append(cy)
            z.append(cz)
            let point = SIMD4(cx, cy, cz, 0)
            box.low = pointwiseMin(box.low, point)
            box.high = pointwiseMax(box.high, point)
          }
        }
        if (x.count - Int(starts[starts.count - 1])) % 2 == 1 {
          x.append(x[x.count - 1])
          y.append(y[y.count - 1])
          z.append(z[z.count - 1])
        }
        boxes.append(box)
      }
    }
    starts.append(Int32(x.count))
    while columns > 1 || rows > 1 {
      let below = levels[levels.count - 1]
      columns = (below.columns + 1) / 2
      rows = (below.rows + 1) / 2
      levels.append(Level(columns: columns, rows: rows, start: boxes.count))
      for row in 0..<rows {
        for column in 0..<columns {
          var box = Box.empty
          for r in 2 * row..<min(2 * row + 2, below.rows) {
            for c in 2 * column..<min(2 * column + 2, below.columns) {
              let child = boxes[below.start + r * below.columns + c]
              box.low = pointwiseMin(box.low, child.low)
              box.high = pointwiseMax(box.high, child.high)
            }
          }
          boxes.append(box)
        }
      }
    }
  }
}
