/// Sphere-traces a head through a camera. Single-threaded: heads are made in parallel.
struct HeadTracer {
  let field: HeadField
  let pose: HeadPose
  let camera: SplatCamera
  /// The camera in head coordinates, centimetres.
  let eye: SIMD3<Float>
  private let right: SIMD3<Float>
  private let down: SIMD3<Float>
  private let forward: SIMD3<Float>
  private static let farthest: Float = 75

  init(field: HeadField, pose: HeadPose, camera: SplatCamera) {
    self.field = field
    self.pose = pose
    self.camera = camera
    eye = pose.headPoint(SIMD3<Float>(camera.position))
    right = pose.headVector(SIMD3<Float>(camera.right))
    down = pose.headVector(SIMD3<Float>(camera.down))
    forward = pose.headVector(SIMD3<Float>(camera.forward))
  }

  /// Eight neighbouring pixels of a row: where their rays meet the head.
  struct Packet {
    var points: LanesVector
    /// Camera z in world units.
    var depth: Lanes
    var hit: SIMDMask<SIMD8<Int32>>
  }

  /// Calls `body(x, y, packet)` for every run of eight pixels that meets the head anywhere; x is the first pixel.
  func forEachPacket(_ body: (Int, Int, Packet) -> Void) {
    let block = 8
    let columns = (camera.width + block - 1) / block
    let rows = (camera.height + block - 1) / block
    var ramp = Lanes()
    for i in 0..<8 { ramp[i] = Float(i) }
    let reach = Float(Double(block) * 0.5 * 1.5 / camera.fx)
    for row in 0..<rows {
      for start in stride(from: 0, to: columns, by: 8) {
        let centres = (ramp + Float(start)) * Float(block) + Float(block) / 2
        let nearest = approach(rays(centres, Float(row * block) + Float(block) / 2), reach)
        for lane in 0..<min(8, columns - start) where nearest[lane] < Self.farthest {
          let x = (start + lane) * block
          for y in (row * block)..<min(row * block + block, camera.height) {
            let packet = trace(rays(ramp + (Float(x) + 0.5), Float(y) + 0.5), from: nearest[lane])
            if any(packet.hit) { body(x, y, packet) }
          }
        }
      }
    }
  }

  @inline(__always) private func rays(_ x: Lanes, _ y: Float) -> (direction: LanesVector, cosine: Lanes) {
    let u = (x - Float(camera.cx)) / Float(camera.fx)
    let v = (y - Float(camera.cy)) / Float(camera.fy)
    let cosine = 1 / (u * u + (v * v + 1)).squareRoot()
    let direction = LanesVector(
      (u * right.x + (v * down.x + forward.x)) * cosine, (u * right.y + (v * down.y + forward.y)) * cosine,
      (u * right.z + (v * down.z + forward.z)) * cosine)
    return (direction, cosine)
  }

  /// How far cones of `reach` radius per unit length can go before they may touch the head.
  private func approach(_ rays: (direction: LanesVector, cosine: Lanes), _ reach: Float) -> Lanes {
    var t = Lanes(repeating: 18)
    for _ in 0..<40 {
      let d = field.distance(LanesVector(eye) + rays.direction * t) * 0.7
      let free = d - t * reach
      let going = (free .> 0.05) .& (t .< Self.farthest)
      if !any(going) { break }
      t = t.replacing(with: t + free * 0.9, where: going)
    }
    return t
  }

  private func trace(_ rays: (direction: LanesVector, cosine: Lanes), from start: Float) -> Packet {
    // A ray that has not decided after the last step grazes the surface; it counts as a hit.
    var t = Lanes(repeating: start)
    var p = LanesVector(eye) + rays.direction * t
    var d = field.distance(p)
    for _ in 0..<64 {
      let going = (magnitude(d) .> 0.003) .& (t .< Self.farthest)
      if !any(going) { break }
      t = t.replacing(with: t + d * 0.75, where: going)
      p = LanesVector(eye) + rays.direction * t
      d = field.distance(p)
    }
    return Packet(points: p, depth: t * rays.cosine * pose.scale, hit: t .< Self.farthest)
  }
}
