import Basics
import Foundation

/// Puts outputs at `outputs/<pipeline>/<instance>/<port>/`: samples as `<role>/<sample>.<extension>`, such as
/// `depth/face 1.png`, with their records in `records.jsonl`; files as they are.
struct Publisher: Sendable {
  let folder: String
  let mode: PublishMode
  let store: Store
  let pipeline: String

  func place(_ instance: String, _ port: String) -> String {
    "\(folder)/\(fileName(for: instance))/\(fileName(for: port))"
  }

  private func notePath(_ instance: String, _ port: String) -> String {
    "\(store.root)/published/\(fileName(for: pipeline))/\(fileName(for: instance))/\(fileName(for: port))"
  }

  /// The record of a published folder's content: a short line, then the files by path.
  private func header(_ reference: ArtifactReference, _ target: String) -> JSON {
    ["digest": .string(reference.digest.hex), "mode": .string(mode.rawValue), "place": .string(target)]
  }

  /// Whether everything is where it should be, as far as a glance can tell.
  func isUpToDate(_ result: StageResult, instance: String) -> Bool {
    guard mode != .none else { return true }
    return result.outputs.allSatisfy { port, reference in
      let target = place(instance, port)
      guard FileSystem.exists(target) else { return false }
      let wanted = Data((header(reference, target).canonical + "\n").utf8)
      // Unreadable: publish again.
      return (try? FileSystem.read(notePath(instance, port), upTo: wanted.count)) == wanted
    }
  }

  /// Brings the published folder of each output up to date. Files that nobody published are left alone.
  func publish(_ result: StageResult, instance: String) throws {
    guard mode != .none else { return }
    for (port, reference) in result.outputs {
      let target = place(instance, port)
      let note = notePath(instance, port)
      let lines = try FileSystem.read(note).map { $0.split(separator: 10) } ?? []
      let before = lines.count == 2 ? try? lines.map { try JSON(parsing: Data($0)) } : nil  // unreadable: publish again
      let header = header(reference, target)
      if before?[0] == header, FileSystem.exists(target) { continue }
      let artifact = try store.artifact(reference)
      let wanted = Self.layout(artifact)
      let old = before?[0]["place"]?.stringValue == target ? before?[1].objectValue ?? [:] : [:]
      try FileSystem.makeDirectories(target)
      var batch = Batch(digests: wanted.values.map(\.digest))
      for (path, file) in wanted {
        if old[path]?.stringValue == file.digest.hex, isInPlace(file, at: "\(target)/\(path)") { continue }
        try put(file, at: "\(target)/\(path)", in: &batch)
      }
      for path in old.keys where wanted[path] == nil { try FileSystem.unlink("\(target)/\(path)") }
      try writeRecords(artifact, to: target)
      let files = JSON.object(wanted.mapValues { .string($0.digest.hex) })
      try store.write(Data("\(header.canonical)\n\(files.canonical)\n".utf8), to: note, sync: .none)
    }
  }

  /// Published path of every file of an artifact.
  static func layout(_ artifact: Artifact) -> [String: StoredFile] {
    var files: [String: StoredFile] = [:]
    for (path, file) in artifact.files where isSafe(path) { files[path] = file }
    for sample in artifact.samples {
      for (role, file) in sample.files {
        let stem = (role as NSString).deletingPathExtension
        let suffix = (role as NSString).pathExtension
        let path = "\(stem)/\(sample.name)" + (suffix.isEmpty ? "" : "." + suffix)
        if isSafe(path) { files[path] = file }
      }
    }
    return files
  }

  /// Nothing may be written outside the published folder.
  private static func isSafe(_ path: String) -> Bool {
    !path.hasPrefix("/") && !path.split(separator: "/").contains("..") && !path.utf8.contains(0)
  }

  /// As far as a glance can tell; a link is not what is wanted where copies are.
  private func isInPlace(_ file: StoredFile, at path: String) -> Bool {
    guard let there = FileSystem.status(path), there.size == file.size else { return false }
    guard mode == .copy, let stored = FileSystem.look(file.path) else { return true }
    return (there.inode, there.device) != (stored.inode, stored.device)
  }

  /// The files that are published in one go.
  private struct Batch {
    var digests: [Digest]
    /// Whether the store knows that these files are links, or about to be.
    var isLinked = false
    /// Folders that are ready.
    var folders: Set<String> = []
  }

  private func put(_ file: StoredFile, at path: String, in batch: inout Batch) throws {
    let folder = (path as NSString).deletingLastPathComponent
    if batch.folders.insert(folder).inserted {
      try FileSystem.makeDirectories(folder)
      try removeLeftovers(in: folder)
    }
    // Short, whatever the file is called: a name may have 255 bytes. No two threads publish into one folder.
    let temporary = folder + "/.part-\(getpid())"
    Glibc.unlink(temporary)
    do {
      let mayLink = mode == .link || (mode == .auto && geteuid() != 0)
      let isShared = mode == .auto && mayLink ? try FileSystem.reflink(file.path, to: temporary) : false
      if mayLink && !isShared {
        Glibc.unlink(temporary)
        // First that they may be links, then the links.
        if !batch.isLinked { try store.linked.add(batch.digests, to: store) }
        batch.isLinked = true
        FaultInjection.passing(.link)
        if link(file.path, temporary) == 0 {
          try FileSystem.rename(temporary, to: path)
          Glibc.unlink(temporary)  // where both were names of one file already, rename does nothing
          return
        }
      }
      if !isShared { try FileSystem.copy(file.path, to: temporary, mode: 0o644) }
      try FileSystem.rename(temporary, to: path)
    } catch {
      Glibc.unlink(temporary)
      throw error
    }
  }

  /// Removes what processes that were killed here have not finished.
  private func removeLeftovers(in folder: String) throws {
    for name in try FileSystem.names(in: folder) where name.hasPrefix(".part-") {
      guard let pid = pid_t(name.dropFirst(6)), kill(pid, 0) != 0, errno == ESRCH else { continue }
      Glibc.unlink("\(folder)/\(name)")  // tried again next time
    }
  }

  /// Facts about samples, and why others were rejected, beside the files.
  private func writeRecords(_ artifact: Artifact, to target: String) throws {
    var text = ""
    for sample in artifact.samples where !sample.record.isEmpty {
      text += JSON.object(sample.record.merging(["sample": .string(sample.name)]) { $1 }).canonical + "\n"
    }
    for (name, reason) in artifact.rejected.sorted(by: { naturallyPrecedes($0.key, $1.key) }) {
      text += JSON.object(["sample": .string(name), "rejected": .string(reason)]).canonical + "\n"
    }
    let path = target + "/records.jsonl"
    if text.isEmpty { try FileSystem.unlink(path) } else { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
  }
}
