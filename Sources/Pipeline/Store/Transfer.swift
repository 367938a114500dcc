import Basics
import Foundation

extension Store {
  /// The tally of a transfer.
  public struct Transfer: Sendable {
    public var results = 0
    public var blobs = 0
    public var bytes = 0
    /// Results of single samples.
    public var samples = 0
    /// Results whose record or files were damaged or missing on the other side.
    public var skipped = 0
  }

  /// Copies results that this store does not have from another: files first, each checked against its digest on arrival,
  /// then the record. `push` and `pull` are this, one way or the other.
  /// - Parameter keys: only these; nil for all.
  public func copyResults(from other: Store, keys: Set<Digest>? = nil) throws -> Transfer {
    try prepare()
    var report = Transfer()
    for (key, path) in try other.entries("results", suffix: ".json") {
      guard keys?.contains(key) ?? true, try result(key) == nil, let data = try FileSystem.read(path) else { continue }
      // A record that is not readable is counted, not copied; `cache verify` over there says what is wrong with it.
      guard let found = try? Self.readResult(data, key: key), let needed = try other.closure(of: found) else {
        report.skipped += 1
        continue
      }
      let batch = BlobBatch(self)
      do {
        for digest in needed where !holds(digest, size: nil) {
          let file = try batch.put(contentsOf: other.blobPath(digest), expecting: digest)
          report.blobs += 1
          report.bytes += file.size
        }
      } catch is InputChanged {
        report.skipped += 1
        continue
      }
      try batch.commit(recording: found)
      report.results += 1
    }
    try copySamples(from: other, &report)
    return report
  }

  /// Results of single samples whose files have come over.
  private func copySamples(from other: Store, _ report: inout Transfer) throws {
    for (group, _) in try other.entries("samples", suffix: ".log") {
      let lock = try KeyLock.acquire(group, in: self, keepWaiting: { true })
      try withExtendedLifetime(lock) {
        let journal = SampleJournal(group, store: self)
        let mine = try journal.all()
        let new = try SampleJournal(group, store: other).all().filter { key, result in
          mine[key] == nil && result.storedFiles.allSatisfy { holds($0.digest, size: $0.size) }
        }
        try journal.append(new.map { ($0.key, $0.value) })
        report.samples += new.count
      }
    }
  }
}
