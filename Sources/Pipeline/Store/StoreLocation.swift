import Foundation

extension Store {
  /// Where the store of a pipeline file is: `explicit` (from `--store`), else `environment` (`PIPELINE_STORE`), else the
  /// nearest folder above the file that has `.pipeline`, else `.pipeline` beside the nearest `.git`, else beside the file.
  public static func location(explicit: String?, environment: String?, pipelineFile: String) -> String {
    if let explicit, !explicit.isEmpty { return FileSystem.absolute(explicit) }
    if let environment, !environment.isEmpty { return FileSystem.absolute(environment) }
    let start = (FileSystem.absolute(pipelineFile) as NSString).deletingLastPathComponent
    for marker in [".pipeline", ".git"] {
      var folder = start
      while true {
        if FileSystem.exists(folder + "/" + marker) { return (folder == "/" ? "" : folder) + "/.pipeline" }
        if folder == "/" { break }
        folder = (folder as NSString).deletingLastPathComponent
      }
    }
    return start + "/.pipeline"
  }

  /// Makes the folder and its notes for people, and removes what crashed processes left under `tmp`.
  /// - Throws: `FileProblem` when nothing can be written there; `StageFailure` for a store of another format, or whose locking
  ///   cannot be read.
  public func prepare() throws {
    try prepareFormat()
    try settleLocking()
    try temporary.removeLeftovers()
  }

  /// Makes the folder of a new store.
  /// - Throws: `StageFailure` for a store of another format.
  func prepareFormat() throws {
    let marker = root + "/format"
    if let found = try FileSystem.read(marker) {
      let text = String(decoding: found, as: UTF8.self)
      guard text == Self.format else {
        throw StageFailure(
          "\(root) has the format `\(text.split(separator: "\n").first ?? "")`, which this version cannot use",
          help: "choose another store with --store, or use the version that made it")
      }
    } else {
      try FileSystem.makeDirectories(root)
      try write(Data("*\n!/.gitignore\n!/approvals/\n!/approvals/**\n".utf8), to: root + "/.gitignore")
      try write(Data(Self.format.utf8), to: marker)
    }
  }

  static let format = "pipeline-store 1\n"
}
