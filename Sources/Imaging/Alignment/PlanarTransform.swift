import Foundation

/// A map of the plane: (x, y) -> (a x + b y + c, d x + e y + f), in pixel indices.
public struct PlanarTransform: Hashable, Sendable {
  public var a: Double
  public var b: Double
  public var c: Double
  public var d: Double
  public var e: Double
  public var f: Double

  public static let identity = PlanarTransform(a: 1, b: 0, c: 0, d: 0, e: 1, f: 0)

  public init(a: Double, b: Double, c: Double, d: Double, e: Double, f: Double) {
    (self.a, self.b, self.c, self.d, self.e, self.f) = (a, b, c, d, e, f)
  }

  /// Rotation by `angle` (radians) and `scale` about `centre`, then a shift.
  public static func similarity(
    scale: Double, angle: Double, shift: SIMD2<Double>, about centre: SIMD2<Double> = .zero
  ) -> PlanarTransform {
    let (p, q) = (scale * cos(angle), scale * sin(angle))
    return PlanarTransform(
      a: p, b: -q, c: centre.x - p * centre.x + q * centre.y + shift.x, d: q, e: p,
      f: centre.y - q * centre.x - p * centre.y + shift.y)
  }

  public func callAsFunction(_ p: SIMD2<Double>) -> SIMD2<Double> {
    SIMD2(a * p.x + b * p.y + c, d * p.x + e * p.y + f)
  }

  /// The map back; nil when the plane is folded to a line.
  public var inverse: PlanarTransform? {
    let determinant = a * e - b * d
    if abs(determinant) < 1e-12 { return nil }
    let (ia, ib, id, ie) = (e / determinant, -b / determinant, -d / determinant, a / determinant)
    return PlanarTransform(a: ia, b: ib, c: -(ia * c + ib * f), d: id, e: ie, f: -(id * c + ie * f))
  }

  /// The same map between pictures `factor` times as large (pixel i covers i..<i + 1).
  public func resized(by factor: Double) -> PlanarTransform {
    let shift = (factor - 1) / 2
    return PlanarTransform(
      a: a, b: b, c: factor * c + shift - (a + b) * shift, d: d, e: e, f: factor * f + shift - (d + e) * shift)
  }

  /// How far the map moves the corner of a picture that it moves most, in pixels.
  public func largestMove(width: Int, height: Int) -> Double {
    let (right, bottom) = (Double(width - 1), Double(height - 1))
    return [SIMD2(0, 0), SIMD2(right, 0), SIMD2(0, bottom), SIMD2(right, bottom)].map { p in
      let d = self(p) - p
      return (d * d).sum().squareRoot()
    }.max() ?? 0
  }

  public var scale: Double { abs(a * e - b * d).squareRoot() }
  public var angle: Double { atan2(d - b, a + e) }

  /// The image whose pixel p shows `raster` at transform(p), bilinear, with `background` outside.
  public func sample(_ raster: Raster, width: Int, height: Int, background: Float = 0) -> Raster {
    let (channels, sourceWidth, sourceHeight) = (raster.channels, raster.width, raster.height)
    return Raster.build(
      width: width, height: height, channels: channels, from: raster.pixels, work: width * height * channels * 8
    ) { band, source, target in
      for y in band {
        for x in 0..<width {
          let p = self(SIMD2(Double(x), Double(y)))
          let (left, top) = (p.x.rounded(.down), p.y.rounded(.down))
          let (u, v) = (Float(p.x - left), Float(p.y - top))
          let (x0, y0) = (Int(max(-2, min(left, 1e9))), Int(max(-2, min(top, 1e9))))
          for c in 0..<channels {
            func at(_ px: Int, _ py: Int) -> Float {
              px >= 0 && py >= 0 && px < sourceWidth && py < sourceHeight
                ? source[(py * sourceWidth + px) * channels + c] : background
            }
            let upper = at(x0, y0) * (1 - u) + at(x0 + 1, y0) * u
            let lower = at(x0, y0 + 1) * (1 - u) + at(x0 + 1, y0 + 1) * u
            target[(y * width + x) * channels + c] = upper * (1 - v) + lower * v
          }
        }
      }
    }
  }
}
