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

  /// Paths of all regular files below a folder, in natural order. Links are not followed: what they point to is not the
  /// program's output.
  static func regularFiles(below folder: URL) throws -> [String] {
    var paths: [String] = []
    let manager = FileManager.default
    var pending = [""]
    while let relative = pending.popLast() {
      let here = relative.isEmpty ? folder : folder.appending(path: relative)
      for name in try manager.contentsOfDirectory(atPath: here.path) {
        let path = relative.isEmpty ? name : "\(relative)/\(name)"
        let type = try manager.attributesOfItem(atPath: folder.appending(path: path).path)[.type] as? FileAttributeType
        if type == .typeDirectory { pending.append(path) } else if type == .typeRegular { paths.append(path) }
      }
    }
    return paths.sorted(by: naturallyPrecedes)
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
