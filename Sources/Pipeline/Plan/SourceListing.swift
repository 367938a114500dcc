import Basics
import Foundation

/// One file of an external source, or one external file of a sample.
struct SourceFile: Hashable, Sendable {
  /// Below the source, with forward slashes.
  var path: String
  var stored: StoredFile
  /// The file on disk; nil when it lies in an input artifact.
  var hashed: HashedFile?
}

/// The files of an external source in natural order, and their digest.
struct SourceListing: Sendable {
  var files: [SourceFile]

  /// One line for each file; its digest enters the key. Paths are below the source, so that moving the folder changes
  /// nothing.
  var text: Data {
    var text: [UInt8] = []
    text.reserveCapacity(files.count * 110)
    for file in files {
      file.stored.digest.append(to: &text)
      text += " \(file.stored.size) ".utf8
      JSON.string(file.path).append(to: &text)
      text.append(10)
    }
    return Data(text)
  }

  /// The files by path, from `text`.
  static func parse(_ text: Data) -> [String: String] {
    var found: [String: String] = [:]
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 2)
      if fields.count == 3, let path = try? JSON(parsing: String(fields[2])).stringValue {  // else not a listing
        found[path] = String(fields[0])
      }
    }
    return found
  }
}

/// A file or folder of the user's that is not there: a gate waits for it, any other stage fails.
struct MissingSource: ReadableError, Hashable {
  var name: String
  var path: String
  var message: String { "\(name): \(path) does not exist" }
  var help: String? { "create it, or name another place in the pipeline file" }
}

/// Finds the files of a source on disk.
enum SourceScanner {
  /// - Parameter root: the file or folder of the source.
  /// - Returns: paths below the folder, where each really is, and what `stat` says of it. Follows links to files and folders.
  /// - Throws: `MissingSource`; `StageFailure` for a dangling link, a loop of links, a name that no key can hold.
  static func scan(_ source: ExternalSource, at root: String) throws -> [(
    path: String, absolute: String, status: FileSystem.Status
  )] {
    guard let status = FileSystem.status(root) else {
      throw MissingSource(name: source.name, path: root)
    }
    if status.isRegular { return [((root as NSString).lastPathComponent, root, status)] }
    var found: [(path: String, absolute: String, status: FileSystem.Status)] = []
    var open: [(UInt64, UInt64)] = []
    func visit(_ folder: String, _ prefix: String, _ status: FileSystem.Status) throws {
      if open.contains(where: { $0 == (status.device, status.inode) }) {
        throw StageFailure("\(folder) is a link back to a folder that holds it", help: "remove that link")
      }
      open.append((status.device, status.inode))
      defer { open.removeLast() }
      for name in try FileSystem.names(in: folder) {
        // Hidden files are the system's notes (.DS_Store), not data.
        if name.hasPrefix(".") { continue }
        let absolute = folder + "/" + name
        let path = prefix + name
        guard let status = FileSystem.look(absolute) else {
          if errno == ELOOP { throw StageFailure("\(absolute) is a link to itself", help: "remove that link") }
          Observations.current?.add(.status, absolute, nil)
          guard counts(name, source) else { continue }
          throw StageFailure(
            "\(absolute) is a link to something that does not exist", help: "mend or remove that link")
        }
        if status.isDirectory {
          Observations.current?.add(.status, absolute, status)
          if source.recursive { try visit(absolute, path + "/", status) }
        } else if status.isRegular, counts(name, source) {
          // Whoever hashes it notes its status.
          found.append((path, absolute, status))
        } else {
          Observations.current?.add(.status, absolute, status)
        }
      }
    }
    try visit(root, "", status)
    found.sort { naturallyPrecedes($0.path, $1.path) }
    var seen: [String: String] = [:]
    for (path, absolute, _) in found where !path.utf8.allSatisfy({ $0 < 0x80 }) {
      // Swift compares strings by canonical equivalence: two spellings of é are the same name.
      if let other = seen.updateValue(absolute, forKey: path) {
        throw StageFailure(
          "\(other) and \(absolute) differ only in how an accented letter is encoded", help: "rename one of them")
      }
    }
    return found
  }

  private static func counts(_ name: String, _ source: ExternalSource) -> Bool {
    guard !source.extensions.isEmpty else { return true }
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
    return source.extensions.contains(name[name.index(after: dot)...].lowercased())
  }
}
