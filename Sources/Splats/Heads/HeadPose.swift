import Basics
import Foundation

/// Where a head stands in the world: `world = rotation * (scale * p) + offset` with p in the head's centimetres.
struct HeadPose: Hashable, Sendable {
  /// World units for a centimetre.
  var scale: Float = 0.064
  var offset = SIMD3<Float>(0, 0, 0.24)
  /// The head's axes in the world (columns of the rotation).
  var axisX = SIMD3<Float>(1, 0, 0)
  var axisY = SIMD3<Float>(0, 0, 1)
  var axisZ = SIMD3<Float>(0, -1, 0)

  init() {}

  /// A few degrees off the frontal view and a few per cent off the mean size and place, as face crops are.
  init(random: inout SeededRandom) {
    func draw(_ deviation: Double) -> Double { deviation * max(-2, min(2, random.normal())) }
    scale *= Float(1 + draw(0.025))
    offset += SIMD3(Float(draw(0.02)), Float(draw(0.015)), Float(draw(0.02)))
    let (yaw, pitch, roll) = (draw(4) * .pi / 180, draw(2.5) * .pi / 180, draw(1.5) * .pi / 180)
    // Yaw about the vertical, then pitch about the head's x, then roll about its z, in head axes.
    func turned(_ v: SIMD3<Double>) -> SIMD3<Float> {
      let r = SIMD3(v.x * cos(roll) - v.y * sin(roll), v.x * sin(roll) + v.y * cos(roll), v.z)
      let p = SIMD3(r.x, r.y * cos(pitch) - r.z * sin(pitch), r.y * sin(pitch) + r.z * cos(pitch))
      let y = SIMD3(p.x * cos(yaw) + p.z * sin(yaw), p.y, -p.x * sin(yaw) + p.z * cos(yaw))
      return SIMD3(Float(y.x), Float(-y.z), Float(y.y))
    }
    axisX = turned(SIMD3(1, 0, 0))
    axisY = turned(SIMD3(0, 1, 0))
    axisZ = turned(SIMD3(0, 0, 1))
  }

  func worldPoint(_ p: SIMD3<Float>) -> SIMD3<Float> { worldVector(p) * scale + offset }
  func worldVector(_ v: SIMD3<Float>) -> SIMD3<Float> { axisX * v.x + axisY * v.y + axisZ * v.z }

  func headPoint(_ w: SIMD3<Float>) -> SIMD3<Float> { headVector(w - offset) / scale }
  func headVector(_ w: SIMD3<Float>) -> SIMD3<Float> {
    SIMD3((axisX * w).sum(), (axisY * w).sum(), (axisZ * w).sum())
  }
}
