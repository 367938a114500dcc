import CKernels

/// Runs `body` for 0 ..< count on the library's thread pool. Each index must write only what is its own; sums over
/// several indices must go through partial results added in index order, so that the outcome does not depend on threads.
public func parallel(_ count: Int, _ body: @Sendable (Int) -> Void) {
  let threads = NN.options.threads
  if count <= 1 || threads == 1 {
    for index in 0..<count { body(index) }
    return
  }
  withoutActuallyEscaping(body) { body in
    var context = body
    withUnsafeMutablePointer(to: &context) { pointer in
      ck_parallel(Int32(threads), Int64(count), pointer) { raw, index in
        // The pointer is `pointer` above.
        raw!.assumingMemoryBound(to: (@Sendable (Int) -> Void).self).pointee(Int(index))
      }
    }
  }
}

/// Runs `body` over consecutive ranges that cover 0 ..< count; the ranges depend on `count` alone.
public func parallelChunks(
  _ count: Int, of size: Int = 16384, _ body: @Sendable (Range<Int>) -> Void
) {
  let chunks = (count + size - 1) / size
  parallel(chunks) { body($0 * size..<min(count, ($0 + 1) * size)) }
}
