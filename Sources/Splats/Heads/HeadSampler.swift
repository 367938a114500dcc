import Basics
import Foundation

/// Points spread evenly over a head's surface.
struct HeadSampler {
  let field: HeadField
  let shader: HeadShader

  /// A point on the surface in head coordinates.
  struct Surfel {
    var point: SIMD3<Float>
    var normal: SIMD3<Float>
    /// RGB as displayed, 0...1.
    var colour: SIMD3<Float>
    /// Distance to its neighbours, cm.
    var spacing: Float
  }

  private static let shell: Float = 0.3
  private static let low = SIMD3<Float>(-19, -21.5, -12)
  private static let high = SIMD3<Float>(19, 14, 13.5)

  /// About `count` surfels. The side that the camera does not see is sampled at a third of the density, as splats made from
  /// one photo are.
  func surfels(_ count: Int, random: inout SeededRandom) -> [Surfel] {
    let cells = surfaceCells()
    guard !cells.isEmpty else { return [] }
    var points: [SIMD3<Float>] = []
    var normals: [SIMD3<Float>] = []
    points.reserveCapacity(count)
    normals.reserveCapacity(count)
    var hits = 0
    var trials = 0
    var shares = (front: 0, back: 0)
    // Points of a shell of constant thickness are as dense as the surface beneath them.
    while points.count < count, trials < count * 200 {
      var candidate = LanesVector(Lanes(), Lanes(), Lanes())
      for lane in 0..<8 {
        let cell = cells[random.index(below: cells.count)]
        candidate.x[lane] = cell.x + Float(random.uniform() - 0.5)
        candidate.y[lane] = cell.y + Float(random.uniform() - 0.5)
        candidate.z[lane] = cell.z + Float(random.uniform() - 0.5)
      }
      trials += 8
      let d = field.distance(candidate)
      let near = magnitude(d) .< Self.shell
      if !any(near) { continue }
      var p = candidate
      var n = field.normals(p)
      for _ in 0..<2 {
        p = p - n * field.distance(p)
        n = field.normals(p)
      }
      p = p - n * field.distance(p)
      let settled = magnitude(field.distance(p)) .< 0.03
      for lane in 0..<8 where near[lane] && settled[lane] && points.count < count {
        hits += 1
        let towards = shader.eye - p[lane]
        let seen = (towards * n[lane]).sum() > -0.2 * (towards * towards).sum().squareRoot()
        if !seen, random.uniform() > 1.0 / 3 { continue }
        if seen { shares.front += 1 } else { shares.back += 1 }
        points.append(p[lane])
        normals.append(n[lane])
      }
    }
    // Surface area from the share of the cells' volume that the shell fills.
    let area = Float(hits) / Float(max(trials, 1)) * Float(cells.count) / (2 * Self.shell)
    let weighted = Float(shares.front + shares.back * 3)
    let density = weighted / max(area, 1)
    return finish(points, normals, frontSpacing: 1 / max(density, 1e-3).squareRoot())
  }

  private func finish(_ points: [SIMD3<Float>], _ normals: [SIMD3<Float>], frontSpacing: Float) -> [Surfel] {
    var surfels: [Surfel] = []
    surfels.reserveCapacity(points.count)
    for start in stride(from: 0, to: points.count, by: 8) {
      var p = LanesVector(points[start])
      var n = LanesVector(normals[start])
      let lanes = min(8, points.count - start)
      for lane in 0..<lanes {
        (p.x[lane], p.y[lane], p.z[lane]) = (points[start + lane].x, points[start + lane].y, points[start + lane].z)
        (n.x[lane], n.y[lane], n.z[lane]) = (normals[start + lane].x, normals[start + lane].y, normals[start + lane].z)
      }
      let colour = shader.colour(p, n)
      for lane in 0..<lanes {
        let towards = shader.eye - p[lane]
        let seen = (towards * n[lane]).sum() > -0.2 * (towards * towards).sum().squareRoot()
        surfels.append(
          Surfel(
            point: p[lane], normal: n[lane], colour: colour[lane],
            spacing: seen ? frontSpacing : frontSpacing * 1.732_050_8))
      }
    }
    return surfels
  }

  /// Centres of the cubes of 1 cm that the shell may touch.
  private func surfaceCells() -> [SIMD3<Float>] {
    var centres: [SIMD3<Float>] = []
    var cells: [SIMD3<Float>] = []
    for z in stride(from: Self.low.z + 0.5, to: Self.high.z, by: 1) {
      for y in stride(from: Self.low.y + 0.5, to: Self.high.y, by: 1) {
        for x in stride(from: Self.low.x + 0.5, to: Self.high.x, by: 1) { centres.append(SIMD3(x, y, z)) }
      }
    }
    for start in stride(from: 0, to: centres.count, by: 8) {
      var p = LanesVector(centres[start])
      let lanes = min(8, centres.count - start)
      for lane in 0..<lanes {
        let c = centres[start + lane]
        (p.x[lane], p.y[lane], p.z[lane]) = (c.x, c.y, c.z)
      }
      let d = field.distance(p)
      // Half a cube's diagonal and the shell; the field never exceeds the true distance.
      for lane in 0..<lanes where abs(d[lane]) < 0.87 + Self.shell { cells.append(centres[start + lane]) }
    }
    return cells
  }
}
