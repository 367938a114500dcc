import Basics
import Foundation

/// Prepares batches ahead of their use on background threads: reading, decoding, cropping. Results come in the order asked
/// for and depend on nothing but the plan.
final class BatchLoader: @unchecked Sendable {  // all state is guarded by `condition`
  /// One batch to prepare: which examples, and the names of the random streams that vary them.
  struct Request: Sendable {
    var items: [(index: Int, stream: String)]
  }

  private let source: any TrainingSource
  private let augmentation: Augmentation
  private let seed: UInt64
  private let cache: SampleCache
  private let condition = NSCondition()
  private var requests: [Request]
  private var nextToPrepare = 0
  private var nextToDeliver = 0
  private var ready: [Int: Result<[TrainingSample], any Error>] = [:]
  private var isClosed = false
  private let ahead: Int
  /// Seconds for which `next` had to wait, for all batches and for the first.
  private(set) var waited = 0.0
  private(set) var waitedFirst = 0.0

  /// - Parameters:
  ///   - ahead: batches kept ready.
  ///   - workers: background threads.
  init(
    _ source: any TrainingSource, _ augmentation: Augmentation, seed: UInt64, requests: [Request], cache: SampleCache,
    ahead: Int = 4, workers: Int = 2
  ) {
    self.source = source
    self.augmentation = augmentation
    self.seed = seed
    self.requests = requests
    self.cache = cache
    self.ahead = ahead
    for _ in 0..<min(workers, max(1, requests.count)) {
      let thread = Thread { [self] in work() }
      thread.stackSize = 4 << 20
      thread.start()
    }
  }

  /// The next batch's examples; nil after the last.
  func next() throws -> [TrainingSample]? {
    condition.lock()
    defer { condition.unlock() }
    guard nextToDeliver < requests.count else { return nil }
    if ready[nextToDeliver] == nil {
      let start = Date()
      while ready[nextToDeliver] == nil { condition.wait() }
      waited -= start.timeIntervalSinceNow
      if nextToDeliver == 0 { waitedFirst = waited }
    }
    let result = ready.removeValue(forKey: nextToDeliver)
    nextToDeliver += 1
    condition.broadcast()
    return try result?.get()
  }

  /// Lets the background threads end.
  func close() {
    condition.lock()
    isClosed = true
    condition.broadcast()
    condition.unlock()
  }

  private func work() {
    while true {
      condition.lock()
      while !isClosed, nextToPrepare < requests.count, nextToPrepare >= nextToDeliver + ahead { condition.wait() }
      guard !isClosed, nextToPrepare < requests.count else {
        condition.unlock()
        return
      }
      let number = nextToPrepare
      nextToPrepare += 1
      let request = requests[number]
      condition.unlock()
      let result = Result<[TrainingSample], any Error> {
        try request.items.map { item in
          var random = SeededRandom(seed: seed, stream: item.stream)
          return augmentation.applied(to: try cache.sample(item.index, from: source), &random)
        }
      }
      condition.lock()
      ready[number] = result
      condition.broadcast()
      condition.unlock()
    }
  }
}

/// Keeps decoded examples while they fit, so that an epoch after the first reads nothing.
final class SampleCache: @unchecked Sendable {  // guarded by `lock`
  private let lock = NSLock()
  private var samples: [Int: TrainingSample] = [:]
  private var bytes = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  func sample(_ index: Int, from source: any TrainingSource) throws -> TrainingSample {
    if let known = lock.withLock({ samples[index] }) { return known }
    let sample = try source.load(index)
    let size =
      4
      * (sample.image.count + sample.target.count + (sample.mask?.count ?? 0) + (sample.normal?.count ?? 0)
        + (sample.guide?.count ?? 0))
    lock.withLock {
      guard samples[index] == nil, bytes + size <= limit else { return }
      samples[index] = sample
      bytes += size
    }
    return sample
  }
}
