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

  /// A grid without points.
  public init(emptyWidth width: Int, height: Int) {
    let zeros = [Double](repeating: 0, count: width * height)
    self.init(
      width: width, height: height, x: zeros, y: zeros, z: zeros, valid: [UInt8](repeating: 0, count: width * height))
  }

  /// Puts a point on place `index` (row-major).
  public mutating func set(_ index: Int, _ point: SIMD3<Double>) {
    x[index] = point.x
    y[index] = point.y
    z[index] = point.z
    valid[index] = 1
  }

  /// The number of points.
  public var count: Int { valid.reduce(0) { $0 + Int($1) } }

  /// The points in row-major order.
  public var points: [SIMD3<Double>] {
    (0..<valid.count).filter { valid[$0] != 0 }.map { SIMD3(x[$0], y[$0], z[$0]) }
  }
}
