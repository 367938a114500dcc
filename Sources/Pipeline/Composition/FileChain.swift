import Basics
import Foundation

/// A pipeline file with the files it extends, merged into one document, each value still with its own mark.
struct FileChain {
  private(set) var document = Node(.mapping([]))
  /// Base first.
  private(set) var files: [SpecificationFile] = []
  /// Each file's own root, base first.
  private(set) var roots: [Node] = []
  var merge = Merge()
  private(set) var diagnostics: [Diagnostic] = []
  /// False when a file is missing or could not be read to its end.
  private(set) var isComplete = true
  /// Display names of the files being read, to notice cycles.
  private var open: [String] = []
  private let directory: String

  /// - Parameters:
  ///   - file: path as the user wrote it, absolute or relative to `directory`.
  init(file: String, directory: String) {
    self.directory = directory
    let chain = read(FileChain.normalise(file), from: nil)
    for root in chain {
      roots.append(root)
      document = document.mark == nil ? root : merge.mergeDocument(document, root)
    }
  }

  /// Reads a file and its bases; base first.
  private mutating func read(_ name: String, from mark: Mark?) -> [Node] {
    if open.contains(name) {
      let path = (open.drop { $0 != name } + [name]).joined(separator: " -> ")
      diagnostics.append(Diagnostic("files extend each other: \(path)", at: mark))
      isComplete = false
      return []
    }
    if open.count >= 32 {
      diagnostics.append(Diagnostic("more than 32 files extend one another", at: mark))
      isComplete = false
      return []
    }
    guard let text = contents(of: name, from: mark) else {
      isComplete = false
      return []
    }
    let result = YAMLReader.read(text, file: name)
    let shown = result.node == nil ? Self.head(text, result.diagnostics) : text[...]
    files.insert(SpecificationFile(name: name, text: String(decoding: shown, as: UTF8.self)), at: 0)
    diagnostics += result.diagnostics
    guard let root = result.node else {
      isComplete = false
      return []
    }
    guard case .mapping = root.content else {
      isComplete = false
      diagnostics.append(
        Diagnostic("a pipeline file is a map, not \(root.typeName)", at: root.mark, help: "start with `version: 1`"))
      return []
    }
    let own = VariantCombinations.expandStages(of: root, &merge)
    guard let base = root["extends"] else { return [own] }
    guard case .string(let path) = base.content, !path.isEmpty else {
      diagnostics.append(Diagnostic("`extends` names one file, not \(base.typeName)", at: base.mark))
      isComplete = false
      return [own]
    }
    open.append(name)
    defer { open.removeLast() }
    return read(FileChain.join(path, besides: name), from: base.mark) + [own]
  }

  /// The part of a text that cannot be read to its end which messages show: it may be huge, such as one nested 10,000 deep.
  private static func head(_ text: [UInt8], _ diagnostics: [Diagnostic]) -> ArraySlice<UInt8> {
    let last = diagnostics.flatMap { [$0.mark] + $0.notes.map(\.mark) }.compactMap { $0?.line }.max() ?? 1
    var end = 0
    // YAML has more ends of lines than this one, so this is never too short.
    for _ in 0..<last {
      guard let newline = text[end...].firstIndex(of: 0x0a) else { return text[...] }
      end = newline + 1
    }
    return text[..<end]
  }

  private mutating func contents(of name: String, from mark: Mark?) -> [UInt8]? {
    let path = FileChain.absolute(name, in: directory)
    guard let status = FileSystem.status(path) else {
      diagnostics.append(Diagnostic("there is no file \(name)", at: mark, help: nearestFile(to: path)))
      return nil
    }
    if status.isDirectory {
      diagnostics.append(Diagnostic("\(name) is a folder, not a pipeline file", at: mark))
      return nil
    }
    // A pipe or a device would be waited for, or read without end.
    guard status.isRegular else {
      diagnostics.append(Diagnostic("\(name) is a pipe, a socket or a device, not a file", at: mark))
      return nil
    }
    guard status.size <= InputBudget.PipelineFile.bytes else {
      diagnostics.append(
        Diagnostic(
          "\(name) has \(status.size) bytes; a pipeline file may have \(InputBudget.PipelineFile.bytes)", at: mark))
      return nil
    }
    do {
      guard let data = try FileSystem.read(path) else { throw FileProblem("read", path, code: ENOENT) }
      return [UInt8](data)
    } catch {
      let reason = (error as? FileProblem).map { String(cString: strerror($0.code)) } ?? "\(error)"
      diagnostics.append(Diagnostic("cannot read \(name): \(reason)", at: mark))
      return nil
    }
  }

  private func nearestFile(to path: String) -> String? {
    let url = URL(fileURLWithPath: path)
    // A folder that cannot be listed has nothing to suggest.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.deletingLastPathComponent().path)) ?? []
    let candidates = names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }
    let near = suggestion(for: url.lastPathComponent, among: candidates)
    return candidates.count <= 8 || near?.hasPrefix("did you mean") == true ? near : nil
  }

  /// Merges one more layer, such as a profile's or an override's, over everything read so far.
  mutating func apply(_ layer: Node) { document = merge.mergeDocument(document, layer) }

  // MARK: - Paths

  /// `path` as written inside the file `name`; absolute and home paths stay what they are.
  static func join(_ path: String, besides name: String) -> String {
    let expanded = expandHome(path)
    if expanded.hasPrefix("/") { return expanded }
    guard let slash = name.lastIndex(of: "/") else { return normalise(expanded) }
    return normalise(String(name[...slash]) + expanded)
  }

  static func absolute(_ path: String, in directory: String) -> String {
    let expanded = expandHome(path)
    return normalise(expanded.hasPrefix("/") ? expanded : directory + "/" + expanded)
  }

  static func expandHome(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/") else { return path }
    return NSHomeDirectory() + path.dropFirst()
  }

  /// Removes `.` and resolves `..` by name, as people read paths.
  static func normalise(_ path: String) -> String {
    let isAbsolute = path.hasPrefix("/")
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == "..", let last = parts.last, last != ".." {
        parts.removeLast()
      } else if part == "..", isAbsolute {
        continue
      } else {
        parts.append(part)
      }
    }
    let joined = parts.joined(separator: "/")
    return isAbsolute ? "/" + joined : (joined.isEmpty ? "." : joined)
  }
}
