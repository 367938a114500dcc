import Basics
import Imaging

/// Blends the splats of each tile front to back, eight pixels at a time.
struct TileBlender: Sendable {
  private typealias Lane = SIMD8<Float>
  private typealias Mask = SIMDMask<SIMD8<Int32>>
  private static let side = TileBins.side
  private static let vectors = side * side / 8

  let camera: SplatCamera
  let near: Float
  let far: Float
  let background: SIMD3<Float>

  init(camera: SplatCamera, range: ClosedRange<Float>, background: SIMD3<Float>) {
    self.camera = camera
    near = range.lowerBound
    far = range.upperBound
    self.background = background
  }

  func blend(_ splats: [ProjectedSplat], bins: TileBins, threads: Int) -> SplatMaps {
    let (width, height) = (camera.width, camera.height)
    var rgb = Raster(width: width, height: height, channels: 3)
    var depth = Raster(width: width, height: height)
    var normal = Raster(width: width, height: height, channels: 3)
    var opacity = Raster(width: width, height: height)
    rgb.pixels.withWriter { rgb in
      depth.pixels.withWriter { depth in
        normal.pixels.withWriter { normal in
          opacity.pixels.withWriter { opacity in
            parallelFor(bins.columns * bins.rows, threads: threads) { tile in
              splats.withUnsafeBufferPointer { splats in
                bins.entries.withUnsafeBufferPointer { entries in
                  let mine = UnsafeBufferPointer(
                    rebasing: entries[bins.starts[tile]..<bins.starts[tile + 1]])
                  let output = Output(
                    rgb: rgb.pointer, depth: depth.pointer, normal: normal.pointer,
                    opacity: opacity.pointer)
                  blendTile(
                    column: tile % bins.columns, row: tile / bins.columns, entries: mine, splats: splats, into: output)
                }
              }
            }
          }
        }
      }
    }
    return SplatMaps(rgb: rgb, depth: depth, normal: normal, opacity: opacity, near: near, far: far)
  }

  /// The maps while one tile is written.
  private struct Output {
    let rgb: UnsafeMutablePointer<Float>
    let depth: UnsafeMutablePointer<Float>
    let normal: UnsafeMutablePointer<Float>
    let opacity: UnsafeMutablePointer<Float>
  }

  /// Sums of one packet of eight pixels.
  private struct Cell {
    var light = Lane(repeating: 1)
    var red = Lane()
    var green = Lane()
    var blue = Lane()
    var depth = Lane()
    var nx = Lane()
    var ny = Lane()
    var nz = Lane()
    /// 1 while a pixel still takes splats, then 0.
    var open = Lane(repeating: 1)
  }

  private func blendTile(
    column: Int, row: Int, entries: UnsafeBufferPointer<UInt32>, splats: UnsafeBufferPointer<ProjectedSplat>,
    into output: Output
  ) {
    let side = Self.side
    withUnsafeTemporaryAllocation(of: Cell.self, capacity: Self.vectors) { cells in
      cells.initialize(repeating: Cell())
      let (x0, y0) = (column * side, row * side)
      let inverseRange = far > near ? 1 / (far - near) : 0
      var untilCheck = 24
      for index in entries {
        let s = splats[Int(index)]
        blendSplat(s, value: 1 - (s.z - near) * inverseRange, cells: cells, x0: x0, y0: y0)
        untilCheck -= 1
        if untilCheck == 0 {
          untilCheck = 24
          var open = Lane()
          for i in 0..<Self.vectors { open += cells[i].open }
          if open.sum() == 0 { break }
        }
      }
      write(cells, x0: x0, y0: y0, to: output)
    }
  }

  @inline(__always)
  private func blendSplat(
    _ s: ProjectedSplat, value: Float, cells: UnsafeMutableBufferPointer<Cell>, x0: Int, y0: Int
  ) {
    let side = Self.side
    let top = max(Int(s.top) - y0, 0)
    let bottom = min(Int(s.bottom) - y0, side - 1)
    let left = max(Int(s.left) - x0, 0)
    let right = min(Int(s.right) - x0, side - 1)
    if top > bottom || left > right { return }
    let ramp = Lane(0, 1, 2, 3, 4, 5, 6, 7)
    var y = top
    while y <= bottom {
      let dy = Float(y0 + y) + 0.5 - s.y
      let (bdy, cdyy) = (s.b * dy, s.c * dy * dy)
      // The ellipse is empty in this row when its discriminant is negative.
      if bdy * bdy - s.a * (cdyy - s.reach) >= 0 {
        for half in (left >> 3)...(right >> 3) {
          let cell = cells.baseAddress! + (y * 2 + half)  // a tile has two packets a row
          let dx = ramp + (Float(x0 + half * 8) + 0.5 - s.x)
          let power = -0.5 * (dx * dx * s.a + cdyy) - dx * bdy
          var alpha = Self.exponential(power) * s.opacity
          alpha = alpha.replacing(with: 0.99, where: alpha .> 0.99)
          alpha = alpha * cell.pointee.open
          let counts = (alpha .>= Float(1.0 / 255)) .& (power .<= 0)
          let light = cell.pointee.light
          let after = light * (1 - alpha)
          let closing = counts .& (after .< Float(1e-4))
          let used = counts .& .!closing
          let weight = Lane().replacing(with: alpha * light, where: used)
          cell.pointee.light = light.replacing(with: after, where: used)
          cell.pointee.open.replace(with: 0, where: closing)
          cell.pointee.red += weight * s.colour.x
          cell.pointee.green += weight * s.colour.y
          cell.pointee.blue += weight * s.colour.z
          cell.pointee.depth += weight * value
          cell.pointee.nx += weight * s.normal.x
          cell.pointee.ny += weight * s.normal.y
          cell.pointee.nz += weight * s.normal.z
        }
      }
      y += 1
    }
  }

  private func write(_ cells: UnsafeMutableBufferPointer<Cell>, x0: Int, y0: Int, to output: Output) {
    let side = Self.side
    for y in 0..<min(side, camera.height - y0) {
      for x in 0..<min(side, camera.width - x0) {
        let cell = cells[y * 2 + x / 8]
        let lane = x % 8
        let pixel = (y0 + y) * camera.width + x0 + x
        let light = cell.light[lane]
        output.rgb[pixel * 3] = cell.red[lane] + light * background.x
        output.rgb[pixel * 3 + 1] = cell.green[lane] + light * background.y
        output.rgb[pixel * 3 + 2] = cell.blue[lane] + light * background.z
        output.depth[pixel] = cell.depth[lane]
        output.normal[pixel * 3] = 0.5 + 0.5 * cell.nx[lane]
        output.normal[pixel * 3 + 1] = 0.5 + 0.5 * cell.ny[lane]
        output.normal[pixel * 3 + 2] = 0.5 + 0.5 * cell.nz[lane]
        output.opacity[pixel] = 1 - light
      }
    }
  }

  /// e^x for x <= 0, relative error below 2e-7: 2^n times a polynomial on +-ln(2)/2 (Taylor to the seventh power). Its own
  /// so that the bits do not depend on a C library.
  @inline(__always) static func exponential(_ value: SIMD8<Float>) -> SIMD8<Float> {
    let x = value.replacing(with: -80, where: value .< -80)
    let magic: Float = 12_582_912  // 1.5 * 2^23: its last bits hold the rounded exponent
    let shifted = x * 1.442_695_04 + magic
    let n = shifted - magic
    let r = (x - n * 0.693_145_752) - n * 1.428_606_8e-6
    var p = r * (1.0 / 5040) + (1.0 / 720)
    p = p * r + (1.0 / 120)
    p = p * r + (1.0 / 24)
    p = p * r + (1.0 / 6)
    p = p * r + 0.5
    p = p * r + 1
    p = p * r + 1
    let exponent = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23
    return unsafeBitCast(unsafeBitCast(p, to: SIMD8<Int32>.self) &+ exponent, to: SIMD8<Float>.self)
  }
}
