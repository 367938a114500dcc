import Basics
import Foundation

/// SSIM of Wang, Bovik, Sheikh and Simoncelli (IEEE TIP 2004) as scikit-image computes it by default: a uniform window of
/// 7 x 7, sample covariances (n - 1), K = (0.01, 0.03), the mean over the map without a border of half a window. In double.
public enum StructuralSimilarity {
  /// The mean over the map. Where a side is shorter than the window, the window shrinks to the largest odd size that fits.
  /// NaN for empty images.
  public static func mean(_ a: Raster, _ b: Raster, range: Double = 1, window: Int = 7) -> Double {
    guard let map = map(a, b, range: range, window: window) else { return .nan }
    return map.sum / Double(map.count)
  }

  /// Sum over the valid map and the number of its values (all channels).
  private static func map(_ a: Raster, _ b: Raster, range: Double, window: Int) -> (sum: Double, count: Int)? {
    precondition(
      a.width == b.width && a.height == b.height && a.channels == b.channels, "the images differ in size")
    let (width, height, channels) = (a.width, a.height, a.channels)
    if width == 0 || height == 0 || channels == 0 { return nil }
    let shortest = min(width, height)
    let side = min(window, shortest % 2 == 1 ? shortest : shortest - 1)
    let (validWidth, validHeight) = (width - side + 1, height - side + 1)
    let n = Double(side * side)
    let normalisation = side > 1 ? n / (n - 1) : 1
    let c1 = (0.01 * range) * (0.01 * range)
    let c2 = (0.03 * range) * (0.03 * range)
    var rowSums = [Double](repeating: 0, count: validHeight)
    let stride = width * channels
    a.pixels.withReader { a in
      b.pixels.withReader { b in
        rowSums.withWriter { rowSums in
          forRows(validHeight, work: width * height * channels * 40) { band in
            // Column sums of x, y, x^2, y^2, xy over the window's rows; computed for each row afresh, so nothing drifts.
            var columns = [Double](repeating: 0, count: 5 * stride)
            columns.withWriter { columns in
              let (sx, sy) = (columns.pointer, columns.pointer + stride)
              let (sxx, syy, sxy) = (
                columns.pointer + 2 * stride, columns.pointer + 3 * stride,
                columns.pointer + 4 * stride
              )
              for y in band {
                for i in 0..<5 * stride { columns[i] = 0 }
                for row in y..<y + side {
                  let (pa, pb) = (a.pointer + row * stride, b.pointer + row * stride)
                  for i in 0..<stride {
                    let (u, v) = (Double(pa[i]), Double(pb[i]))
                    sx[i] += u
                    sy[i] += v
                    sxx[i] += u * u
                    syy[i] += v * v
                    sxy[i] += u * v
                  }
                }
                var total = 0.0
                for i in 0..<validWidth * channels {
                  var (mx, my, mxx, myy, mxy) = (0.0, 0.0, 0.0, 0.0, 0.0)
                  var j = i
                  for _ in 0..<side {
                    mx += sx[j]
                    my += sy[j]
                    mxx += sxx[j]
                    myy += syy[j]
                    mxy += sxy[j]
                    j += channels
                  }
                  mx /= n
                  my /= n
                  let vx = normalisation * (mxx / n - mx * mx)
                  let vy = normalisation * (myy / n - my * my)
                  let vxy = normalisation * (mxy / n - mx * my)
                  total +=
                    ((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))
                }
                rowSums[y] = total
              }
            }
          }
        }
      }
    }
    return (rowSums.reduce(0, +), validWidth * validHeight * channels)
  }
}
