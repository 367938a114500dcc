/// The signed distance to a head's surface, and what the surface is made of. Built from ellipsoids and rods with rounded
/// seams (J. C. Hart, "Sphere tracing", 1996; smooth unions after I. Quilez' published formulas). Centimetres; negative
/// inside; an underestimate of the true distance by at most a third.
struct HeadField: Sendable {
  let shape: HeadShape
  private let eye: SIMD3<Float>
  private let noseTip: SIMD3<Float>
  private let noseBase: Float
  private let earSine: Float
  private let earCosine: Float

  init(_ shape: HeadShape) {
    self.shape = shape
    eye = SIMD3(shape.eyeX, 0, 6.75)
    noseBase = -shape.noseLength
    noseTip = SIMD3(0, noseBase + 0.55, shape.noseProjection - shape.noseTip)
    // Small-angle rotation, normalised: no dependence on a library's sine.
    let length = (1 + shape.earAngle * shape.earAngle).squareRoot()
    earSine = shape.earAngle / length
    earCosine = 1 / length
  }

  /// The skin's own small asymmetry, and the mirror plane.
  @inline(__always) private func symmetric(_ p: LanesVector) -> LanesVector {
    let fade = smoothStep(-4, 6, p.z)
    let x = p.x + fade * (p.y * (shape.shear * 0.02) + p.y * p.y * (shape.bend * 0.002))
    let y = p.y + fade * p.x * (shape.slant * 0.03)
    // The mirror's crease is rounded off.
    let side = (x * x + 0.09).squareRoot() - 0.3
    return LanesVector(side, y, p.z)
  }

  func distance(_ point: LanesVector) -> Lanes {
    let p = symmetric(point)
    var d = headMass(p)
    d = hairCap(d, p, point)
    // Details far from all eight points cannot change the result and are left out.
    if isNear(p, SIMD3(2.5, -3.5, 6.5), 6, d, 2.4) {
      d = face(d, p)
      d = nose(d, p)
      if isNear(p, SIMD3(0.8, -6.8, 8.5), 3.4, d, 1.1) { d = mouth(d, p) }
    }
    if isNear(p, SIMD3(shape.skullWidth + 0.5, -0.9, -1.2), 4, d, 0.7) { d = ears(d, p) }
    if any(p.y .< -2) { d = bust(d, p) }
    return isNear(p, eye, 2.6, d, 0.8) ? eyes(d, p) : d
  }

  /// Whether any of the points is close enough to a ball for what lies in it to matter at distance `d`, joined over a
  /// width `k`.
  @inline(__always) private func isNear(
    _ p: LanesVector, _ centre: SIMD3<Float>, _ radius: Float, _ d: Lanes, _ k: Float
  ) -> Bool {
    any((p - centre).length .< magnitude(d) + (radius + k))
  }

  /// Skull, face, jaw, chin, cheekbones, cheeks: everything hair can grow on.
  @inline(__always) private func headMass(_ p: LanesVector) -> Lanes {
    let skull = ellipsoid(
      p, SIMD3(0, 3.3, -1.0), SIMD3(shape.skullWidth, shape.skullHeight, shape.skullDepth))
    let front = ellipsoid(p, SIMD3(0, -2.6, 1.6), SIMD3(shape.faceWidth, 8.2, 6.9))
    var d = join(skull, front, 3.5)
    let jaw = rod(
      p, SIMD3(shape.jawWidth, -5.6, 0.6), SIMD3(0.5, shape.chinY + 0.2, shape.chinZ - 0.8), shape.jawRadius,
      shape.jawRadius * 0.85)
    d = join(d, jaw, 3)
    let chin = ellipsoid(
      p, SIMD3(0, shape.chinY + 0.35, shape.chinZ), SIMD3(shape.chinRadius * 1.3, shape.chinRadius, shape.chinRadius))
    return join(d, chin, 1.9)
  }

  @inline(__always) private func face(_ start: Lanes, _ p: LanesVector) -> Lanes {
    var d = start
    let cheekbone = ellipsoid(p, SIMD3(4.75, -2.0, 5.0), SIMD3(1.9, shape.cheekbone, 2.0))
    d = join(d, cheekbone, 2.2)
    let cheek = ellipsoid(
      p, SIMD3(3.2, -4.9, 5.6), SIMD3(shape.cheekFullness, shape.cheekFullness * 1.15, shape.cheekFullness))
    d = join(d, cheek, 2.4)
    let muzzle = ellipsoid(p, SIMD3(0, shape.mouthY + 0.3, 6.6), SIMD3(2.9, 2.7, 2.35))
    d = join(d, muzzle, 1.8)
    let brow = rod(
      p, SIMD3(0.9, shape.browY - 0.35, 8.0), SIMD3(5.0, shape.browY - 0.1, 5.7), shape.browRadius,
      shape.browRadius * 0.75)
    d = join(d, brow, 1.5)
    let socket = ellipsoid(p, SIMD3(eye.x + 0.05, -0.1, 8.75), SIMD3(1.95, 1.25, 1.55 * shape.socketDepth))
    d = carve(d, socket, 1.3)
    // The fold from the wing of the nose to the corner of the mouth.
    let fold = rod(
      p, SIMD3(shape.noseWidth + 0.75, noseBase + 0.25, 8.85),
      SIMD3(shape.mouthWidth + 0.75, shape.mouthY - 0.3, 8.15), 0, 0)
    return carve(d, fold + 0.42, 1.25)
  }

  @inline(__always) private func nose(_ start: Lanes, _ p: LanesVector) -> Lanes {
    let hump = SIMD3(0, -1.15, 9.15 + shape.bridgeHump)
    let root = SIMD3<Float>(0, 0.9, 7.85)
    var n = rod(p, root, hump, shape.bridge, shape.bridge * 0.95)
    n = join(n, rod(p, hump, noseTip, shape.bridge * 0.95, shape.noseTip * 0.95), 0.5)
    n = join(n, sphere(p, noseTip, shape.noseTip), 0.4)
    // The flanks widen from the bridge to the wings.
    n = join(n, rod(p, SIMD3(0.35, 0.2, 7.0), SIMD3(0.8, noseBase + 0.9, 8.3), 0.7, 0.95), 0.9)
    let wing = ellipsoid(
      p, SIMD3(shape.noseWidth, noseBase + 0.35, 8.85), SIMD3(0.6, 0.62, 1.0))
    n = join(n, wing, 0.7)
    let septum = rod(
      p, SIMD3(0, noseBase + 0.05, 8.6), SIMD3(0, noseBase + 0.15, noseTip.z), 0.32, 0.35)
    n = join(n, septum, 0.35)
    var d = join(start, n, 0.85)
    let nostril = ellipsoid(
      p, SIMD3(shape.noseWidth * 0.52, noseBase - 0.12, noseTip.z - 0.85), SIMD3(0.34, 0.42, 0.55))
    d = carve(d, nostril, 0.22)
    return d
  }

  /// The lips' own distance, for their shape and their colour.
  @inline(__always) private func lips(_ p: LanesVector) -> (upper: Lanes, lower: Lanes) {
    let corner = SIMD3(shape.mouthWidth, shape.mouthY + shape.mouthCurve, 8.12)
    let bow = SIMD3<Float>(0.55, shape.mouthY + 0.34, 8.76)
    var upper = rod(p, bow, corner, shape.lipUpper, 0.13)
    upper = join(upper, rod(p, SIMD3(0, shape.mouthY + 0.25, 8.78), bow, shape.lipUpper, shape.lipUpper), 0.12)
    let middle = SIMD3<Float>(0.6, shape.mouthY - 0.4, 8.72)
    var lower = rod(p, middle, corner, shape.lipLower, 0.13)
    lower = join(
      lower, rod(p, SIMD3(0, shape.mouthY - 0.42, 8.76), middle, shape.lipLower, shape.lipLower), 0.12)
    return (upper, lower)
  }

  @inline(__always) private func mouth(_ start: Lanes, _ p: LanesVector) -> Lanes {
    var d = start
    let philtrum = rod(
      p, SIMD3(0, noseBase - 0.3, 9.2), SIMD3(0, shape.mouthY + 0.95, 9.45), 0.2, 0.26)
    d = carve(d, philtrum, 0.5)
    let under = rod(
      p, SIMD3(0, shape.mouthY - 1.55, 9.25), SIMD3(1.5, shape.mouthY - 1.4, 8.6), 0.4, 0.3)
    d = carve(d, under, 1.1)
    let (upper, lower) = lips(p)
    d = join(d, upper, 0.35)
    d = join(d, lower, 0.35)
    let cleft = rod(
      p, SIMD3(0, shape.mouthY - 0.05, 9.22), SIMD3(shape.mouthWidth - 0.1, shape.mouthY + shape.mouthCurve, 8.32),
      0.03, 0.03)
    return carve(d, cleft, 0.26)
  }

  /// The almond between the lids: negative in the opening. In the plane of the face.
  @inline(__always) private func eyeOpening(_ p: LanesVector) -> Lanes {
    let u = p.x - eye.x
    let v = p.y - eye.y - u * shape.eyeTilt
    let arc = 1 - u * u / (shape.eyeWidth * shape.eyeWidth)
    return larger(v - arc * shape.eyeUpper, -arc * shape.eyeLower - v)
  }

  @inline(__always) private func eyes(_ start: Lanes, _ p: LanesVector) -> Lanes {
    let ball = sphere(p, eye, shape.eyeRadius)
    let opening = eyeOpening(p)
    var d = join(start, ball - 0.2, 0.7)
    // The crease above the upper lid.
    let u = p.x - eye.x
    let v = p.y - eye.y - u * shape.eyeTilt
    let arc = (1 - u * u / (2.4 * shape.eyeWidth * shape.eyeWidth)) * (shape.eyeUpper + 0.42)
    let crease = clamp01(1 - magnitude(v - arc) / 0.22) * smoothStep(0.3, -0.2, u * u / 6 - 0.5)
    d = d + crease * crease * smoothStep(5.5, 6.5, p.z) * 0.1
    d = carve(d, larger(opening * 0.75, eye.z - p.z), 0.14)
    return smaller(d, ball)
  }

  @inline(__always) private func ears(_ start: Lanes, _ p: LanesVector) -> Lanes {
    // Turn the ear's plate outwards at the back.
    let centre = SIMD3<Float>(shape.skullWidth + 0.3, -0.9, -0.9)
    let q = p - centre
    let size = shape.earSize
    let x = q.x * earCosine + q.z * earSine
    let z = q.z * earCosine - q.x * earSine
    let t = LanesVector(x, q.y, z + q.y * 0.18)
    let rim = ellipsoid(t, SIMD3(0.2, 0.15, -0.5), SIMD3(0.6, 3.1, 1.85) * size)
    let bowl = ellipsoid(t, SIMD3(0.75, 0.35, -0.35), SIMD3(0.62, 2.3, 1.15) * size)
    let hollow = ellipsoid(t, SIMD3(0.6, -0.4, 0.15), SIMD3(0.8, 0.9, 0.75) * size)
    let inner = rod(t, SIMD3(0.35, 1.2, -0.4), SIMD3(0.4, -0.6, -0.95), 0.28, 0.3)
    let tragus = ellipsoid(t, SIMD3(0.25, -0.35, 0.95), SIMD3(0.4, 0.55, 0.35))
    var ear = carve(rim, bowl, 0.35)
    ear = join(ear, inner, 0.35)
    ear = carve(ear, hollow, 0.3)
    ear = join(ear, tragus, 0.3)
    return join(start, ear, 0.7)
  }

  @inline(__always) private func bust(_ start: Lanes, _ p: LanesVector) -> Lanes {
    let neck = rod(p, SIMD3(0, -6, -2.6), SIMD3(0, -19, -3.4), shape.neckRadius, shape.neckRadius * 1.08)
    var d = join(start, neck, 1.6)
    // The sternomastoid muscles and the throat.
    let muscle = rod(p, SIMD3(4.7, -6.5, -2.4), SIMD3(1.0, -18.2, 2.3), 0.75, 0.7)
    d = join(d, muscle, 1.3)
    let throat = sphere(p, SIMD3(0, -12.4, 2.35), 0.6)
    d = join(d, throat, 1.2)
    let slope = rod(p, SIMD3(2, -16.4, -4.2), SIMD3(shape.shoulderWidth, -22, -4.2), 3.2, 4.2)
    d = join(d, slope, 4.5)
    let chest = ellipsoid(p, SIMD3(0, -27, -2.8), SIMD3(shape.shoulderWidth, 9, 6.2))
    d = join(d, chest, 4)
    // Cloth stands off the skin by two millimetres, with a hem.
    return d - clothing(p) * 0.22
  }

  /// 1 on cloth, 0 on skin; the neckline dips towards the front.
  @inline(__always) private func clothing(_ p: LanesVector) -> Lanes {
    let line = -15.2 - smoothStep(-3, 4, p.z) * 3
    return smoothStep(0.12, -0.12, p.y - line)
  }

  /// 1 where hair grows, 0 elsewhere, with a soft hairline.
  @inline(__always) private func hairGrowth(_ p: LanesVector, softness: Float = 0.9) -> Lanes {
    if shape.hair == .bald { return Lanes(repeating: 0) }
    let nape: Float = -7.5
    let temples = smoothStep(1.2, 4.4, p.x) * (1 - smoothStep(4.6, 7, p.x)) * shape.hairRecession * 1.6
    // From the nape up behind the ear, over it, down into the sideburn, and up the temple to the forehead.
    let burn = clamp01(1 - magnitude(p.z - 1.3) / 1.5)
    let over: Float = 1.6
    let line =
      nape + (over - nape) * smoothStep(-4.6, -2.4, p.z) - burn * burn * 2.2
      + (shape.hairline - over + temples) * smoothStep(1.9, 5.2, p.z)
    return smoothStep(-0.35, softness - 0.35, p.y - line)
  }

  /// A triangle wave of period 1 and range -0.5...0.5, from arithmetic alone.
  @inline(__always) private func triangle(_ u: Lanes) -> Lanes {
    let magic: Float = 12_582_912  // 1.5 * 2^23: adding it rounds to a whole number
    let fraction = u - ((u + magic) - magic)
    return magnitude(fraction) * 2 - 0.5
  }

  /// Locks of hair: ridges that run back from the hairline.
  @inline(__always) private func locks(_ whole: LanesVector) -> Lanes {
    let bent =
      whole.x * 0.42 + triangle(whole.y * 0.11 + shape.wave) * 0.9 + triangle(whole.z * 0.09 + shape.wave) * 0.7
    return triangle(bent * 1.3 + shape.wave) * 0.6 + triangle(bent * 3.7 + whole.y * 0.13) * 0.4
  }

  @inline(__always) private func hairCap(_ skin: Lanes, _ p: LanesVector, _ whole: LanesVector) -> Lanes {
    if shape.hair == .bald { return skin }
    let growth = hairGrowth(p, softness: 2.6)
    let crown = smoothStep(-6, 9, p.y)
    var thickness = growth * shape.hairThickness * (0.55 + crown * 0.45)
    thickness = thickness + growth * locks(whole) * smallerOf(shape.hairThickness * 0.3, 0.22)
    var d = skin - thickness
    if shape.hair == .bob {
      // Hair that falls beside the face down to the jaw.
      let fall = ellipsoid(p, SIMD3(0, -1.2, -2.6), SIMD3(shape.skullWidth + 1.5, 11.2, 9.4))
      let behindFace = p.z - 1.9 - (p.y + 8) * 0.09
      let curtain = larger(fall - locks(whole) * 0.25, behindFace)
      d = join(d, larger(curtain, -9.6 - p.y), 1)
    }
    return d
  }

  private func smallerOf(_ a: Float, _ b: Float) -> Float { a < b ? a : b }

  /// What lies at points on the surface; each 0...1 or a distance in cm.
  struct Materials {
    /// Distance to the lips' solids.
    var lips: Lanes
    /// Distance to the eyeball.
    var eyeball: Lanes
    /// Distance to the rim of the eye's opening, in the plane of the face, negative inside.
    var opening: Lanes
    var hair: Lanes
    var locks: Lanes
    var cloth: Lanes
    /// Distance to the line of the eyebrow in the plane of the face.
    var eyebrow: Lanes
    /// The point in the head's symmetric axes.
    var local: LanesVector
  }

  /// What the surface consists of at points on it.
  func materials(_ point: LanesVector) -> Materials {
    let p = symmetric(point)
    let (upper, lower) = lips(p)
    // Two straight parts: rising to the arch, then falling to the tail.
    let flat = LanesVector(p.x, p.y, Lanes(repeating: 0))
    let arch = SIMD3<Float>(eye.x + 0.9, shape.browY + 0.35, 0)
    let inner = rod(flat, SIMD3(eye.x - 1.75, shape.browY - 0.15, 0), arch, 0.34, 0.3)
    let tail = rod(flat, arch, SIMD3(eye.x + 2.2, shape.browY - 0.25, 0), 0.3, 0.1)
    let eyebrow = larger(smaller(inner, tail), 3 - p.z)
    var hair = hairGrowth(p)
    if shape.hair == .bob {
      // Whatever stands off the skin at the sides is hair.
      let off = smoothStep(0.15, 0.35, skinDistance(p)) * smoothStep(-10.2, -9.2, p.y) * smoothStep(3.2, 2.4, p.z)
      hair = larger(hair, off)
    }
    return Materials(
      lips: smaller(upper, lower), eyeball: sphere(p, eye, shape.eyeRadius), opening: eyeOpening(p), hair: hair,
      locks: locks(point), cloth: clothing(p), eyebrow: eyebrow, local: p)
  }

  /// Distance to the head without hair.
  private func skinDistance(_ p: LanesVector) -> Lanes {
    bust(ears(headMass(p), p), p)
  }

  /// The eyeball's centre, for x >= 0.
  var eyeCentre: SIMD3<Float> { eye }

  /// Outward unit normals by central differences on a tetrahedron.
  func normals(_ p: LanesVector, epsilon e: Float = 0.02) -> LanesVector {
    let a = distance(p + LanesVector(SIMD3(e, -e, -e)))
    let b = distance(p + LanesVector(SIMD3(-e, -e, e)))
    let c = distance(p + LanesVector(SIMD3(-e, e, -e)))
    let d = distance(p + LanesVector(SIMD3(e, e, e)))
    return LanesVector(a - b - c + d, -a - b + c + d, -a + b - c + d).normalised
  }
}
