/// Eight points are traced at once; plain arithmetic and selects only, so that every machine computes the same bits.
typealias Lanes = SIMD8<Float>

/// Eight vectors.
struct LanesVector {
  var x: Lanes
  var y: Lanes
  var z: Lanes

  init(_ x: Lanes, _ y: Lanes, _ z: Lanes) {
    self.x = x
    self.y = y
    self.z = z
  }

  init(_ v: SIMD3<Float>) {
    self.init(Lanes(repeating: v.x), Lanes(repeating: v.y), Lanes(repeating: v.z))
  }

  @inline(__always) static func + (a: Self, b: Self) -> Self { .init(a.x + b.x, a.y + b.y, a.z + b.z) }
  @inline(__always) static func - (a: Self, b: Self) -> Self { .init(a.x - b.x, a.y - b.y, a.z - b.z) }
  @inline(__always) static func - (a: Self, b: SIMD3<Float>) -> Self { .init(a.x - b.x, a.y - b.y, a.z - b.z) }
  @inline(__always) static func * (a: Self, b: Lanes) -> Self { .init(a.x * b, a.y * b, a.z * b) }
  @inline(__always) static func * (a: Self, b: Float) -> Self { .init(a.x * b, a.y * b, a.z * b) }

  var length: Lanes { @inline(__always) get { (x * x + y * y + z * z).squareRoot() } }

  @inline(__always) func dot(_ b: Self) -> Lanes { x * b.x + y * b.y + z * b.z }

  var normalised: Self {
    let inverse = 1 / larger(length, 1e-12)
    return self * inverse
  }

  subscript(lane: Int) -> SIMD3<Float> { SIMD3(x[lane], y[lane], z[lane]) }
}

@inline(__always) func smaller(_ a: Lanes, _ b: Lanes) -> Lanes { a.replacing(with: b, where: b .< a) }
@inline(__always) func larger(_ a: Lanes, _ b: Lanes) -> Lanes { a.replacing(with: b, where: b .> a) }
@inline(__always) func smaller(_ a: Lanes, _ b: Float) -> Lanes { smaller(a, Lanes(repeating: b)) }
@inline(__always) func larger(_ a: Lanes, _ b: Float) -> Lanes { larger(a, Lanes(repeating: b)) }
@inline(__always) func magnitude(_ a: Lanes) -> Lanes { larger(a, -a) }
@inline(__always) func clamp01(_ a: Lanes) -> Lanes { smaller(larger(a, 0), 1) }

/// 0 below `low`, 1 above `high`, a cubic between.
@inline(__always) func smoothStep(_ low: Float, _ high: Float, _ x: Lanes) -> Lanes {
  let t = clamp01((x - low) / (high - low))
  return t * t * (3 - 2 * t)
}

/// Union of two solids whose seam is rounded over a width `k` (quadratic polynomial smooth minimum).
@inline(__always) func join(_ a: Lanes, _ b: Lanes, _ k: Float) -> Lanes {
  let h = larger(k - magnitude(a - b), 0)
  return smaller(a, b) - h * h * (0.25 / k)
}

/// `a` without `b`, the edge rounded over a width `k`.
@inline(__always) func carve(_ a: Lanes, _ b: Lanes, _ k: Float) -> Lanes { -join(-a, b, k) }

@inline(__always) func sphere(_ p: LanesVector, _ centre: SIMD3<Float>, _ radius: Float) -> Lanes {
  (p - centre).length - radius
}

/// Distance to an ellipsoid, exact on its surface and first-order near it.
@inline(__always) func ellipsoid(_ p: LanesVector, _ centre: SIMD3<Float>, _ radii: SIMD3<Float>) -> Lanes {
  let q = p - centre
  let s = LanesVector(q.x / radii.x, q.y / radii.y, q.z / radii.z)
  let k0 = s.length
  let k1 = LanesVector(s.x / radii.x, s.y / radii.y, s.z / radii.z).length
  return k0 * (k0 - 1) / larger(k1, 1e-6)
}

/// A rod from `a` to `b` whose radius goes from `ra` to `rb`.
@inline(__always) func rod(
  _ p: LanesVector, _ a: SIMD3<Float>, _ b: SIMD3<Float>, _ ra: Float, _ rb: Float
) -> Lanes {
  let q = p - a
  let axis = b - a
  let t = clamp01((q.x * axis.x + q.y * axis.y + q.z * axis.z) / (axis * axis).sum())
  let nearest = LanesVector(q.x - t * axis.x, q.y - t * axis.y, q.z - t * axis.z)
  return nearest.length - (ra + t * (rb - ra))
}
