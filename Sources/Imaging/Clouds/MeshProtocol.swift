import Foundation

/// How a depth map becomes a point cloud, and at which distances points count as hit. Results under different protocols
/// cannot be compared; tables print ``description`` (see the reference study's trap: the same networks score 0.999 or 0.65).
public struct MeshProtocol: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    /// Z = depth, f = width / (2 tan 25 deg), every n-th row and column, then the mask; double precision.
    case a
    /// Z = 1 - depth, f = 500 at every size, every n-th pixel of the mask in row-major order, then depth > 1e-6; points
    /// rounded to single precision.
    case b
    /// Camera distance Z = far - depth * (far - near) in world units, f = width / (2 tan(fieldOfView / 2)), every n-th row
    /// and column, then the mask; pixel centres at + 0.5.
    case world(near: Double, far: Double, fieldOfView: Double)
  }
  public var name: String
  public var kind: Kind
  /// n of the selection.
  public var subsample: Int
  /// Distances for the F-score, in the units of the cloud.
  public var thresholds: [Double]

  public init(name: String, kind: Kind, subsample: Int = 2, thresholds: [Double]) {
    precondition(subsample > 0, "a subsampling of \(subsample)")
    self.name = name
    self.kind = kind
    self.subsample = subsample
    self.thresholds = thresholds
  }

  /// The study's mesh script (its U-Net rows).
  public static let a = MeshProtocol(name: "A", kind: .a, thresholds: [0.01, 0.005])
  /// The study's extended-baselines script (its EDSR, SRResNet and SGNet rows).
  public static let b = MeshProtocol(name: "B", kind: .b, thresholds: [0.001, 0.0005])

  /// World units for maps whose depth 1 and 0 lie at known camera distances.
  public static func world(
    near: Double, far: Double, fieldOfView: Double = 50, subsample: Int = 1, thresholds: [Double] = [0.01, 0.005]
  ) -> MeshProtocol {
    MeshProtocol(
      name: "world", kind: .world(near: near, far: far, fieldOfView: fieldOfView), subsample: subsample,
      thresholds: thresholds)
  }

  public var description: String {
    let limits = thresholds.map { "\($0)" }.joined(separator: ", ")
    switch kind {
    case .a:
      return
        "\(name): z = depth, f = W / (2 tan 25 deg), every \(subsample). row and column inside the mask, tau \(limits)"
    case .b:
      return "\(name): z = 1 - depth, f = 500, every \(subsample). mask pixel in row-major order with depth > 1e-6, "
        + "float32 points, tau \(limits)"
    case .world(let near, let far, let view):
      return "\(name): z = \(far) - depth * \(far - near) in world units, field of view \(view) deg, every "
        + "\(subsample). row and column inside the mask, tau \(limits)"
    }
  }

  /// The cloud of one map.
  public func cloud(_ depth: Raster, mask: Mask) -> PointCloud {
    precondition(
      depth.channels == 1 && depth.width == mask.width && depth.height == mask.height, "depth and mask differ in size")
    switch kind {
    case .a:
      let focal = Double(depth.width) / (2 * tan(25 * Double.pi / 180))
      return strided(depth, mask, focal: focal, offset: 0) { $0 }
    case .world(let near, let far, let fieldOfView):
      let focal = Double(depth.width) / (2 * tan(fieldOfView * Double.pi / 360))
      return strided(depth, mask, focal: focal, offset: 0.5) { far - $0 * (far - near) }
    case .b:
      return everyNthOfMask(depth, mask)
    }
  }

  private func strided(
    _ depth: Raster, _ mask: Mask, focal: Double, offset: Double, _ distance: (Double) -> Double
  ) -> PointCloud {
    let width = (depth.width + subsample - 1) / subsample
    let height = (depth.height + subsample - 1) / subsample
    let (centreX, centreY) = (Double(depth.width) / 2, Double(depth.height) / 2)
    var cloud = PointCloud(
      width: width, height: height, x: [Double](repeating: 0, count: width * height),
      y: [Double](repeating: 0, count: width * height), z: [Double](repeating: 0, count: width * height),
      valid: [UInt8](repeating: 0, count: width * height))
    for row in 0..<height {
      for column in 0..<width {
        let (u, v) = (column * subsample, row * subsample)
        let i = row * width + column
        if mask.bits[v * depth.width + u] == 0 { continue }
        let z = distance(Double(depth.pixels[v * depth.width + u]))
        cloud.x[i] = (Double(u) + offset - centreX) * z / focal
        cloud.y[i] = (Double(v) + offset - centreY) * z / focal
        cloud.z[i] = z
        cloud.valid[i] = 1
      }
    }
    return cloud
  }

  private func everyNthOfMask(_ depth: Raster, _ mask: Mask) -> PointCloud {
    let (width, height) = (depth.width, depth.height)
    let (centreX, centreY) = (Float(width) / 2, Float(height) / 2)
    var cloud = PointCloud(
      width: width, height: height, x: [Double](repeating: 0, count: width * height),
      y: [Double](repeating: 0, count: width * height), z: [Double](repeating: 0, count: width * height),
      valid: [UInt8](repeating: 0, count: width * height))
    var seen = 0
    for i in 0..<width * height where mask.bits[i] != 0 {
      seen += 1
      if (seen - 1) % subsample != 0 || depth.pixels[i] <= 1e-6 { continue }
      let z = 1 - depth.pixels[i]
      cloud.x[i] = Double((Float(i % width) - centreX) / 500 * z)
      cloud.y[i] = Double((Float(i / width) - centreY) / 500 * z)
      cloud.z[i] = Double(z)
      cloud.valid[i] = 1
    }
    return cloud
  }
}
