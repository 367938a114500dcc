import Basics

/// Exact Euclidean distances to a set of pixels, after Meijster, Roerdink and Hesselink ("A general algorithm for
/// computing distance transforms in linear time", 2000).
public enum DistanceTransform {
  /// For every pixel the index of the nearest set pixel of `mask` (itself when set); -1 everywhere when none is set. Of
  /// equally near ones the choice is fixed: the leftmost column, in it the upper row.
  public static func nearest(_ mask: Mask) -> [Int32] {
    let (width, height) = (mask.width, mask.height)
    // Row of the nearest set pixel in the same column, or -1.
    var rows = [Int32](repeating: -1, count: width * height)
    var result = [Int32](repeating: -1, count: width * height)
    mask.bits.withReader { bits in
      rows.withWriter { rows in
        for y in 0..<height {
          for x in 0..<width {
            let i = y * width + x
            rows[i] = bits[i] != 0 ? Int32(y) : y > 0 ? rows[i - width] : -1
          }
        }
        for y in stride(from: height - 2, through: 0, by: -1) {
          for x in 0..<width {
            let i = y * width + x
            let below = rows[i + width]
            if below < 0 || bits[i] != 0 { continue }
            let above = rows[i]
            if above < 0 || below - Int32(y) < Int32(y) - above { rows[i] = below }
          }
        }
      }
    }
    rows.withReader { rows in
      result.withWriter { result in
        forRows(height, work: width * height * 16) { band in
          var sites = [Int](repeating: 0, count: width)
          var starts = [Int](repeating: 0, count: width)
          for y in band {
            let line = rows.pointer + y * width
            func squared(_ x: Int, _ site: Int) -> Int {
              let dy = y - Int(line[site])
              return (x - site) * (x - site) + dy * dy
            }
            var top = -1
            for u in 0..<width where line[u] >= 0 {
              while top >= 0 && squared(starts[top], sites[top]) > squared(starts[top], u) { top -= 1 }
              if top < 0 {
                top = 0
                (sites[0], starts[0]) = (u, 0)
              } else {
                // The first column that is nearer to u than to the last site.
                let s = sites[top]
                let gu = y - Int(line[u])
                let gs = y - Int(line[s])
                let numerator = u * u - s * s + gu * gu - gs * gs
                let separation = Int((Double(numerator) / Double(2 * (u - s))).rounded(.down)) + 1
                if separation < width {
                  top += 1
                  (sites[top], starts[top]) = (u, separation)
                }
              }
            }
            if top < 0 { continue }
            for x in stride(from: width - 1, through: 0, by: -1) {
              let site = sites[top]
              result[y * width + x] = line[site] * Int32(width) + Int32(site)
              if x == starts[top] && top > 0 { top -= 1 }
            }
          }
        }
      }
    }
    return result
  }

  /// The Euclidean distance in pixels from every pixel to the nearest set one; infinity when none is set.
  public static func distances(_ mask: Mask) -> Raster {
    let nearest = nearest(mask)
    let width = mask.width
    var pixels = [Float](repeating: .infinity, count: nearest.count)
    for i in 0..<nearest.count where nearest[i] >= 0 {
      let (dx, dy) = (i % width - Int(nearest[i]) % width, i / width - Int(nearest[i]) / width)
      pixels[i] = Float(dx * dx + dy * dy).squareRoot()
    }
    return Raster(width: mask.width, height: mask.height, pixels: pixels)
  }
}
