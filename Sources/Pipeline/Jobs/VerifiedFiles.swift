import Basics
import Foundation
import Synchronization

/// Checks stored files before a stage reads them: each once in a process.
final class VerifiedFiles: Sendable {
  /// Bytes that are read in full for one stage; beyond that every file's size is checked and a part of the files is read.
  static let fullCheckLimit = 4_000_000_000

  private let known = Mutex<Set<Digest>>([])

  /// - Throws: `DamagedBlob` for a file that is gone or not what its name says.
  func check(_ file: StoredFile, store: Store) throws {
    guard file.isBlob(ofStoreAt: store.root) else { return }
    if known.withLock({ $0.contains(file.digest) }) { return }
    guard try store.check(file.digest, size: file.size) else {
      throw DamagedBlob(digest: file.digest, reason: "missing or damaged")
    }
    _ = known.withLock { $0.insert(file.digest) }
  }

  func check(_ artifacts: [Artifact], store: Store, threads: Int) throws {
    var seen: Set<Digest> = []
    var files: [StoredFile] = []
    for artifact in artifacts {
      for file in artifact.samples.flatMap(\.files.values) + artifact.files.values
      where seen.insert(file.digest).inserted {
        files.append(file)
      }
    }
    let bytes = files.reduce(0) { $0 + $1.size }
    let stride = max(1, (bytes + Self.fullCheckLimit - 1) / Self.fullCheckLimit)
    let offset = Int.random(in: 0..<stride)
    // The files that are read, and what `known` spares.
    var unread: [StoredFile] = []
    for (index, file) in files.enumerated() where file.isBlob(ofStoreAt: store.root) {
      if (index + offset) % stride == 0 {
        if !known.withLock({ $0.contains(file.digest) }) { unread.append(file) }
      } else if !store.holds(file.digest, size: file.size) {
        throw DamagedBlob(digest: file.digest, reason: "missing or damaged")
      }
    }
    let damaged = Mutex<Digest?>(nil)
    let digests = unread.map(\.digest)
    try store.check(unread.map { ($0.digest, $0.size) }, threads: threads) { [self] index, isSound in
      let digest = digests[index]
      if isSound { _ = known.withLock { $0.insert(digest) } } else { damaged.withLock { $0 = digest } }
    }
    if let digest = damaged.withLock({ $0 }) { throw DamagedBlob(digest: digest, reason: "missing or damaged") }
  }
}
