import Basics
import Foundation

/// Surface normals of depth maps. A normal raster has three channels with the unit vector (x right, y down, z); (0, 0, 0)
/// stands for "no normal".
public enum Normals {
  /// The study's normals from depth (d = 1 near, 0 far): z = (1 - d) / 2, Gaussian blur, Scharr / 32 gradients,
  /// normalise(-dz/dx * f, -dz/dy * f, 1) with f = width / (2 tan(fieldOfView / 2)). The z component is positive: the vector
  /// points away from the camera (see ``flipped(_:)``); the x and y components follow the gradient of d.
  /// - Parameter fieldOfView: horizontal, in degrees.
  public static func fromDepth(_ depth: Raster, sigma: Double = 1.5, fieldOfView: Double = 50) -> Raster {
    precondition(depth.channels == 1, "a depth map has one channel, not \(depth.channels)")
    let focal = Float(Double(depth.width) / (2 * tan(fieldOfView * .pi / 360)))
    let z = depth.mapped { (1 - $0) * 0.5 }
    let smooth = sigma > 0 ? Filters.gaussian(z, sigma: sigma) : z
    let dx = Filters.scharr(smooth, .x)
    let dy = Filters.scharr(smooth, .y)
    var result = Raster(width: depth.width, height: depth.height, channels: 3)
    dx.pixels.withReader { dx in
      dy.pixels.withReader { dy in
        result.pixels.withWriter { target in
          forRows(depth.height, work: depth.pixels.count * 8) { band in
            for i in band.lowerBound * depth.width..<band.upperBound * depth.width {
              let x = -dx[i] / 32 * focal
              let y = -dy[i] / 32 * focal
              let length = (x * x + y * y + 1).squareRoot()
              target[3 * i] = x / length
              target[3 * i + 1] = y / length
              target[3 * i + 2] = 1 / length
            }
          }
        }
      }
    }
    return result
  }

  /// n * 0.5 + 0.5, as stored in RGB files.
  public static func encode(_ normals: Raster) -> Raster { normals.mapped { $0 * 0.5 + 0.5 } }

  /// The inverse of ``encode(_:)``, scaled to unit length.
  public static func decode(_ stored: Raster) -> Raster { normalised(stored.mapped { $0 * 2 - 1 }) }

  /// Scales every vector to length 1; vectors shorter than 1e-6 become (0, 0, 0).
  public static func normalised(_ normals: Raster) -> Raster {
    precondition(normals.channels == 3, "normals have three channels, not \(normals.channels)")
    var result = normals
    result.pixels.withUnsafeMutableBufferPointer { p in
      for i in stride(from: 0, to: p.count, by: 3) {
        let length = (p[i] * p[i] + p[i + 1] * p[i + 1] + p[i + 2] * p[i + 2]).squareRoot()
        let scale: Float = length > 1e-6 ? 1 / length : 0
        p[i] *= scale
        p[i + 1] *= scale
        p[i + 2] *= scale
      }
    }
    return result
  }

  /// The opposite vectors.
  public static func flipped(_ normals: Raster) -> Raster { normals.mapped { -$0 } }

  /// Joint bilateral smoothing of unit normals guided by a photo with values 0...1, then renormalised. The defaults are the
  /// study's (30 of 255 levels); `sigmaColor` is in the guide's values.
  public static func smoothed(
    _ normals: Raster, guide: Raster, diameter: Int = 9, sigmaColor: Double = 30 / 255.0, sigmaSpace: Double = 30
  ) -> Raster {
    normalised(
      Filters.jointBilateral(
        normals, guide: guide, diameter: diameter, sigmaColor: sigmaColor, sigmaSpace: sigmaSpace))
  }

  /// The study's smoothing at load time: `passes` bilateral filters of the stored normals (n * 0.5 + 0.5), renormalised.
  public static func bilateral(
    _ normals: Raster, diameter: Int = 15, sigmaColor: Double = 75 / 255.0, sigmaSpace: Double = 75, passes: Int = 2
  ) -> Raster {
    var stored = encode(normals)
    for _ in 0..<passes {
      stored = Filters.bilateral(stored, diameter: diameter, sigmaColor: sigmaColor, sigmaSpace: sigmaSpace)
    }
    return decode(stored)
  }

  /// How well normals follow the depth: 1 - mean((1 - cos) / 2), where cos is taken between the Sobel gradient of the depth
  /// and the normal's x and y, over the pixels (of `mask`) with a gradient above 0.005 and a normal with |xy| above 0.05.
  /// 1 is agreement, 0.5 chance, 0 opposite. nil when no pixel qualifies.
  public static func consistency(
    depth: Raster, normals: Raster, mask: Mask? = nil, minimumGradient: Float = 0.005, minimumTilt: Float = 0.05
  ) -> Double? {
    precondition(
      depth.width == normals.width && depth.height == normals.height && normals.channels == 3,
      "depth and normals differ in size")
    let dx = Filters.sobel(depth, .x)
    let dy = Filters.sobel(depth, .y)
    var sum = 0.0
    var count = 0
    for i in 0..<depth.width * depth.height where mask.map({ $0.bits[i] != 0 }) ?? true {
      let (gx, gy) = (dx.pixels[i], dy.pixels[i])
      let (nx, ny) = (normals.pixels[3 * i], normals.pixels[3 * i + 1])
      let gradient = (gx * gx + gy * gy).squareRoot()
      let tilt = (nx * nx + ny * ny).squareRoot()
      guard gradient > minimumGradient, tilt > minimumTilt else { continue }
      sum += Double((1 - (gx * nx + gy * ny) / (gradient * tilt)) / 2)
      count += 1
    }
    return count == 0 ? nil : 1 - sum / Double(count)
  }

  /// How an imported normal map relates to reference normals, axis by axis.
  public struct AxisAgreement: Hashable, Sendable {
    /// Pearson correlation of x, y and z over the compared pixels; 0 where one side is constant.
    public let x: Double
    public let y: Double
    public let z: Double
    /// The mean of z on both sides: its sign says towards (-) or away from (+) the camera.
    public let meanZ: Double
    public let referenceMeanZ: Double
    /// Mean angle in degrees.
    public let meanAngle: Double
    public let pixels: Int

    /// The axes whose sign is turned against the reference: among "x", "y", "z".
    public var flippedAxes: [String] {
      var axes: [String] = []
      if x < -0.3 { axes.append("x") }
      if y < -0.3 { axes.append("y") }
      if meanZ * referenceMeanZ < 0 { axes.append("z") }
      return axes
    }
    /// x and y are exchanged when they follow each other's reference rather than their own.
    public let swappedXY: Bool
  }

  /// Compares normals with a reference (for example ``fromDepth(_:sigma:fieldOfView:)``) inside `mask`.
  public static func axisAgreement(_ normals: Raster, reference: Raster, mask: Mask) -> AxisAgreement {
    precondition(
      normals.width == reference.width && normals.height == reference.height && normals.channels == 3
        && reference.channels == 3 && mask.width == normals.width && mask.height == normals.height,
      "normals, reference and mask differ in size")
    var pairs: [(SIMD3<Double>, SIMD3<Double>)] = []
    var angle = 0.0
    for i in 0..<mask.bits.count where mask.bits[i] != 0 {
      func vector(_ raster: Raster) -> SIMD3<Double> {
        SIMD3(Double(raster.pixels[3 * i]), Double(raster.pixels[3 * i + 1]), Double(raster.pixels[3 * i + 2]))
      }
      let (a, b) = (vector(normals), vector(reference))
      if (a * a).sum() < 0.25 || (b * b).sum() < 0.25 { continue }
      pairs.append((a, b))
      angle += acos(max(-1, min((a * b).sum(), 1))) * 180 / .pi
    }
    let n = Double(max(1, pairs.count))
    let meanA = pairs.reduce(SIMD3<Double>()) { $0 + $1.0 } / n
    let meanB = pairs.reduce(SIMD3<Double>()) { $0 + $1.1 } / n
    func correlation(_ i: Int, _ j: Int) -> Double {
      var (aa, bb, ab) = (0.0, 0.0, 0.0)
      for (a, b) in pairs {
        let (u, v) = (a[i] - meanA[i], b[j] - meanB[j])
        aa += u * u
        bb += v * v
        ab += u * v
      }
      return aa > 1e-12 && bb > 1e-12 ? ab / (aa * bb).squareRoot() : 0
    }
    let (x, y) = (correlation(0, 0), correlation(1, 1))
    let crossed = min(abs(correlation(0, 1)), abs(correlation(1, 0)))
    return AxisAgreement(
      x: x, y: y, z: correlation(2, 2), meanZ: meanA.z, referenceMeanZ: meanB.z, meanAngle: angle / n,
      pixels: pairs.count, swappedXY: crossed > 0.3 && crossed > max(abs(x), abs(y)))
  }
}
