import Basics
import Pipeline

/// The result of one stage of a run: its key, its files with their digests, and the keys of everything it was made from.
struct ShownStage {
  /// A result whose files are in the store; nil members where they no longer are.
  struct Result {
    var instance: String
    var key: Digest?
    var stored: Stored?

    struct Stored {
      var result: StageResult
      var ports: [(name: String, reference: ArtifactReference)]
    }
  }

  private static let mostFiles = 50
  private let run: RunInfo
  private let store: Store
  private let own: Result
  private let sources: [Result]

  /// - Throws: `Diagnostic` when the run has no result of the stage.
  init(_ stage: String, of run: RunInfo, store: Store) throws {
    self.run = run
    self.store = store
    guard run.keys[stage] != nil else {
      throw Diagnostic(
        "run \(run.id) has no result of `\(stage)`", help: suggestion(for: stage, among: Array(run.keys.keys)))
    }
    func result(_ instance: String) throws -> Result {
      let key = run.keys[instance]
      let stored = try key.flatMap { try store.result($0) }
      return Result(
        instance: instance, key: key,
        stored: stored.map { result in
          .init(result: result, ports: result.outputs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        })
    }
    own = try result(stage)
    sources = try RunChain(run).sources(of: stage).map(result)
  }

  /// Lines for a terminal.
  var text: String {
    get throws {
      var text = "\(own.instance)\n  key \(own.key?.hex ?? "")\n"
      guard let stored = own.stored else { return text + "  its result is no longer in the store\n" }
      let made = stored.result.made
      text += "  made \(made.time) in \(durationText(made.seconds)) by run \(made.run)\n"
      if !made.hardware.isEmpty { text += "  on \(made.hardware.text)\n" }
      for (port, reference) in stored.ports {
        text +=
          "  \(port): \(reference.kind), \(reference.count) \(reference.layout.rawValue), \(byteText(reference.bytes)), "
        text += "digest \(reference.digest.hex)\n"
        let files = try files(reference)
        for (path, file) in files.prefix(Self.mostFiles) {
          text += "    \(file.digest.short)  \(path)  \(file.url.path)\n"
        }
        if files.count > Self.mostFiles { text += "    and \(files.count - Self.mostFiles) more\n" }
      }
      if !sources.isEmpty { text += "made from\n" }
      for source in sources {
        guard let key = source.key, let stored = source.stored else {
          text += "  \(source.instance): no longer in the store\n"
          continue
        }
        text += "  \(source.instance)  key \(key.hex)\n"
        for (port, reference) in stored.ports {
          text +=
            "    \(port): \(reference.kind), \(reference.count) \(reference.layout.rawValue), digest \(reference.digest.hex)\n"
        }
      }
      return text + stored.result.preimage.pretty + "\n"
    }
  }

  /// Everything of the text, and every file.
  var json: JSON {
    get throws {
      var members = try describe(own, files: true)
      members["schema_version"] = 1
      members["run"] = .string(run.id)
      members["made_from"] = .array(try sources.map { .object(try describe($0, files: false)) })
      if let stored = own.stored {
        let made = stored.result.made
        members["made"] = ["time": .string(made.time), "seconds": .double(made.seconds), "run": .string(made.run)]
        members["preimage"] = stored.result.preimage
      }
      return .object(members)
    }
  }

  private func describe(_ item: Result, files withFiles: Bool) throws -> [String: JSON] {
    var members: [String: JSON] = [
      "stage": .string(item.instance), "key": item.key.map { .string($0.hex) } ?? .null,
      "stored": .bool(item.stored != nil),
    ]
    guard let stored = item.stored else { return members }
    members["outputs"] = .array(
      try stored.ports.map { port, reference in
        var output: [String: JSON] = [
          "port": .string(port), "kind": .string("\(reference.kind)"), "layout": .string(reference.layout.rawValue),
          "count": .int(reference.count), "bytes": .int(reference.bytes), "digest": .string(reference.digest.hex),
        ]
        if withFiles {
          output["files"] = .array(
            try files(reference).map { path, file in
              ["path": .string(path), "digest": .string(file.digest.hex), "file": .string(file.url.path)]
            })
        }
        return .object(output)
      })
    return members
  }

  private func files(_ reference: ArtifactReference) throws -> [(String, StoredFile)] {
    try store.artifact(reference).files.sorted { naturallyPrecedes($0.key, $1.key) }.map { ($0.key, $0.value) }
  }
}
