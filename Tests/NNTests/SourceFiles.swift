import Foundation

/// The Swift files of a folder of `Sources/NN`, by name.
func sources(_ folder: String) throws -> [(name: String, text: String)] {
  let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  let files = try FileManager.default.contentsOfDirectory(
    at: root.appending(path: "Sources/NN/\(folder)"), includingPropertiesForKeys: nil)
  return try files.filter { $0.pathExtension == "swift" }.sorted { $0.path < $1.path }.map {
    ($0.lastPathComponent, try String(contentsOf: $0, encoding: .utf8))
  }
}
