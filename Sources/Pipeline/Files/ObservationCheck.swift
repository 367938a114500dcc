import Basics
import Foundation
import Synchronization

/// Asks everything again that encoded `Observations` hold.
enum ObservationCheck {
  enum Verdict {
    case different
    case same
    /// Everything is the same; these flag bytes may drop `racy`, because what they stand for has come of age.
    case grown([Int])
  }

  /// - Parameters:
  ///   - bytes: encoded observations.
  ///   - clock: now by the file system's clock, in ns; asked only when something was too young to trust its time stamps.
  static func compare(_ bytes: UnsafeRawBufferPointer, threads: Int, clock: () -> Int?) -> Verdict {
    var starts: [Int] = []
    var racy: [Int] = []
    var at = 0
    var count = 0
    while at < bytes.count {
      guard let entry = ObservedEntry(bytes, at: at) else { return .different }
      if count % 256 == 0 { starts.append(at) }
      if entry.isRacy { racy.append(at) }
      count += 1
      at = entry.end
    }
    // Before the bytes are read again: what is of age now cannot change unseen from here on.
    let horizon = racy.isEmpty ? nil : clock().map { $0 - StatCache.racyWindow }
    let isSame = Atomic<Bool>(true)
    nonisolated(unsafe) let shared = bytes  // only read
    let blocks = starts
    parallelFor(blocks.count, threads: threads) { block in
      let end = block + 1 < blocks.count ? blocks[block + 1] : shared.count
      var at = blocks[block]
      while at < end, isSame.load(ordering: .relaxed), let entry = ObservedEntry(shared, at: at) {
        if !entry.holds() { isSame.store(false, ordering: .relaxed) }
        at = entry.end
      }
    }
    guard isSame.load(ordering: .relaxed) else { return .different }
    guard let horizon else { return .same }
    let grown = racy.filter { ObservedEntry(bytes, at: $0).map { $0.changed <= horizon } ?? false }
    return grown.isEmpty ? .same : .grown(grown.map { $0 + 1 })
  }
}
