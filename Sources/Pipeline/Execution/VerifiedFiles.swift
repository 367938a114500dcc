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
    guard file.isBlob(of: store) else { return }
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
    let failure = Mutex<(any Error)?>(nil)
    let all = files
    parallelFor(all.count, threads: threads) { index in
      do {
        if (index + offset) % stride == 0 {
          try check(all[index], store: store)
        } else if !store.holds(all[index].digest, size: all[index].size) {
          throw DamagedBlob(digest: all[index].digest, reason: "missing or damaged")
        }
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}
