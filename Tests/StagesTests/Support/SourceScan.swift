import Foundation

/// Looks into the sources of this repository, for tests that nothing was left out of a catalogue.
enum SourceScan {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Types declared as conforming to a protocol, with the names of their files.
  static func types(conformingTo name: String, below folder: String) throws -> [(name: String, file: String)] {
    let declaration = try Regex(
      "(?m)^ *(?:public |package |private |fileprivate |final )*(?:struct|enum|class|actor) (\\w+)(?:<[^{]*>)?: ([^{]*)\\{",
      as: (Substring, Substring, Substring).self)
    return try files(below: folder).flatMap { url in
      try String(contentsOf: url, encoding: .utf8).matches(of: declaration).filter { match in
        match.output.2.split(separator: ",").contains {
          $0.trimmingPrefix(" ").split(separator: " ").first == name[...]
        }
      }.map { (String($0.output.1), url.lastPathComponent) }
    }
  }

  /// Swift files below a folder of the repository.
  static func files(below folder: String) throws -> [URL] {
    let base = root.appending(path: folder)
    return try FileManager.default.subpathsOfDirectory(atPath: base.path).filter { $0.hasSuffix(".swift") }.sorted()
      .map { base.appending(path: $0) }
  }
}
