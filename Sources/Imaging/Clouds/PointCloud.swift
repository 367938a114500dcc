import Foundation

/// Points that come from an image: each has a place on a pixel grid, on which neighbours in space are neighbours too.
/// That order is what makes ``NearestNeighbours`` fast; its results are exact for any points.
public struct PointCloud: Sendable {
  /// Size of the grid.
  public let width: Int
  public let height: Int
  /// width * height coordinates each; what stands where `valid` is 0 does not matter.
  public var x: [Double]
  public var y: [Double]
  public var z: [Double]
  public var valid: [UInt8]

  public init(width: Int, height: Int, x: [Double], y: [Double], z: [Double], valid: [UInt8]) {
    let count = width * height
    precondition(
      x.count == count && y.count == count && z.count == count && valid.count == count,
      "a grid of \(width) x \(height) needs \(count) places")
    self.width = width
    self.height = height
    self.x = x
    self.y = y
    self.z = z
    self.valid = valid
  }

  /// The number of points.
  public var count: Int { valid.reduce(0) { $0 + Int($1) } }

  /// The points in row-major order.
  public var points: [SIMD3<Double>] {
    (0..<valid.count).filter { valid[$0] != 0 }.map { SIMD3(x[$0], y[$0], z[$0]) }
  }
}
