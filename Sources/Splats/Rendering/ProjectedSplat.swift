import Foundation

/// One Gaussian as an image sees it: a 2D Gaussian in pixels with a colour, a depth and a normal.
struct ProjectedSplat {
  /// Centre in pixels; the pixel with index i covers i...i+1.
  var x: Float
  var y: Float
  /// Inverse covariance `[a b; b c]`.
  var a: Float
  var b: Float
  var c: Float
  var opacity: Float
  /// Twice the exponent at which opacity falls below 1/255: `d' Q d <= reach` inside.
  var reach: Float
  var z: Float
  var colour: SIMD3<Float>
  var normal: SIMD3<Float>
  /// Pixels touched, inclusive; empty when `left > right`.
  var left: Int32
  var right: Int32
  var top: Int32
  var bottom: Int32

  var isVisible: Bool { left <= right && top <= bottom }

  static let hidden = ProjectedSplat(
    x: 0, y: 0, a: 0, b: 0, c: 0, opacity: 0, reach: 0, z: 0, colour: .zero, normal: .zero, left: 0, right: -1, top: 0,
    bottom: -1)
}

/// Projects Gaussians into a camera (EWA splatting, Zwicker et al. 2001, in the form of 3DGS).
struct SplatProjection {
  let camera: SplatCamera
  /// Added to both diagonal elements of the image covariance, in square pixels.
  let lowPass: Double
  let nearest: Double

  private let limitX: Double
  private let limitY: Double

  init(camera: SplatCamera, lowPass: Double, nearest: Double) {
    self.camera = camera
    self.lowPass = lowPass
    self.nearest = nearest
    // The linearisation is held at 1.3 times the field of view, as in 3DGS.
    limitX = 1.3 * Double(camera.width) / (2 * camera.fx)
    limitY = 1.3 * Double(camera.height) / (2 * camera.fy)
  }

  /// Camera z of a Gaussian's centre.
  @inline(__always) func depth(_ position: SIMD3<Float>) -> Double {
    ((SIMD3<Double>(position) - camera.position) * camera.forward).sum()
  }

  func project(_ i: Int, of cloud: borrowing CloudPointers) -> ProjectedSplat {
    let world = SIMD3<Double>(cloud.positions[i])
    let p = camera.cameraPoint(world)
    let opacity = 1 / (1 + exp(-Double(cloud.opacityLogits[i])))
    guard p.z > nearest, opacity * 255 >= 1 else { return .hidden }
    // Columns of the rotation, from the normalised quaternion.
    let q = SIMD4<Double>(cloud.rotations[i])
    let norm = (q * q).sum()
    guard norm > 0 else { return .hidden }
    let s = 2 / norm
    let (w, x, y, z) = (q.x, q.y, q.z, q.w)
    let axes = (
      SIMD3(1 - s * (y * y + z * z), s * (x * y + w * z), s * (x * z - w * y)),
      SIMD3(s * (x * y - w * z), 1 - s * (x * x + z * z), s * (y * z + w * x)),
      SIMD3(s * (x * z + w * y), s * (y * z - w * x), 1 - s * (x * x + y * y))
    )
    func turned(_ v: SIMD3<Double>) -> SIMD3<Double> {
      SIMD3((v * camera.right).sum(), (v * camera.down).sum(), (v * camera.forward).sum())
    }
    let (u0, u1, u2) = (turned(axes.0), turned(axes.1), turned(axes.2))
    let logs = cloud.logScales[i]
    let scale = SIMD3(exp(Double(logs.x)), exp(Double(logs.y)), exp(Double(logs.z)))
    // Rows of the Jacobian of the projection at the (limited) centre, times the scaled axes.
    let tx = max(-limitX, min(limitX, p.x / p.z))
    let ty = max(-limitY, min(limitY, p.y / p.z))
    let (jx, jy) = (camera.fx / p.z, camera.fy / p.z)
    func image(_ u: SIMD3<Double>, _ s: Double) -> (Double, Double) {
      (jx * (u.x - tx * u.z) * s, jy * (u.y - ty * u.z) * s)
    }
    let (m0, m1, m2) = (image(u0, scale.x), image(u1, scale.y), image(u2, scale.z))
    let xx = m0.0 * m0.0 + m1.0 * m1.0 + m2.0 * m2.0 + lowPass
    let xy = m0.0 * m0.1 + m1.0 * m1.1 + m2.0 * m2.1
    let yy = m0.1 * m0.1 + m1.1 * m1.1 + m2.1 * m2.1 + lowPass
    let determinant = xx * yy - xy * xy
    guard determinant > 0, determinant.isFinite else { return .hidden }
    let reach = 2 * log(255 * opacity)
    let centreX = camera.fx * p.x / p.z + camera.cx
    let centreY = camera.fy * p.y / p.z + camera.cy
    let (rx, ry) = ((reach * xx).squareRoot(), (reach * yy).squareRoot())
    func pixel(_ v: Double, _ count: Int) -> Int32 { Int32(max(-1, min(Double(count), v))) }
    // 3DGS blends a Gaussian in the 16 x 16 tiles that a square of three standard deviations touches; beyond them it is
    // cut off even where its opacity exceeds 1/255.
    let middle = 0.5 * (xx + yy)
    let radius = (3 * (middle + max(0.1, middle * middle - determinant).squareRoot()).squareRoot()).rounded(.up)
    func tiles(_ centre: Double, _ count: Int) -> ClosedRange<Double> {
      let side = Double(TileBins.side)
      let first = ((centre - 0.5 - radius) / side).rounded(.towardZero)
      let end = ((centre - 0.5 + radius + side - 1) / side).rounded(.towardZero)
      return first * side...max(first * side, end * side - 1)
    }
    let (columns, rows) = (tiles(centreX, camera.width), tiles(centreY, camera.height))
    // Pixels whose centres (index + 0.5) lie within the box of the ellipse at opacity 1/255.
    let left = max(0, pixel(max(columns.lowerBound, (centreX - rx - 0.5).rounded(.up)), camera.width))
    let right = min(
      Int32(camera.width) - 1, pixel(min(columns.upperBound, (centreX + rx - 0.5).rounded(.down)), camera.width))
    let top = max(0, pixel(max(rows.lowerBound, (centreY - ry - 0.5).rounded(.up)), camera.height))
    let bottom = min(
      Int32(camera.height) - 1, pixel(min(rows.upperBound, (centreY + ry - 0.5).rounded(.down)), camera.height))
    guard left <= right, top <= bottom else { return .hidden }

    var normal = u2
    if logs.x <= logs.y, logs.x <= logs.z { normal = u0 } else if logs.y <= logs.z { normal = u1 }
    if normal.z > 0 { normal = -normal }
    let offset = world - camera.position
    let direction = SIMD3<Float>(offset / (offset * offset).sum().squareRoot())
    let colour = SphericalHarmonics.colour(
      base: cloud.baseColours[i], rest: cloud.rest(i), degree: cloud.degree, direction: direction)
    return ProjectedSplat(
      x: Float(centreX), y: Float(centreY), a: Float(yy / determinant), b: Float(-xy / determinant),
      c: Float(xx / determinant), opacity: Float(opacity), reach: Float(reach), z: Float(p.z), colour: colour,
      normal: SIMD3<Float>(normal), left: left, right: right, top: top, bottom: bottom)
  }
}

/// A cloud's arrays without bounds checks, for hot loops that many threads read.
struct CloudPointers: @unchecked Sendable {
  // Safety: only read, and only inside `GaussianCloud.withPointers`.
  let positions: UnsafeBufferPointer<SIMD3<Float>>
  let opacityLogits: UnsafeBufferPointer<Float>
  let logScales: UnsafeBufferPointer<SIMD3<Float>>
  let rotations: UnsafeBufferPointer<SIMD4<Float>>
  let baseColours: UnsafeBufferPointer<SIMD3<Float>>
  let restColours: UnsafeBufferPointer<Float>
  let restStride: Int
  let degree: Int

  @inline(__always) func rest(_ i: Int) -> UnsafeBufferPointer<Float> {
    restStride == 0
      ? restColours : UnsafeBufferPointer(rebasing: restColours[(i * restStride)..<((i + 1) * restStride)])
  }
}

extension GaussianCloud {
  func withPointers<R>(_ body: (CloudPointers) throws -> R) rethrows -> R {
    try positions.withUnsafeBufferPointer { positions in
      try opacityLogits.withUnsafeBufferPointer { opacityLogits in
        try logScales.withUnsafeBufferPointer { logScales in
          try rotations.withUnsafeBufferPointer { rotations in
            try baseColours.withUnsafeBufferPointer { baseColours in
              try restColours.withUnsafeBufferPointer { restColours in
                try body(
                  CloudPointers(
                    positions: positions, opacityLogits: opacityLogits, logScales: logScales, rotations: rotations,
                    baseColours: baseColours, restColours: restColours, restStride: restStride, degree: degree))
              }
            }
          }
        }
      }
    }
  }
}
