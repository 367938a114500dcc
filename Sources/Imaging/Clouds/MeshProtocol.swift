import Foundation

/// How a depth map becomes a point cloud, and at which distances points count as hit. Results under different protocols
/// cannot be compared; tables print ``description`` (see the reference study's trap: the same networks score 0.999 or 0.65).
public struct MeshProtocol: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    /// Z = depth, f = width / (2 tan 25 deg), every n-th row and column, then the mask; (u - W / 2) Z in single precision,
    /// as the study's arrays have it, the rest in double.
    case a
    /// Z = 1 - depth, f = 500 at every size, every n-th pixel of the mask in row-major order, then depth > 1e-6; points
    /// computed in double and rounded to single precision.
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
    let (centreX, centreY) = (Float(depth.width) / 2, Float(depth.height) / 2)
    switch kind {
    case .a:
      let focal = Double(depth.width) / (2 * tan(25 * Double.pi / 180))
      return strided(depth, mask) { u, v, value in
        SIMD3(Double((Float(u) - centreX) * value) / focal, Double((Float(v) - centreY) * value) / focal, Double(value))
      }
    case .world(let near, let far, let fieldOfView):
      let focal = Double(depth.width) / (2 * tan(fieldOfView * Double.pi / 360))
      return strided(depth, mask) { u, v, value in
        let z = far - Double(value) * (far - near)
        return SIMD3(
          (Double(u) + 0.5 - Double(centreX)) * z / focal, (Double(v) + 0.5 - Double(centreY)) * z / focal, z)
      }
    case .b:
      return everyNthOfMask(depth, mask)
    }
  }

  private func strided(
    _ depth: Raster, _ mask: Mask, _ point: (_ u: Int, _ v: Int, _ value: Float) -> SIMD3<Double>
  ) -> PointCloud {
    var cloud = PointCloud(
      emptyWidth: (depth.width + subsample - 1) / subsample, height: (depth.height + subsample - 1) / subsample)
    for row in 0..<cloud.height {
      for column in 0..<cloud.width {
        let (u, v) = (column * subsample, row * subsample)
        if mask.bits[v * depth.width + u] == 0 { continue }
        cloud.set(row * cloud.width + column, point(u, v, depth.pixels[v * depth.width + u]))
      }
    }
    return cloud
  }

  private func everyNthOfMask(_ depth: Raster, _ mask: Mask) -> PointCloud {
    let width = depth.width
    let (centreX, centreY) = (Double(width) / 2, Double(depth.height) / 2)
    var cloud = PointCloud(emptyWidth: width, height: depth.height)
    var seen = 0
    for i in 0..<depth.pixels.count where mask.bits[i] != 0 {
      seen += 1
      if (seen - 1) % subsample != 0 || depth.pixels[i] <= 1e-6 { continue }
      let z = Double(1 - depth.pixels[i])
      let x = Float((Double(i % width) - centreX) / 500 * z)
      let y = Float((Double(i / width) - centreY) / 500 * z)
      cloud.set(i, SIMD3(Double(x), Double(y), z))
    }
    return cloud
  }
}
