import Basics

/// Rows of an image in parallel bands; `work` is about how many steps there are in all. Each row is written by one band,
/// so results never depend on the number of threads.
func forRows(_ height: Int, work: Int, _ body: @Sendable (Range<Int>) -> Void) {
  let threads = work < 1 << 16 ? 1 : ThreadBudget.count
  if threads <= 1 || height < 2 {
    if height > 0 { body(0..<height) }
    return
  }
  let bands = min(height, threads * 8)
  parallelFor(bands, threads: threads) { band in
    body(band * height / bands..<(band + 1) * height / bands)
  }
}

extension Raster {
  /// A raster whose rows `fill` writes, in parallel, from `source` (another raster's pixels). `work` as for `forRows`.
  static func build(
    width: Int, height: Int, channels: Int, from source: [Float], work: Int,
    _ fill:
      @Sendable (
        _ rows: Range<Int>, _ source: borrowing SharedReader<Float>,
        _ target: borrowing SharedWriter<Float>
      ) -> Void
  ) -> Raster {
    var pixels = [Float](repeating: 0, count: width * height * channels)
    source.withReader { source in
      pixels.withWriter { target in
        forRows(height, work: work) { rows in fill(rows, source, target) }
      }
    }
    return Raster(width: width, height: height, channels: channels, pixels: pixels)
  }
}
