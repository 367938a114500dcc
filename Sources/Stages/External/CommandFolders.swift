import Basics
import Foundation
import Pipeline

/// The folders a program sees: inputs/<port>, files/<name>, outputs/<port>. Inputs are copies, since a program may write
/// where it should only read.
struct CommandFolders {
  let root: URL

  func input(_ port: String) -> URL { root.appending(path: "inputs/\(port)") }
  func file(_ name: String) -> URL { root.appending(path: "files/\(name)") }
  func output(_ port: String) -> URL { root.appending(path: "outputs/\(port)") }

  /// Files lie as they are named; samples as <sample>/<role> with a record.json; several artifacts each under its instance.
  func materialise(_ artifacts: [LabelledArtifact], port: String) throws {
    try FileManager.default.createDirectory(at: input(port), withIntermediateDirectories: true)
    for labelled in artifacts {
      let base = artifacts.count == 1 ? input(port) : input(port).appending(path: labelled.instance)
      for (path, file) in labelled.artifact.files { try copy(file, to: base, path) }
      for sample in labelled.artifact.samples {
        for (role, file) in sample.files { try copy(file, to: base, "\(sample.name)/\(role)") }
        let record = base.appending(path: "\(sample.name)/record.json")
        try FileManager.default.createDirectory(
          at: record.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data((JSON.object(sample.record).pretty + "\n").utf8).write(to: record)
      }
    }
  }

  func materialise(_ files: [(path: String, file: StoredFile)], source: String) throws {
    for (path, file) in files { try copy(file, to: self.file(source), path) }
  }

  private func copy(_ file: StoredFile, to base: URL, _ path: String) throws {
    guard !path.split(separator: "/").contains("..") else { throw StageFailure("`\(path)` leads out of its folder") }
    let target = base.appending(path: path)
    try FileManager.default.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(contentsOf: file.url, options: .alwaysMapped).write(to: target)
  }

  /// Paths of all files below an output folder, in natural order. A link counts as what it points to, as long as that lies in
  /// the stage's own folder: anything else is not the program's output.
  /// - Throws: `StageFailure` for links that lead elsewhere, nowhere or in a circle, for names that are not UTF-8, and for
  ///   what is neither file nor folder: nothing that a program wrote is left out in silence.
  func writtenFiles(_ port: String) throws -> [String] {
    let folder = output(port).path
    let own = try Self.realPath(root.path)
    var paths: [String] = []
    // Folders still to be listed, each with the real paths of those on the way to it.
    var pending: [(relative: String, above: [String])] = [("", [])]
    while let (relative, above) = pending.popLast() {
      let here = relative.isEmpty ? folder : "\(folder)/\(relative)"
      let real = try Self.realPath(here)
      guard !above.contains(real) else {
        throw StageFailure(
          "{output:\(port)}: `\(relative)` is a link to a folder that holds it", help: "write files, or links to files")
      }
      for name in try Self.names(in: here, port) {
        let path = relative.isEmpty ? name : "\(relative)/\(name)"
        switch try kind(of: path, in: folder, port, own: own) {
        case S_IFREG: paths.append(path)
        case S_IFDIR: pending.append((path, above + [real]))
        default:
          throw StageFailure(
            "{output:\(port)}: `\(path)` is neither a file nor a folder", help: "let the program remove it at its end")
        }
      }
    }
    return paths.sorted(by: naturallyPrecedes)
  }

  /// The kind of a file, that of its target for a link.
  /// - Parameter own: the real path of the stage's folder, which no link may leave.
  private func kind(of path: String, in folder: String, _ port: String, own: String) throws -> mode_t {
    let place = "\(folder)/\(path)"
    var status = stat()
    guard lstat(place, &status) == 0 else {
      throw StageFailure("{output:\(port)}: `\(path)` cannot be read: \(String(cString: strerror(errno)))")
    }
    guard status.st_mode & S_IFMT == S_IFLNK else { return status.st_mode & S_IFMT }
    guard stat(place, &status) == 0 else {
      // Where a link leads is shown as far as it can be read.
      let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: place)) ?? "somewhere"
      throw StageFailure(
        "{output:\(port)}: `\(path)` is a link to \(target), which is not there",
        help: "let the program write the file itself, or remove the link")
    }
    let target = try Self.realPath(place)
    guard target == own || target.hasPrefix(own + "/") else {
      throw StageFailure(
        "{output:\(port)}: `\(path)` is a link to \(target), outside the stage's folder",
        help: "copy the file there, or declare it under `files` and link to {file:<name>}")
    }
    return status.st_mode & S_IFMT
  }

  static func realPath(_ path: String) throws -> String {
    guard let real = realpath(path, nil) else {
      throw StageFailure("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { free(real) }
    return String(cString: real)
  }

  private static func names(in folder: String, _ port: String) throws -> [String] {
    guard let directory = opendir(folder) else {
      throw StageFailure("\(folder) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw StageFailure(
          "{output:\(port)}: the name `\(String(decoding: bytes, as: UTF8.self))` is not UTF-8",
          help: "let the program write names in UTF-8 (for example with LC_ALL=C.UTF-8 in `environment`)")
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}

/// Fills {input:photos} and its like.
struct Placeholders {
  var inputs: Set<String>
  /// Paths below each declared file or folder; a single file has one path without `/`.
  var files: [String: [String]]
  var folders: CommandFolders
  var threads: Int
  var seed: UInt64

  /// The names between braces that look like placeholders; other braces are left alone.
  static func names(in text: String) -> [String] {
    var names: [String] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      rest = rest[rest.index(after: open)...]
      guard let end = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) else { break }
      if rest[end] == "}", isName(rest[..<end]) { names.append(String(rest[..<end])) }
      rest = rest[end...]
    }
    return names
  }

  /// `threads`, `seed`, or `input:`, `output:` or `file:` with a name.
  private static func isName(_ text: Substring) -> Bool {
    if text == "threads" || text == "seed" { return true }
    return ["input:", "output:", "file:"].contains { text.hasPrefix($0) && text.count > $0.count }
      && !text.contains("/")
  }

  func fill(_ text: String) throws -> String {
    var result = text
    for name in Set(Self.names(in: text)) {
      let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
      let value: String
      switch parts[0] {
      case "threads": value = String(threads)
      case "seed": value = String(seed)
      case "output": value = folders.output(parts[1]).path
      case "file":
        let paths = files[parts[1]] ?? []
        let single = paths.count == 1 && !paths[0].contains("/")
        value = (single ? folders.file(parts[1]).appending(path: paths[0]) : folders.file(parts[1])).path
      default:
        guard inputs.contains(parts[1]) else {
          throw StageFailure(
            "{\(name)}: this stage has no input `\(parts[1])`",
            help: inputs.isEmpty ? "declare it under `inputs`" : suggestion(for: parts[1], among: inputs.sorted()))
        }
        value = folders.input(parts[1]).path
      }
      result = result.replacing("{\(name)}", with: value)
    }
    return result
  }
}
