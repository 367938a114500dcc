import Foundation

/// A pinhole camera. OpenCV axes: x right, y down, z forward; the pixel with index i has its centre at i + 0.5.
public struct SplatCamera: Hashable, Sendable {
  public var width: Int
  public var height: Int
  /// Focal lengths and principal point in pixels.
  public var fx: Double
  public var fy: Double
  public var cx: Double
  public var cy: Double
  /// The camera's axes in the world: rows of the rotation from world to camera.
  public var right: SIMD3<Double>
  public var down: SIMD3<Double>
  public var forward: SIMD3<Double>
  /// Where the camera stands in the world.
  public var position: SIMD3<Double>

  /// A camera that looks at the origin from a circle around it, as the study's does: world up is +z, azimuth 270 degrees
  /// is the front (on the -y axis).
  /// - Parameters:
  ///   - yaw: added to the azimuth of 270 degrees; degrees.
  ///   - elevation: above the horizontal plane; degrees, -89...89.
  ///   - distance: from the origin; world units.
  ///   - fieldOfView: horizontal, degrees; pixels are square.
  public init(
    width: Int, height: Int, yaw: Double = 0, elevation: Double = 0, distance: Double = 2.7, fieldOfView: Double = 50
  ) {
    self.width = width
    self.height = height
    fx = Double(width) / (2 * tan(fieldOfView * .pi / 360))
    fy = fx
    cx = Double(width) / 2
    cy = Double(height) / 2
    // Sine and cosine of 270 degrees + yaw, exact at yaw 0.
    let (sine, cosine) = (-cos(yaw * .pi / 180), sin(yaw * .pi / 180))
    let (sineE, cosineE) = (sin(elevation * .pi / 180), cos(elevation * .pi / 180))
    let outward = SIMD3(cosineE * cosine, cosineE * sine, sineE)
    position = outward * distance
    forward = -outward
    right = SIMD3(-sine, cosine, 0)
    down = SIMD3(
      forward.y * right.z - forward.z * right.y, forward.z * right.x - forward.x * right.z,
      forward.x * right.y - forward.y * right.x)
  }

  /// Camera coordinates of a point of the world.
  public func cameraPoint(_ world: SIMD3<Double>) -> SIMD3<Double> {
    let q = world - position
    return SIMD3((q * right).sum(), (q * down).sum(), (q * forward).sum())
  }

  /// The point of the world with camera coordinates `point`.
  public func worldPoint(_ point: SIMD3<Double>) -> SIMD3<Double> {
    position + right * point.x + down * point.y + forward * point.z
  }

  /// This view with `factor` times as many pixels a side.
  public func scaled(by factor: Double) -> SplatCamera {
    var camera = self
    camera.width = Int((Double(width) * factor).rounded())
    camera.height = Int((Double(height) * factor).rounded())
    camera.fx *= factor
    camera.fy *= factor
    camera.cx *= factor
    camera.cy *= factor
    return camera
  }
}
