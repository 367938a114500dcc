import Basics
import Foundation
import Synchronization

/// Which stored files have, or had, a second name outside the store: published as hard links. Somebody who overrides their
/// write protection changes the store itself, so these files are looked at before they count (`Store.mendLinked`).
///
///     .pipeline/links       one digest a line; written before the links are made
final class LinkedFiles: Sendable {
  private let path: String
  private let known = Mutex<Set<Digest>?>(nil)

  init(root: String) { path = root + "/links" }

  /// As the file says now.
  func digests() throws -> Set<Digest> {
    var found: Set<Digest> = []
    for line in try (FileSystem.read(path) ?? Data()).split(separator: 10) {
      if let digest = line.withUnsafeBytes({ Digest(hexBytes: $0) }) { found.insert(digest) }  // else a torn line
    }
    return found
  }

  func add(_ digests: some Sequence<Digest>, to store: Store) throws {
    try known.withLock { known in
      let before = try known ?? self.digests()
      let new = Set(digests).subtracting(before)
      if !new.isEmpty {
        var text: [UInt8] = []
        for digest in new {
          digest.append(to: &text)
          text.append(10)
        }
        try store.append(Data(text), to: path)
      }
      known = before.union(new)
    }
  }
}

extension Store {
  /// Looks at every file that was published as a link: with `stat` as long as nothing has touched it, else at its bytes.
  /// Damaged ones go to quarantine, and whatever named them is forgotten, so that it is made and published again.
  /// - Returns: what was damaged.
  /// - Throws: `FileProblem` when the store cannot be read or written.
  func mendLinked(threads: Int) throws -> [Digest] {
    let present = try presentLinks()
    // Read-only again, whoever changed that.
    for link in present where link.status.mode & 0o222 != 0 { chmod(link.path, 0o444) }
    let damaged = try damagedLinks(present, threads: threads)
    guard !damaged.isEmpty else { return [] }
    for digest in damaged { try quarantine(blobPath(digest), reason: "a published link to it was edited") }
    for (key, _) in try entries("results", suffix: ".json") {
      if let result = try result(key), try closure(of: result) == nil { try forget(key) }
    }
    try forgetPublications(of: damaged)
    return damaged
  }

  /// For questions, which change nothing: what `mendLinked` would find damaged, and the results that name it, are absent for
  /// this process from now on.
  /// - Throws: `FileProblem` when the store cannot be read.
  func distrustEditedLinks(threads: Int) throws {
    let damaged = try damagedLinks(presentLinks(), threads: threads)
    guard !damaged.isEmpty else { return }
    distrusted.withLock { $0.formUnion(damaged) }
    for (key, _) in try entries("results", suffix: ".json") {
      if let result = try result(key), try closure(of: result) == nil { _ = distrusted.withLock { $0.insert(key) } }
    }
  }

  /// Notes all linked files as they are, for `UpToDateProof`.
  /// - Returns: whether each is what its name says.
  func linkedAreSound(threads: Int) throws -> Bool {
    try damagedLinks(presentLinks(), threads: threads).isEmpty
  }

  private func presentLinks() throws -> [(digest: Digest, path: String, status: FileSystem.Status)] {
    try linked.digests().sorted().compactMap { digest in
      let path = blobPath(digest)
      // A missing file was removed as garbage, or is in quarantine already.
      return FileSystem.look(path).map { (digest, path, $0) }
    }
  }

  private func damagedLinks(
    _ links: [(digest: Digest, path: String, status: FileSystem.Status)], threads: Int
  ) throws -> [Digest] {
    let hashed = try files.hash(links.map(\.path), threads: threads)
    return zip(links, hashed).filter { $0.digest != $1.digest }.map(\.0.digest)
  }

  /// Drops the notes of published folders that hold any of these files.
  private func forgetPublications(of digests: [Digest]) throws {
    let names = digests.map { Data($0.hex.utf8) }
    let folder = root + "/published"
    guard FileSystem.exists(folder) else { return }
    for pipeline in try FileSystem.names(in: folder) {
      for instance in try FileSystem.names(in: "\(folder)/\(pipeline)") {
        for port in try FileSystem.names(in: "\(folder)/\(pipeline)/\(instance)") {
          let note = "\(folder)/\(pipeline)/\(instance)/\(port)"
          guard let text = try FileSystem.read(note) else { continue }
          if names.contains(where: { text.range(of: $0) != nil }) { try FileSystem.unlink(note) }
        }
      }
    }
  }
}
