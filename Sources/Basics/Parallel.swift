import Dispatch
import Foundation
import Synchronization

/// How many threads work may use that does not say so itself, such as one image operation.
public enum ThreadBudget {
  @TaskLocal private static var limit: Int?

  /// The number that `with` allows here; the active processors where nobody said otherwise.
  public static var count: Int { limit ?? ProcessInfo.processInfo.activeProcessorCount }

  /// Runs `body` with at most `count` threads for what it calls. Results never depend on the number.
  public static func with<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
    try $limit.withValue(max(1, count), operation: body)
  }

  /// Runs asynchronous work with at most `count` threads for what it calls.
  public static func with<Result>(
    _ count: Int, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
  ) async rethrows -> Result {
    try await $limit.withValue(max(1, count), operation: body, isolation: isolation)
  }
}

/// Runs `body` for 0 ..< count on at most `threads` threads at a time, which share the budget for what `body` itself runs in
/// parallel. Every index writes only its own result, so the outcome does not depend on the number of threads.
public func parallelFor(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
  let workers = max(1, min(threads, count))
  if workers == 1 {
    for index in 0..<count { body(index) }
    return
  }
  // Contiguous blocks, a few for each worker, so that uneven work still spreads.
  let blocks = min(count, workers * 8)
  DispatchQueue.concurrentPerform(iterations: blocks) { block in
    ThreadBudget.with(threads / workers) {
      for index in (block * count / blocks)..<((block + 1) * count / blocks) { body(index) }
    }
  }
}

/// Runs `body` for 0 ..< count on up to `limit` threads at a time, however many cores there are: for work that waits, for a
/// disk or a server, rather than computes. After an error no more are begun.
/// - Throws: the first error of any of them, once all that were begun have ended.
public func parallelWaits(
  _ count: Int, atMost limit: Int = 16, _ body: @escaping @Sendable (Int) throws -> Void
) throws {
  let shared = Shared()
  let work: @Sendable () -> Void = {
    while let index = shared.next(of: count) {
      do { try body(index) } catch { shared.note(error) }
    }
  }
  let others = min(limit, count) - 1
  let finished = DispatchSemaphore(value: 0)
  for _ in 0..<max(0, others) {
    Thread {
      work()
      finished.signal()
    }.start()
  }
  work()
  for _ in 0..<max(0, others) { finished.wait() }
  if let error = shared.error { throw error }
}

/// The state that the threads of one `parallelWaits` share.
private final class Shared: Sendable {
  private let state = Mutex((next: 0, error: (any Error)?.none))

  /// 0, 1, 2 … to whoever asks, until all are taken or one has failed.
  func next(of count: Int) -> Int? {
    state.withLock { state in
      guard state.next < count, state.error == nil else { return nil }
      state.next += 1
      return state.next - 1
    }
  }

  func note(_ error: any Error) { state.withLock { $0.error = $0.error ?? error } }
  var error: (any Error)? { state.withLock { $0.error } }
}
