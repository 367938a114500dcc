import Basics
import Foundation

/// Edge-preserving smoothing after Tomasi and Manduchi (ICCV 1998), in OpenCV's form: the distance between colours is the
/// sum over channels of absolute differences, the window a disc.
///
/// Parity: `image/bilateral_*`, `image/joint_bilateral_*`.
extension Filters {
  /// Smooths `raster` guided by itself.
  /// - Parameters:
  ///   - diameter: of the window in pixels; <= 0 takes 2 round(1.5 sigmaSpace) + 1.
  ///   - sigmaColor: in the values of the raster: 30 of 255 is 30 / 255 here.
  ///   - sigmaSpace: in pixels.
  public static func bilateral(
    _ raster: Raster, diameter: Int, sigmaColor: Double, sigmaSpace: Double, border: Border = .reflect101
  ) -> Raster {
    jointBilateral(
      raster, guide: raster, diameter: diameter, sigmaColor: sigmaColor, sigmaSpace: sigmaSpace, border: border)
  }

  /// Smooths `raster`; how much two pixels mix depends on how alike they are in `guide`, which has the same size and any
  /// number of channels.
  public static func jointBilateral(
    _ raster: Raster, guide: Raster, diameter: Int, sigmaColor: Double, sigmaSpace: Double,
    border: Border = .reflect101
  ) -> Raster {
    precondition(
      guide.width == raster.width && guide.height == raster.height,
      "a guide of \(guide.width) x \(guide.height) for an image of \(raster.width) x \(raster.height)")
    let sigmaColor = sigmaColor > 0 ? sigmaColor : 1
    let sigmaSpace = sigmaSpace > 0 ? sigmaSpace : 1
    let radius = max(1, diameter > 0 ? diameter / 2 : Int((sigmaSpace * 1.5).rounded()))
    let (width, height) = (raster.width, raster.height)
    if width == 0 || height == 0 { return raster }
    let paddedGuide = border.padded(guide, radius: radius)
    let padded = border.padded(raster, radius: radius)
    let (channels, guideChannels, wide) = (raster.channels, guide.channels, padded.width)

    let (offsets, spatial) = disc(radius: radius, rowLength: wide, sigma: sigmaSpace)
    // The colour weight from a table with linear interpolation: 4096 steps a channel over the range of the guide.
    let low = guide.pixels.min() ?? 0
    let high = guide.pixels.max() ?? 0
    let range = max(Double(high - low) * Double(guideChannels), 1e-12)
    let bins = 4096 * guideChannels
    let perBin = range / Double(bins)
    let table = (0..<bins + 2).map { i -> Float in
      let value = Double(i) * perBin / sigmaColor
      return Float(exp(-0.5 * value * value))
    }
    let scale = Float(1 / perBin)

    return paddedGuide.pixels.withReader { guide in
      return Raster.build(
        width: width, height: height, channels: channels, from: padded.pixels,
        work: width * height * offsets.count * (channels + guideChannels)
      ) { band, source, target in
        table.withReader { table in
          offsets.withReader { offset in
            spatial.withReader { spatial in
              let window = Disc(
                source: source.pointer, guide: guide.pointer, offsets: offset.pointer,
                spatial: spatial.pointer,
                count: offsets.count,
                centre: radius * wide + radius, table: table.pointer, scale: scale,
                last: Float(bins))
              for y in band {
                for x in 0..<width {
                  let to = target.pointer + (y * width + x) * channels
                  let corner = y * wide + x
                  if channels == 3 && guideChannels == 3 {
                    window.three(corner, to)
                  } else if channels == 1 && guideChannels == 1 {
                    window.one(corner, to)
                  } else {
                    window.any(corner, to, channels, guideChannels)
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  /// The pixels of a disc as offsets from the corner of its square, and their weights by distance.
  private static func disc(radius: Int, rowLength: Int, sigma: Double) -> (offsets: [Int], weights: [Float]) {
    var offsets: [Int] = []
    var weights: [Float] = []
    for dy in -radius...radius {
      for dx in -radius...radius where dx * dx + dy * dy <= radius * radius {
        offsets.append((dy + radius) * rowLength + dx + radius)
        weights.append(Float(exp(-0.5 * Double(dx * dx + dy * dy) / (sigma * sigma))))
      }
    }
    return (offsets, weights)
  }

  /// The sums over one window, for the usual numbers of channels.
  private struct Disc {
    let source: UnsafePointer<Float>
    let guide: UnsafePointer<Float>
    let offsets: UnsafePointer<Int>
    let spatial: UnsafePointer<Float>
    let count: Int
    let centre: Int
    let table: UnsafePointer<Float>
    let scale: Float
    let last: Float

    @inline(__always) func weight(_ distance: Float) -> Float {
      let position = min(distance * scale, last)
      let index = Int32(position)
      let fraction = position - Float(index)
      let low = table[Int(index)]
      return low + fraction * (table[Int(index) + 1] - low)
    }

    @inline(__always) func one(_ corner: Int, _ to: UnsafeMutablePointer<Float>) {
      let middle = guide[corner + centre]
      var sum: Float = 0
      var total: Float = 0
      for k in 0..<count {
        let at = corner + offsets[k]
        let w = spatial[k] * weight(abs(guide[at] - middle))
        sum += w * source[at]
        total += w
      }
      to[0] = sum / total
    }

    @inline(__always) func three(_ corner: Int, _ to: UnsafeMutablePointer<Float>) {
      let middle = guide + (corner + centre) * 3
      let (m0, m1, m2) = (middle[0], middle[1], middle[2])
      var (s0, s1, s2, total): (Float, Float, Float, Float) = (0, 0, 0, 0)
      for k in 0..<count {
        let at = (corner + offsets[k]) * 3
        let w = spatial[k] * weight(abs(guide[at] - m0) + abs(guide[at + 1] - m1) + abs(guide[at + 2] - m2))
        s0 += w * source[at]
        s1 += w * source[at + 1]
        s2 += w * source[at + 2]
        total += w
      }
      to[0] = s0 / total
      to[1] = s1 / total
      to[2] = s2 / total
    }

    func any(_ corner: Int, _ to: UnsafeMutablePointer<Float>, _ channels: Int, _ guideChannels: Int) {
      let middle = guide + (corner + centre) * guideChannels
      for c in 0..<channels { to[c] = 0 }
      var total: Float = 0
      for k in 0..<count {
        let at = corner + offsets[k]
        var distance: Float = 0
        for c in 0..<guideChannels { distance += abs(guide[at * guideChannels + c] - middle[c]) }
        let w = spatial[k] * weight(distance)
        for c in 0..<channels { to[c] += w * source[at * channels + c] }
        total += w
      }
      for c in 0..<channels { to[c] /= total }
    }
  }
}
