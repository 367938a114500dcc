import Dispatch

/// Runs `body` for 0 ..< count on at most `threads` threads at a time. Every index writes only its own result, so the
/// outcome does not depend on the number of threads.
public func parallelFor(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
  let workers = max(1, min(threads, count))
  if workers == 1 {
    for index in 0..<count { body(index) }
    return
  }
  // Contiguous blocks, a few for each worker, so that uneven work still spreads.
  let blocks = min(count, workers * 8)
  DispatchQueue.concurrentPerform(iterations: blocks) { block in
    for index in (block * count / blocks)..<((block + 1) * count / blocks) { body(index) }
  }
}
