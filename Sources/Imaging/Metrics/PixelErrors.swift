/// Mean absolute and mean squared difference over the pixels that count.
struct PixelErrors {
  let l1: Double
  let meanSquared: Double
  /// Values that counted: pixels times channels.
  let samples: Int

  /// Sums by row, then over the rows in order: the same for any number of threads.
  init(_ a: Raster, _ b: Raster, mask: Mask?) {
    let (width, height, channels) = (a.width, a.height, a.channels)
    var sums = [SIMD2<Double>](repeating: .zero, count: height)
    var counts = [Int](repeating: 0, count: height)
    let bits = mask?.bits ?? [UInt8](repeating: 1, count: width * height)
    a.pixels.withReader { a in
      b.pixels.withReader { b in
        bits.withReader { bits in
          sums.withWriter { sums in
            counts.withWriter { counts in
              forRows(height, work: width * height * channels * 2) { band in
                for y in band {
                  var (absolute, squares, count) = (0.0, 0.0, 0)
                  for x in 0..<width where bits[y * width + x] != 0 {
                    for i in (y * width + x) * channels..<(y * width + x + 1) * channels {
                      let difference = Double(a[i]) - Double(b[i])
                      absolute += abs(difference)
                      squares += difference * difference
                    }
                    count += channels
                  }
                  sums[y] = SIMD2(absolute, squares)
                  counts[y] = count
                }
              }
            }
          }
        }
      }
    }
    let total = sums.reduce(SIMD2<Double>.zero, +)
    samples = counts.reduce(0, +)
    let n = Double(max(samples, 1))
    (l1, meanSquared) = (total.x / n, total.y / n)
  }
}
