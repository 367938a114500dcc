import Basics
import Foundation
import Imaging
import Splats
import Testing

/// The quaternion of no rotation.
private let upright = SIMD4<Float>(1, 0, 0, 0)

private func logit(_ p: Float) -> Float { log(p / (1 - p)) }

/// A cloud of one Gaussian of colour `rgb` and standard deviations `sigma`.
private func one(
  at p: SIMD3<Float>, sigma: SIMD3<Float>, opacity: Float, rgb: SIMD3<Float>, rotation: SIMD4<Float> = upright
) -> GaussianCloud {
  var cloud = GaussianCloud()
  cloud.append(
    position: p, opacityLogit: logit(opacity), logScale: SIMD3(log(sigma.x), log(sigma.y), log(sigma.z)),
    rotation: rotation, baseColour: (rgb - 0.5) / SphericalHarmonics.c0)
  return cloud
}

private func randomCloud(_ count: Int, seed: UInt64 = 11, degree: Int = 3) -> GaussianCloud {
  var random = SeededRandom(seed: seed)
  func draw(_ deviation: Double) -> Float { Float(deviation * random.normal()) }
  var cloud = GaussianCloud(degree: degree, capacity: count)
  for _ in 0..<count {
    cloud.append(
      position: SIMD3(draw(0.4), draw(0.4), draw(0.4)), opacityLogit: draw(2),
      logScale: SIMD3(-3.5 + draw(0.6), -3.5 + draw(0.6), -4.5 + draw(0.6)),
      rotation: SIMD4(draw(1), draw(1), draw(1), draw(1)), baseColour: SIMD3(draw(1), draw(1), draw(1)),
      rest: (0..<GaussianCloud.restStride(degree: degree)).map { _ in draw(0.1) })
  }
  return cloud
}

@Suite struct RasteriserTests {
  /// A ball on the optical axis projects to a round Gaussian of variance (f s / z)^2 + 0.3 around the principal point.
  @Test func oneGaussianIsWhatTheFormulaSays() {
    let camera = SplatCamera(width: 65, height: 65)
    let (sigma, opacity): (Float, Float) = (0.08, 0.8)
    let cloud = one(at: .zero, sigma: SIMD3(repeating: sigma), opacity: opacity, rgb: SIMD3(0.2, 0.5, 0.9))
    let maps = SplatRasteriser().render(cloud, camera: camera, depthRange: 2...3)
    let deviation = camera.fx * Double(sigma) / 2.7
    let variance = deviation * deviation + 0.3
    for y in 0..<65 {
      for x in 0..<65 {
        let (dx, dy) = (Double(x) + 0.5 - 32.5, Double(y) + 0.5 - 32.5)
        var alpha = Double(opacity) * exp(-(dx * dx + dy * dy) / (2 * variance))
        if alpha < 1.0 / 255 { alpha = 0 }
        #expect(abs(Double(maps.opacity[x, y]) - alpha) < 2e-6)
        #expect(abs(Double(maps.rgb[x, y, 0]) - (1 - 0.8 * alpha)) < 2e-6)
        #expect(abs(Double(maps.rgb[x, y, 2]) - (1 - 0.1 * alpha)) < 2e-6)
        #expect(abs(Double(maps.depth[x, y]) - 0.3 * alpha) < 2e-6)
      }
    }
  }

  /// A flat disc that faces the camera, and one turned about the vertical: its normal leans to the side, towards the camera.
  @Test func theShortestAxisIsTheNormal() {
    let camera = SplatCamera(width: 33, height: 33)
    let facing = one(at: .zero, sigma: SIMD3(0.2, 0.01, 0.2), opacity: 0.999, rgb: .zero)
    var n = SplatRasteriser().render(facing, camera: camera).normal
    #expect(abs(n[16, 16, 0] - 0.5) < 1e-4 && abs(n[16, 16, 1] - 0.5) < 1e-4)
    #expect(abs(n[16, 16, 2] - (0.5 - 0.5 * 0.99)) < 1e-4)
    // 30 degrees about the world's z turns the disc's y axis towards -x: in camera axes (x right, z forward) it becomes
    // (-sin 30, 0, cos 30), which is flipped.
    let half = Float.pi / 12
    let turned = one(
      at: .zero, sigma: SIMD3(0.2, 0.01, 0.2), opacity: 0.999, rgb: .zero, rotation: SIMD4(cos(half), 0, 0, sin(half)))
    n = SplatRasteriser().render(turned, camera: camera).normal
    #expect(abs(n[16, 16, 0] - (0.5 + 0.5 * 0.99 * 0.5)) < 1e-3)
    #expect(abs(n[16, 16, 2] - (0.5 - 0.5 * 0.99 * 0.8660254)) < 1e-3)
  }

  @Test func nearerGaussiansHideFartherOnesWhateverTheirOrder() {
    let camera = SplatCamera(width: 33, height: 33)
    let near = one(at: SIMD3(0, -0.5, 0), sigma: SIMD3(repeating: 0.3), opacity: 0.9, rgb: SIMD3(1, 0, 0))
    let far = one(at: SIMD3(0, 0.5, 0), sigma: SIMD3(repeating: 0.5), opacity: 0.9, rgb: SIMD3(0, 1, 0))
    var a = near
    a.append(contentsOf: far)
    var b = far
    b.append(contentsOf: near)
    let first = SplatRasteriser().render(a, camera: camera)
    let second = SplatRasteriser().render(b, camera: camera)
    #expect(first.rgb == second.rgb)
    let centre = SIMD3(first.rgb[16, 16, 0], first.rgb[16, 16, 1], first.rgb[16, 16, 2])
    // 0.9 red, then 0.09 green, then 0.01 of the white behind.
    #expect(abs(centre.x - 0.91) < 1e-4 && abs(centre.y - 0.1) < 1e-4 && abs(centre.z - 0.01) < 1e-4)
  }

  @Test func worldAxesLandWhereTheyShould() throws {
    let camera = SplatCamera(width: 101, height: 101)
    func brightest(_ p: SIMD3<Float>, _ camera: SplatCamera) -> (Int, Int) {
      let maps = SplatRasteriser().render(
        one(at: p, sigma: SIMD3(repeating: 0.02), opacity: 0.9, rgb: .zero), camera: camera)
      let i = maps.opacity.pixels.indices.max { maps.opacity.pixels[$0] < maps.opacity.pixels[$1] } ?? 0
      return (i % 101, i / 101)
    }
    #expect(brightest(.zero, camera) == (50, 50))
    #expect(brightest(SIMD3(0.5, 0, 0), camera).0 > 60, "world x is right")
    #expect(brightest(SIMD3(0, 0, 0.5), camera).1 < 40, "world z is up")
    // From 90 degrees to the side, what was near (world -y) is at the left.
    #expect(brightest(SIMD3(0, -0.5, 0), SplatCamera(width: 101, height: 101, yaw: 90)).0 < 40)
    #expect(camera.cameraPoint(SIMD3(0, 0, 0)) == SIMD3(0, 0, 2.7))
    let back = camera.worldPoint(camera.cameraPoint(SIMD3(0.1, -0.2, 0.3)))
    #expect(abs(back.x - 0.1) < 1e-12 && abs(back.y + 0.2) < 1e-12 && abs(back.z - 0.3) < 1e-12)
  }

  @Test(arguments: [2, 3, 8]) func anyNumberOfThreadsGivesTheSameBits(_ threads: Int) {
    let cloud = randomCloud(3000)
    let camera = SplatCamera(width: 150, height: 90, yaw: 20, elevation: 10)
    let single = SplatRasteriser().render(cloud, camera: camera, threads: 1)
    let many = SplatRasteriser().render(cloud, camera: camera, threads: threads)
    #expect(single.rgb == many.rgb && single.depth == many.depth && single.normal == many.normal)
    #expect(single.opacity == many.opacity)
    #expect(single.opacity.pixels.contains { $0 > 0.9 })
  }

  /// The fast path against the definition, written plainly in double precision: every Gaussian at every pixel.
  @Test func agreesWithTheDefinition() throws {
    let cloud = randomCloud(400, degree: 1)
    let camera = SplatCamera(width: 48, height: 40, yaw: -30, elevation: 15)
    let maps = SplatRasteriser().render(cloud, camera: camera)
    let reference = PlainRenderer(cloud: cloud, camera: camera)
    var worst: Double = 0
    var off = 0
    for y in 0..<camera.height {
      for x in 0..<camera.width {
        let (rgb, light) = reference.pixel(x, y)
        for c in 0..<3 {
          let difference = abs(Double(maps.rgb[x, y, c]) - rgb[c])
          worst = max(worst, difference)
          // A pixel whose opacity lies at a threshold may fall on the other side of it.
          if difference > 1e-5 { off += 1 }
        }
        if abs(Double(maps.opacity[x, y]) - (1 - light)) > 1e-5 { off += 1 }
      }
    }
    #expect(off <= 12, "\(off) values differ")
    #expect(worst < 0.006)
  }

  @Test func degenerateGaussiansAreLeftOut() {
    var cloud = one(at: SIMD3(0, -5, 0), sigma: SIMD3(repeating: 1), opacity: 0.9, rgb: .zero)  // behind the camera
    cloud.append(
      position: .zero, opacityLogit: 5, logScale: .zero, rotation: .zero, baseColour: .zero)  // no orientation
    cloud.append(
      position: .zero, opacityLogit: -20, logScale: .zero, rotation: upright, baseColour: .zero)  // invisible
    // Larger than any picture.
    cloud.append(
      position: .zero, opacityLogit: 5, logScale: SIMD3(repeating: 88), rotation: upright, baseColour: .zero)
    let maps = SplatRasteriser().render(cloud, camera: SplatCamera(width: 20, height: 20))
    #expect(maps.rgb.pixels.allSatisfy { $0.isFinite })
    let none = SplatRasteriser().render(GaussianCloud(), camera: SplatCamera(width: 20, height: 20))
    #expect(none.rgb.pixels.allSatisfy { $0 == 1 } && none.depth.pixels.allSatisfy { $0 == 0 })
    #expect(none.normal.pixels.allSatisfy { $0 == 0.5 })
  }
}

/// The definition of the image, without tiles, vectors or early ends.
private struct PlainRenderer {
  struct Item {
    var mean: SIMD2<Double>
    var inverse: (Double, Double, Double)
    var opacity: Double
    var z: Double
    var colour: SIMD3<Double>
    var columns: ClosedRange<Int>
    var rows: ClosedRange<Int>
  }
  var items: [Item] = []

  init(cloud: GaussianCloud, camera: SplatCamera) {
    for i in 0..<cloud.count {
      let world = SIMD3<Double>(cloud.positions[i])
      let p = camera.cameraPoint(world)
      guard p.z > 0.1 else { continue }
      var q = SIMD4<Double>(cloud.rotations[i])
      q /= (q * q).sum().squareRoot()
      let (w, x, y, z) = (q.x, q.y, q.z, q.w)
      let r = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
      ]
      let s = SIMD3(
        exp(Double(cloud.logScales[i].x)), exp(Double(cloud.logScales[i].y)), exp(Double(cloud.logScales[i].z)))
      let view = [camera.right, camera.down, camera.forward]
      let j = [
        [camera.fx / p.z, 0, -camera.fx * p.x / (p.z * p.z)], [0, camera.fy / p.z, -camera.fy * p.y / (p.z * p.z)],
      ]
      // m = J W R S, 2 x 3.
      var m = [[0.0, 0, 0], [0, 0, 0]]
      for a in 0..<2 {
        for k in 0..<3 { for b in 0..<3 { for c in 0..<3 { m[a][k] += j[a][b] * view[b][c] * r[c][k] * s[k] } } }
      }
      let xx = m[0].map { $0 * $0 }.reduce(0, +) + 0.3
      let yy = m[1].map { $0 * $0 }.reduce(0, +) + 0.3
      let xy = zip(m[0], m[1]).map { $0 * $1 }.reduce(0, +)
      let det = xx * yy - xy * xy
      let direction =
        (world - camera.position) / ((world - camera.position) * (world - camera.position)).sum().squareRoot()
      let basis = SphericalHarmonics.basis(SIMD3<Float>(direction))
      var colour = SIMD3<Double>(repeating: 0.5)
      for c in 0..<3 {
        colour[c] += 0.28209479177387814 * Double(cloud.baseColours[i][c])
        for k in 0..<3 { colour[c] += Double(basis[k + 1]) * Double(cloud.restColours[i * 9 + c * 3 + k]) }
        colour[c] = max(0, colour[c])
      }
      let mean = SIMD2(camera.fx * p.x / p.z + camera.cx, camera.fy * p.y / p.z + camera.cy)
      let radius = (3 * ((xx + yy) / 2 + max(0.1, (xx + yy) * (xx + yy) / 4 - det).squareRoot()).squareRoot()).rounded(
        .up)
      func tiles(_ m: Double) -> ClosedRange<Int> {
        let first = Int((m - 0.5 - radius) / 16)
        return first * 16...max(first * 16, Int((m - 0.5 + radius + 15) / 16) * 16 - 1)
      }
      items.append(
        Item(
          mean: mean, inverse: (yy / det, -xy / det, xx / det), opacity: 1 / (1 + exp(-Double(cloud.opacityLogits[i]))),
          z: p.z, colour: colour, columns: tiles(mean.x), rows: tiles(mean.y)))
    }
    items.sort { $0.z < $1.z }
  }

  func pixel(_ x: Int, _ y: Int) -> (SIMD3<Double>, Double) {
    var light = 1.0
    var rgb = SIMD3<Double>()
    for item in items where item.columns.contains(x) && item.rows.contains(y) {
      let d = SIMD2(Double(x) + 0.5, Double(y) + 0.5) - item.mean
      let power = -0.5 * (item.inverse.0 * d.x * d.x + item.inverse.2 * d.y * d.y) - item.inverse.1 * d.x * d.y
      let alpha = min(0.99, item.opacity * exp(power))
      if alpha < 1.0 / 255 { continue }
      if light * (1 - alpha) < 1e-4 { break }
      rgb += item.colour * alpha * light
      light *= 1 - alpha
    }
    return (rgb + light, light)
  }
}

@Suite struct SphericalHarmonicsTests {
  /// The basis is orthonormal on the sphere: integrated over a fine grid of directions.
  @Test func theBasisIsOrthonormal() {
    var gram = [Double](repeating: 0, count: 256)
    let (rows, columns) = (60, 120)
    for i in 0..<rows {
      let theta = (Double(i) + 0.5) * .pi / Double(rows)
      let area = sin(theta) * (.pi / Double(rows)) * (2 * .pi / Double(columns))
      for j in 0..<columns {
        let phi = Double(j) * 2 * .pi / Double(columns)
        let basis = SphericalHarmonics.basis(
          SIMD3(Float(sin(theta) * cos(phi)), Float(sin(theta) * sin(phi)), Float(cos(theta))))
        for a in 0..<16 { for b in 0..<16 { gram[a * 16 + b] += Double(basis[a] * basis[b]) * area } }
      }
    }
    for a in 0..<16 { for b in 0..<16 { #expect(abs(gram[a * 16 + b] - (a == b ? 1 : 0)) < 2e-3, "\(a) \(b)") } }
  }

  /// Signs as 3DGS has them: along +z only z-even terms remain; along +x and +y the first band is negative.
  @Test func signsFollow3DGS() {
    let z = SphericalHarmonics.basis(SIMD3(0, 0, 1))
    #expect(z[2] == 0.488_602_51 && z[1] == 0 && z[3] == 0)
    #expect(abs(z[6] - 0.630_783_14) < 1e-6 && abs(z[12] - 0.746_352_7) < 1e-6)
    #expect(SphericalHarmonics.basis(SIMD3(1, 0, 0))[3] == -0.488_602_51)
    #expect(SphericalHarmonics.basis(SIMD3(0, 1, 0))[1] == -0.488_602_51)
    let diagonal = Float(0.5).squareRoot()
    #expect(SphericalHarmonics.basis(SIMD3(diagonal, diagonal, 0))[4] > 0.54)
    #expect(SphericalHarmonics.basis(SIMD3(0, diagonal, diagonal))[5] < -0.54)
  }
}
