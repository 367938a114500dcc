/// Colours points on a head's surface: what it is made of there, lit by a main light with its shadow, a sky and a fill
/// light, darkened in folds.
struct HeadShader {
  let field: HeadField
  let colours: HeadColours
  /// The camera in head coordinates.
  let eye: SIMD3<Float>

  /// RGB as displayed, 0...1, at points with outward normals.
  func colour(_ p: LanesVector, _ n: LanesVector) -> LanesVector {
    let m = field.materials(p)
    let (albedo, gloss) = albedo(m)
    let light = LanesVector(colours.light)
    let facing = n.dot(light)
    let lit = shadow(p, n)
    let open = openness(p, n)
    // Light that enters skin leaves it a little further on, reddened: the lit side reaches round the terminator.
    let wrap = smoothStep(-0.25, 1, facing)
    let direct = larger(facing, 0) * lit
    let bled = (wrap * 0.18) * (lit * 0.6 + 0.4)
    let sky = (n.y * 0.5 + 0.5) * 0.26 + 0.16
    let fill = larger(n.x * -colours.light.x * 0.8 + n.z * 0.6, 0) * 0.2
    let view = (LanesVector(eye) - p).normalised
    let half = (view + light).normalised
    var shine = larger(n.dot(half), 0)
    shine = shine * shine
    shine = shine * shine
    shine = shine * shine
    shine = shine * shine * gloss * lit
    let soft = (sky + fill) * open
    let r = albedo.x * (direct * 0.95 + bled * 1.5 + soft) + shine
    let g = albedo.y * (direct * 0.92 + bled * 0.75 + soft) + shine
    let b = albedo.z * (direct * 0.86 + bled * 0.6 + soft * 1.06) + shine
    // A square root stands for the display's gamma: exact on every machine.
    return LanesVector(clamp01(r).squareRoot(), clamp01(g).squareRoot(), clamp01(b).squareRoot())
  }

  private func mix(_ a: LanesVector, _ b: LanesVector, _ t: Lanes) -> LanesVector {
    LanesVector(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t, a.z + (b.z - a.z) * t)
  }

  private func albedo(_ m: HeadField.Materials) -> (LanesVector, Lanes) {
    let p = m.local
    let shape = field.shape
    var colour = LanesVector(colours.skin)
    // Blood shows in cheeks, nose and ears.
    let cheek = smoothStep(3.2, 0.5, sphere(p, SIMD3(4.3, -3.4, 7), 0.2))
    let nose = smoothStep(1.6, 0.2, sphere(p, SIMD3(0, -shape.noseLength + 0.5, shape.noseProjection - 0.6), 0.4))
    let ear = smoothStep(shape.skullWidth + 0.1, shape.skullWidth + 1, p.x) * smoothStep(-6, -4, p.y)
    let red = smaller(larger(cheek, larger(nose, ear * 0.8)) * colours.blush, 1)
    colour = mix(colour, LanesVector(colours.skin * SIMD3(1.04, 0.72, 0.7)), red)
    let jaw =
      smoothStep(shape.mouthY + 1.6, shape.mouthY - 0.6, p.y) * smoothStep(-12.5, -11, p.y) * smoothStep(0.5, 3, p.z)
    colour = mix(colour, LanesVector(colours.skin * 0.35 + colours.hair * 0.4), jaw * (colours.stubble * 0.75))
    let around = smoothStep(1.0, 0.1, m.opening) * smoothStep(4.5, 5.5, p.z)
    colour = mix(colour, LanesVector(colours.skin * SIMD3(0.78, 0.62, 0.6)), around * 0.6)
    colour = mix(colour, LanesVector(colours.lips), smoothStep(0.13, 0.02, m.lips) * 0.85)
    var gloss = Lanes(repeating: 0.07)
    let brow = smoothStep(0.14, -0.1, m.eyebrow) * (m.locks * 0.25 + 0.75)
    colour = mix(colour, LanesVector(colours.hair * 1.2), brow * 0.85)
    // Lashes along the upper lid.
    let onLid = smoothStep(0.05, 0.09, m.eyeball) * smoothStep(4.5, 5.5, p.z)
    let lash = smoothStep(0.16, 0.05, magnitude(m.opening)) * smoothStep(-0.25, 0.05, p.y) * onLid
    colour = mix(colour, LanesVector(colours.hair * 0.5 + SIMD3(repeating: 0.004)), lash * 0.85)
    let strand = LanesVector(colours.hair) * (m.locks * 0.7 + 1)
    let buzzed: Float = shape.hair == .buzz ? 0.75 : 1
    colour = mix(colour, strand, m.hair * buzzed)
    gloss = gloss * (1 - m.hair * 0.5)
    colour = mix(colour, LanesVector(colours.cloth), m.cloth)
    gloss = gloss * (1 - m.cloth)
    // The eyeball: white, iris with a dark rim, pupil; it looks straight ahead.
    let e = field.eyeCentre
    let off = LanesVector(p.x - e.x, p.y - e.y, Lanes(repeating: 0)).length
    var ball = LanesVector(SIMD3(0.62, 0.58, 0.56))
    ball = mix(ball, LanesVector(colours.iris), smoothStep(0.66, 0.6, off))
    ball = mix(ball, LanesVector(colours.iris * 0.25), smoothStep(0.5, 0.6, off) * smoothStep(0.68, 0.62, off))
    ball = mix(ball, LanesVector(SIMD3(repeating: 0.004)), smoothStep(0.3, 0.24, off))
    let glint = LanesVector(p.x - e.x + 0.22, p.y - e.y - 0.22, Lanes(repeating: 0)).length
    ball = mix(ball, LanesVector(SIMD3(repeating: 1)), smoothStep(0.16, 0.1, glint))
    let onBall = smoothStep(0.05, 0.02, m.eyeball) * smoothStep(6, 6.6, p.z)
    // The upper lid shades the ball.
    let lid = smoothStep(-0.28, 0.02, m.opening) * 0.55
    ball = ball * (1 - lid)
    colour = mix(colour, ball, onBall)
    gloss = gloss * (1 - onBall)
    return (colour, gloss)
  }

  /// 1 where the main light arrives, 0 in full shadow, soft between.
  private func shadow(_ p: LanesVector, _ n: LanesVector) -> Lanes {
    var lit = Lanes(repeating: 1)
    var t = Lanes(repeating: 0.25)
    let origin = p + n * Float(0.08)
    let direction = LanesVector(colours.light)
    for _ in 0..<12 {
      let d = field.distance(origin + direction * t)
      lit = smaller(lit, d * 5 / t)
      t = t + larger(smaller(d * 0.9, 2.5), 0.22)
    }
    return smoothStep(0, 1, lit)
  }

  /// 1 in the open, towards 0 in folds and hollows (ambient occlusion from the distance field).
  private func openness(_ p: LanesVector, _ n: LanesVector) -> Lanes {
    var closed = Lanes(repeating: 0)
    var weight: Float = 0.5
    for step in [Float(0.3), 0.9, 2.2, 4.5] {
      closed = closed + larger(step - field.distance(p + n * step), 0) * (weight / step)
      weight *= 0.75
    }
    return clamp01(1 - closed)
  }
}
