import Foundation

/// Data that lies beside the repository on a developer's machine; tests that need it are skipped where it is absent.
enum SharedData {
  static let root = URL(
    filePath: ProcessInfo.processInfo.environment["SHARED_DIR"] ?? "../shared",
    relativeTo: URL(filePath: FileManager.default.currentDirectoryPath, directoryHint: .isDirectory)
  ).absoluteURL

  static func folder(_ name: String) -> URL { root.appending(path: "data/\(name)") }
  static let isThere = FileManager.default.fileExists(atPath: folder("facelift-faces-tiny").path)
}
