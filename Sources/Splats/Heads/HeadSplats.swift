import Basics
import Foundation

/// Turns a head into Gaussian splats with the flaws of reconstructed ones: noisy places, sizes, opacities and
/// orientations (partly correlated), floaters, holes, a ragged lower end.
struct HeadSplats {
  let pose: HeadPose

  func cloud(_ surfels: [HeadSampler.Surfel], eye: SIMD3<Float>, random: inout SeededRandom) -> GaussianCloud {
    let wobble = SmoothField(wavelength: 3, random: &random)
    let tilts = (
      SmoothField(wavelength: 2.5, random: &random), SmoothField(wavelength: 2.5, random: &random)
    )
    let holes = holes(surfels, eye: eye, random: &random)
    let raggedness = SmoothField(wavelength: 2.2, random: &random)
    var cloud = GaussianCloud(capacity: surfels.count + surfels.count / 100)
    for surfel in surfels {
      let world = pose.worldPoint(surfel.point)
      // Below the world's z of -1 the reconstruction ends, raggedly.
      if Double(world.z) < -1.0 + 0.03 * Double(raggedness.value(surfel.point)) + 0.02 * random.normal() { continue }
      if holes.contains(where: { $0.removes(surfel) }) { continue }
      let p =
        surfel.point
        + surfel.normal * (0.025 * wobble.value(surfel.point) + Float(0.018 * random.normal()))
        + SIMD3(Float(random.normal()), Float(random.normal()), Float(random.normal())) * 0.012
      let tangent = anyTangent(surfel.normal)
      let bitangent = cross(surfel.normal, tangent)
      let tiltA = 0.07 * tilts.0.value(surfel.point) + Float(0.13 * random.normal())
      let tiltB = 0.07 * tilts.1.value(surfel.point) + Float(0.13 * random.normal())
      let normal = unit(surfel.normal + tangent * tiltA + bitangent * tiltB)
      let size = surfel.spacing * 1.15 * pose.scale
      append(
        to: &cloud, at: pose.worldPoint(p), normal: pose.worldVector(normal), colour: surfel.colour, size: size,
        flatness: 0.12, opacityLogit: Float(3.2 + 1.1 * random.normal()), random: &random)
    }
    addFloaters(to: &cloud, surfels, random: &random)
    return cloud
  }

  /// A gap in the reconstruction: a ball, and for some the whole tunnel behind it.
  private struct Hole {
    var centre: SIMD3<Float>
    var radius: Float
    /// Unit vector from the camera through the centre, for a hole right through the head.
    var through: SIMD3<Float>?

    func removes(_ surfel: HeadSampler.Surfel) -> Bool {
      let q = surfel.point - centre
      if (q * q).sum() < radius * radius { return true }
      guard let axis = through else { return false }
      let along = (q * axis).sum()
      let across = q - axis * along
      // So wide that splats beside the tunnel do not reach into the line of sight and close the hole from behind.
      let reach = radius + 3 * surfel.spacing
      return along > radius && (across * across).sum() < reach * reach
    }
  }

  private func holes(
    _ surfels: [HeadSampler.Surfel], eye: SIMD3<Float>, random: inout SeededRandom
  ) -> [Hole] {
    guard !surfels.isEmpty else { return [] }
    var holes: [Hole] = []
    let wanted = 1 + random.index(below: 3)
    for _ in 0..<(wanted * 20) where holes.count < wanted {
      let surfel = surfels[random.index(below: surfels.count)]
      let through = random.uniform() < 0.85
      // Wide enough that the neighbours do not close it.
      let radius = Float(random.uniform(0.25, 0.7)) + 1.3 * surfel.spacing
      let view = unit(surfel.point - eye)
      // On the side that is seen, well inside the silhouette.
      if (surfel.normal * view).sum() < -0.55, surfel.point.y > -15 {
        holes.append(Hole(centre: surfel.point, radius: radius, through: through ? view : nil))
      }
    }
    return holes
  }

  private func addFloaters(
    to cloud: inout GaussianCloud, _ surfels: [HeadSampler.Surfel], random: inout SeededRandom
  ) {
    guard !surfels.isEmpty else { return }
    func add(_ p: SIMD3<Float>, _ size: Double) {
      let normal = unit(SIMD3(Float(random.normal()), Float(random.normal()), Float(random.normal() + 0.5)))
      let colour = surfels[random.index(below: surfels.count)].colour
      append(
        to: &cloud, at: pose.worldPoint(p), normal: pose.worldVector(normal), colour: colour,
        size: Float(size) * pose.scale, flatness: 0.4, opacityLogit: Float(0.3 + 1.5 * random.normal()),
        random: &random)
    }
    for _ in 0..<(surfels.count / 900 + 4) {
      let p = SIMD3(
        Float(random.uniform(-17, 17)), Float(random.uniform(-18, 17)), Float(random.uniform(-9, 11)))
      add(p, random.uniform(0.05, 0.3))
    }
    if random.uniform() < 0.35 {
      // A detached clump beside the head.
      let side: Double = random.uniform() < 0.5 ? -1 : 1
      let centre = SIMD3(
        Float(side * random.uniform(11, 15)), Float(random.uniform(-8, 12)), Float(random.uniform(-5, 5)))
      for _ in 0..<(12 + random.index(below: 20)) {
        let off = SIMD3(Float(random.normal()), Float(random.normal()), Float(random.normal())) * 0.45
        add(centre + off, random.uniform(0.1, 0.3))
      }
    }
  }

  private func append(
    to cloud: inout GaussianCloud, at position: SIMD3<Float>, normal: SIMD3<Float>, colour: SIMD3<Float>, size: Float,
    flatness: Float, opacityLogit: Float, random: inout SeededRandom
  ) {
    let spin = random.uniform(0, 2 * .pi)
    let t = anyTangent(normal)
    let b = cross(normal, t)
    let x = t * Float(cos(spin)) + b * Float(sin(spin))
    let rotation = quaternion(x, cross(normal, x), normal) * Float(random.uniform(0.5, 1.5))
    func axis(_ factor: Float) -> Float { log(size * factor) + Float(0.25 * random.normal()) }
    let jitter = SIMD3(Float(random.normal()), Float(random.normal()), Float(random.normal())) * 0.015
    cloud.append(
      position: position, opacityLogit: opacityLogit, logScale: SIMD3(axis(1), axis(1), axis(flatness)),
      rotation: rotation, baseColour: (colour + jitter - 0.5) / SphericalHarmonics.c0)
  }
}

func cross(_ a: SIMD3<Float>, _ b: SIMD3<Float>) -> SIMD3<Float> {
  SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}

func unit(_ v: SIMD3<Float>) -> SIMD3<Float> { v / max((v * v).sum().squareRoot(), 1e-12) }

/// Some unit vector perpendicular to the unit vector `n`.
func anyTangent(_ n: SIMD3<Float>) -> SIMD3<Float> {
  unit(cross(abs(n.x) < 0.6 ? SIMD3(1, 0, 0) : SIMD3(0, 1, 0), n))
}

/// The unit quaternion (w, x, y, z) of the rotation whose columns are the orthonormal `x`, `y`, `z`.
func quaternion(_ x: SIMD3<Float>, _ y: SIMD3<Float>, _ z: SIMD3<Float>) -> SIMD4<Float> {
  // Of the four equivalent formulas the one with the largest divisor (Shepperd 1978).
  let trace = x.x + y.y + z.z
  let q: SIMD4<Float>
  if trace >= max(x.x, y.y, z.z) {
    q = SIMD4(1 + trace, y.z - z.y, z.x - x.z, x.y - y.x)
  } else if x.x >= max(y.y, z.z) {
    q = SIMD4(y.z - z.y, 1 + x.x - y.y - z.z, x.y + y.x, z.x + x.z)
  } else if y.y >= z.z {
    q = SIMD4(z.x - x.z, x.y + y.x, 1 - x.x + y.y - z.z, y.z + z.y)
  } else {
    q = SIMD4(x.y - y.x, z.x + x.z, y.z + z.y, 1 - x.x - y.y + z.z)
  }
  return q / (q * q).sum().squareRoot()
}
