import Basics
import Foundation

/// How many threads one image operation may use.
public enum ImagingThreads {
  @TaskLocal static var limit: Int?

  /// The active processors, unless a caller that runs many images at once says otherwise through ``with(_:_:)``.
  static var count: Int { limit ?? ProcessInfo.processInfo.activeProcessorCount }

  /// Runs `body` with at most `count` threads for each image operation in it. Results do not depend on the number.
  public static func with<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
    try $limit.withValue(max(1, count), operation: body)
  }
}

/// Rows of an image in parallel bands; `work` is about how many steps there are in all. Each row is written by one band,
/// so results never depend on the number of threads.
func forRows(_ height: Int, work: Int, _ body: @Sendable (Range<Int>) -> Void) {
  let threads = work < 1 << 16 ? 1 : ImagingThreads.count
  if threads <= 1 || height < 2 {
    if height > 0 { body(0..<height) }
    return
  }
  let bands = min(height, threads * 8)
  parallelFor(bands, threads: threads) { band in
    body(band * height / bands..<(band + 1) * height / bands)
  }
}

/// A pointer read by parallel bands.
struct Source<Element>: @unchecked Sendable {
  // Safety: only read, and only while `withSource` borrows the array.
  let base: UnsafePointer<Element>
  @inline(__always) subscript(i: Int) -> Element { base[i] }
}

/// A pointer written by parallel bands, each of which touches elements of its own.
struct Target<Element>: @unchecked Sendable {
  // Safety: bands write disjoint elements and are joined before `withTarget` returns.
  let base: UnsafeMutablePointer<Element>
  @inline(__always) subscript(i: Int) -> Element {
    get { base[i] }
    nonmutating set { base[i] = newValue }
  }
}

extension Array {
  /// `body` with a pointer to the elements; not called for an empty array.
  func withSource(_ body: (Source<Element>) -> Void) {
    withUnsafeBufferPointer { buffer in
      if let base = buffer.baseAddress, !buffer.isEmpty { body(Source(base: base)) }
    }
  }

  mutating func withTarget(_ body: (Target<Element>) -> Void) {
    withUnsafeMutableBufferPointer { buffer in
      if let base = buffer.baseAddress, !buffer.isEmpty { body(Target(base: base)) }
    }
  }
}

extension Raster {
  /// A raster whose rows `fill` writes, in parallel, from `source` (another raster's pixels). `work` as for `forRows`.
  static func build(
    width: Int, height: Int, channels: Int, from source: [Float], work: Int,
    _ fill: @Sendable (_ rows: Range<Int>, _ source: Source<Float>, _ target: Target<Float>) -> Void
  ) -> Raster {
    var pixels = [Float](repeating: 0, count: width * height * channels)
    source.withSource { source in
      pixels.withTarget { target in
        forRows(height, work: work) { rows in fill(rows, source, target) }
      }
    }
    return Raster(width: width, height: height, channels: channels, pixels: pixels)
  }
}
