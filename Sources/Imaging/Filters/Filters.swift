import Basics
import Foundation

/// Linear filters and the median. Borders reflect without repeating the edge (OpenCV's default) unless said otherwise.
///
/// Parity: `image/gaussian_*`, `image/sobel_*`, `image/scharr_*`, `image/laplacian_*`.
public enum Filters {
  public enum Axis: Hashable, Sendable { case x, y }

  /// Gaussian blur. `kernel` is the odd number of taps; nil takes OpenCV's size for float images, round(8 sigma + 1) | 1.
  public static func gaussian(
    _ raster: Raster, sigma: Double, kernel: Int? = nil, border: Border = .reflect101
  ) -> Raster {
    let weights = gaussianWeights(sigma: sigma, kernel: kernel ?? (Int((sigma * 8 + 1).rounded()) | 1))
    return separable(raster, horizontal: weights, vertical: weights, border: border)
  }

  /// First derivative along `axis` with the 3 x 3 Sobel kernel, [-1 0 1] x [1 2 1].
  public static func sobel(_ raster: Raster, _ axis: Axis, border: Border = .reflect101) -> Raster {
    derivative(raster, axis, smoothing: [1, 2, 1], border: border)
  }

  /// First derivative along `axis` with the 3 x 3 Scharr kernel, [-1 0 1] x [3 10 3].
  public static func scharr(_ raster: Raster, _ axis: Axis, border: Border = .reflect101) -> Raster {
    derivative(raster, axis, smoothing: [3, 10, 3], border: border)
  }

  /// OpenCV's Laplacian of size 3: the diagonal kernel [[2 0 2] [0 -8 0] [2 0 2]].
  public static func laplacian(_ raster: Raster, border: Border = .reflect101) -> Raster {
    Raster(
      width: raster.width, height: raster.height, channels: raster.channels,
      pixels: laplacianInDouble(raster, border: border).map { Float($0) })
  }

  /// In double precision, as the smoothness metric needs it.
  public static func laplacianInDouble(_ raster: Raster, border: Border = .reflect101) -> [Double] {
    let (width, height, channels) = (raster.width, raster.height, raster.channels)
    var result = [Double](repeating: 0, count: raster.pixels.count)
    raster.pixels.withReader { source in
      result.withWriter { target in
        forRows(height, work: width * height * channels * 5) { band in
          for y in band {
            let up = border.index(y - 1, height) * width
            let down = border.index(y + 1, height) * width
            for x in 0..<width {
              let left = border.index(x - 1, width)
              let right = border.index(x + 1, width)
              for c in 0..<channels {
                func at(_ i: Int) -> Double { Double(source[i * channels + c]) }
                target[(y * width + x) * channels + c] =
                  2 * (at(up + left) + at(up + right) + at(down + left) + at(down + right)) - 8 * at(y * width + x)
              }
            }
          }
        }
      }
    }
    return result
  }

  /// The median over a square of 2 * radius + 1 pixels a side, each channel alone.
  public static func median(_ raster: Raster, radius: Int = 1, border: Border = .replicate) -> Raster {
    precondition(radius >= 0, "a radius of \(radius)")
    let (width, height, channels) = (raster.width, raster.height, raster.channels)
    let side = 2 * radius + 1
    let padded = border.padded(raster, radius: radius)
    return Raster.build(
      width: width, height: height, channels: channels, from: padded.pixels, work: width * height * side * side * 4
    ) { band, source, target in
      var window = [Float](repeating: 0, count: side * side)
      for y in band {
        for x in 0..<width {
          for c in 0..<channels {
            var n = 0
            for dy in 0..<side {
              for dx in 0..<side {
                // Insertion keeps the window sorted; it is short.
                let value = source[((y + dy) * padded.width + x + dx) * channels + c]
                var i = n
                while i > 0 && window[i - 1] > value {
                  window[i] = window[i - 1]
                  i -= 1
                }
                window[i] = value
                n += 1
              }
            }
            target[(y * width + x) * channels + c] = window[n / 2]
          }
        }
      }
    }
  }

  /// The mean over a square of `side` pixels (odd) around each pixel.
  public static func box(_ raster: Raster, side: Int, border: Border = .reflect101) -> Raster {
    let weights = [Float](repeating: 1 / Float(side), count: side)
    return separable(raster, horizontal: weights, vertical: weights, border: border)
  }

  /// Taps of a Gaussian, summing to 1. sigma <= 0 takes OpenCV's 0.3 ((kernel - 1) / 2 - 1) + 0.8.
  public static func gaussianWeights(sigma: Double, kernel: Int) -> [Float] {
    precondition(kernel > 0 && kernel % 2 == 1, "a Gaussian of \(kernel) taps: the number must be odd")
    let s = sigma > 0 ? sigma : 0.3 * (Double(kernel - 1) * 0.5 - 1) + 0.8
    let values = (0..<kernel).map { i -> Double in
      let x = Double(i - kernel / 2)
      return exp(-x * x / (2 * s * s))
    }
    let sum = values.reduce(0, +)
    return values.map { Float($0 / sum) }
  }

  static func derivative(_ raster: Raster, _ axis: Axis, smoothing: [Float], border: Border) -> Raster {
    let difference: [Float] = [-1, 0, 1]
    return axis == .x
      ? separable(raster, horizontal: difference, vertical: smoothing, border: border)
      : separable(raster, horizontal: smoothing, vertical: difference, border: border)
  }

  /// Correlation with the outer product of two odd kernels; rows first.
  public static func separable(
    _ raster: Raster, horizontal: [Float], vertical: [Float], border: Border = .reflect101
  ) -> Raster {
    precondition(horizontal.count % 2 == 1 && vertical.count % 2 == 1, "kernels need an odd number of taps")
    let (width, height, channels) = (raster.width, raster.height, raster.channels)
    if width == 0 || height == 0 { return raster }
    let stride = width * channels
    let radius = horizontal.count / 2
    let columns = (-radius..<width + radius).map { border.index($0, width) * channels }
    let wide = Raster.build(
      width: width, height: height, channels: channels, from: raster.pixels, work: stride * height * horizontal.count
    ) { band, source, target in
      var line = [Float](repeating: 0, count: stride + 2 * radius * channels)
      for y in band {
        let from = source.pointer + y * stride
        line.withWriter { line in
          for (i, column) in columns.enumerated() {
            for c in 0..<channels { line[i * channels + c] = from[column + c] }
          }
          let to = target.pointer + y * stride
          for (k, weight) in horizontal.enumerated() where weight != 0 {
            let shifted = line.pointer + k * channels
            for i in 0..<stride { to[i] += shifted[i] * weight }
          }
        }
      }
    }
    return Raster.build(
      width: width, height: height, channels: channels, from: wide.pixels, work: stride * height * vertical.count
    ) { band, source, target in
      for y in band {
        let to = target.pointer + y * stride
        for (k, weight) in vertical.enumerated() where weight != 0 {
          let from = source.pointer + border.index(y + k - vertical.count / 2, height) * stride
          for i in 0..<stride { to[i] += from[i] * weight }
        }
      }
    }
  }
}
