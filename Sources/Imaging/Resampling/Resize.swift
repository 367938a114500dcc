import Basics
import Foundation

/// Changes of size. All methods keep the number of channels; any size of at least 1 x 1 goes.
///
/// Parity: `image/resize_*`, `image/pillow_*`.
public enum Resize {
  /// How the samples are stored around the operation.
  public enum Storage: Hashable, Sendable {
    /// Floats as they are.
    case float
    /// Values are k/65535 before and after: rounding as OpenCV does it on 16-bit images (to the nearest, ties to even,
    /// clamped).
    case sixteenBit
  }

  /// OpenCV INTER_CUBIC: a = -0.75, four taps, half-pixel centres, replicated border, no antialiasing.
  public static func cubic(_ raster: Raster, width: Int, height: Int, storage: Storage = .float) -> Raster {
    separable(
      raster, .cubic(from: raster.width, to: width), .cubic(from: raster.height, to: height), storage: storage)
  }

  /// OpenCV INTER_LINEAR: half-pixel centres, replicated border, no antialiasing.
  public static func linear(_ raster: Raster, width: Int, height: Int, storage: Storage = .float) -> Raster {
    separable(
      raster, .linear(from: raster.width, to: width), .linear(from: raster.height, to: height), storage: storage)
  }

  /// OpenCV INTER_AREA: the average over the pixels that each output pixel covers; where an axis grows, OpenCV's
  /// linear form of it.
  public static func area(_ raster: Raster, width: Int, height: Int, storage: Storage = .float) -> Raster {
    if raster.width >= width && raster.height >= height {
      if raster.width % width == 0 && raster.height % height == 0 {
        return blockMean(raster, width: width, height: height, storage: storage)
      }
      return separable(
        raster, .area(from: raster.width, to: width), .area(from: raster.height, to: height), storage: storage)
    }
    return separable(
      raster, .areaGrowing(from: raster.width, to: width), .areaGrowing(from: raster.height, to: height),
      storage: storage)
  }

  /// OpenCV INTER_NEAREST: input pixel floor(i * scale).
  public static func nearest(_ raster: Raster, width: Int, height: Int) -> Raster {
    check(raster, width, height)
    let columns = nearestIndices(from: raster.width, to: width)
    let rows = nearestIndices(from: raster.height, to: height)
    let (channels, sourceWidth) = (raster.channels, raster.width)
    return Raster.build(
      width: width, height: height, channels: channels, from: raster.pixels, work: width * height
    ) { band, source, target in
      for y in band {
        for x in 0..<width {
          let from = (rows[y] * sourceWidth + columns[x]) * channels
          for c in 0..<channels { target[(y * width + x) * channels + c] = source[from + c] }
        }
      }
    }
  }

  /// Pillow BICUBIC on float images (MATLAB imresize): a = -0.5, antialiased when shrinking, half-pixel centres.
  public static func cubicAntialiased(_ raster: Raster, width: Int, height: Int) -> Raster {
    separable(
      raster, .cubicAntialiased(from: raster.width, to: width), .cubicAntialiased(from: raster.height, to: height),
      storage: .float)
  }

  static func nearestIndices(from source: Int, to target: Int) -> [Int] {
    let scale = 1 / (Double(target) / Double(source))
    return (0..<target).map { min(Int((Double($0) * scale).rounded(.down)), source - 1) }
  }

  private static func check(_ raster: Raster, _ width: Int, _ height: Int) {
    precondition(width > 0 && height > 0, "cannot resize to \(width) x \(height)")
    precondition(raster.width > 0 && raster.height > 0, "cannot resize an image without pixels")
  }

  /// Means over whole blocks, added in row-major order.
  private static func blockMean(_ raster: Raster, width: Int, height: Int, storage: Storage) -> Raster {
    check(raster, width, height)
    let (channels, sourceWidth) = (raster.channels, raster.width)
    let (blockWidth, blockHeight) = (raster.width / width, raster.height / height)
    let inverse = 1 / Float(blockWidth * blockHeight)
    let sixteen = storage == .sixteenBit
    let half: Float = sixteen && blockWidth == 2 && blockHeight == 2 ? 0.5 : 0
    return Raster.build(
      width: width, height: height, channels: channels, from: raster.pixels, work: raster.pixels.count
    ) { band, source, target in
      for y in band {
        for x in 0..<width {
          for c in 0..<channels {
            var sum: Float = 0
            for by in 0..<blockHeight {
              let row = ((y * blockHeight + by) * sourceWidth + x * blockWidth) * channels + c
              for bx in 0..<blockWidth {
                let value = source[row + bx * channels]
                sum += sixteen ? (max(0, min(value, 1)) * 65535 + 0.5).rounded(.down) : value
              }
            }
            var mean = sum * inverse
            if sixteen {
              // OpenCV's 2 x 2 kernel for 16-bit images rounds ties up, every other size to even.
              mean = half > 0 ? (mean + half).rounded(.down) : mean.rounded(.toNearestOrEven)
              mean /= 65535
            }
            target[(y * width + x) * channels + c] = mean
          }
        }
      }
    }
  }

  /// Rows first, then columns, as OpenCV and Pillow do.
  private static func separable(_ raster: Raster, _ columns: AxisTaps, _ rows: AxisTaps, storage: Storage) -> Raster {
    let (width, height) = (columns.length, rows.length)
    check(raster, width, height)
    let (channels, sourceWidth) = (raster.channels, raster.width)
    let sixteen = storage == .sixteenBit
    let input = sixteen ? raster.mapped { (max(0, min($0, 1)) * 65535 + 0.5).rounded(.down) } : raster
    let wide = Raster.build(
      width: width, height: raster.height, channels: channels, from: input.pixels,
      work: width * raster.height * channels * columns.count
    ) { band, source, target in
      columns.indices.withReader { indices in
        columns.weights.withReader { weights in
          let taps = columns.count
          for y in band {
            let from = y * sourceWidth * channels
            let to = y * width * channels
            for x in 0..<width {
              for c in 0..<channels {
                var sum: Float = 0
                for k in 0..<taps {
                  sum += source[from + Int(indices[x * taps + k]) * channels + c] * weights[x * taps + k]
                }
                target[to + x * channels + c] = sum
              }
            }
          }
        }
      }
    }
    let stride = width * channels
    return Raster.build(
      width: width, height: height, channels: channels, from: wide.pixels, work: stride * height * rows.count
    ) { band, source, target in
      for y in band {
        let to = target.pointer + y * stride
        for k in 0..<rows.count {
          let weight = rows.weights[y * rows.count + k]
          if weight == 0 && k > 0 { continue }
          let from = source.pointer + Int(rows.indices[y * rows.count + k]) * stride
          if k == 0 {
            for i in 0..<stride { to[i] = from[i] * weight }
          } else {
            for i in 0..<stride { to[i] += from[i] * weight }
          }
        }
        if sixteen {
          for i in 0..<stride { to[i] = max(0, min(to[i].rounded(.toNearestOrEven), 65535)) / 65535 }
        }
      }
    }
  }
}
