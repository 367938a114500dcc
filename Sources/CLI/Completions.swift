import ArgumentParser
import Pipeline
import Stages

/// Completions that look into the pipeline file on the command line.
enum Completions {
  /// Stage and instance names of the file.
  static let stages = CompletionKind.custom { arguments, _, prefix in
    names(arguments).filter { $0.hasPrefix(prefix) }
  }

  /// Stage types of the catalogue.
  static let stageTypes = CompletionKind.custom { _, _, prefix in
    StageCatalogue.standard.stages.map { $0.type.rawValue }.filter { $0.hasPrefix(prefix) }
  }

  /// Names in the first argument that is a pipeline file; nothing when it cannot be read, because a completion has no
  /// place for an error.
  static func names(_ arguments: [String]) -> [String] {
    guard let file = arguments.first(where: { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }),
      let pipeline = try? Specification.load(file: file, catalogue: .standard)
    else { return [] }
    var seen: Set<String> = []
    return (pipeline.stageNames + pipeline.instances.map(\.id)).filter { seen.insert($0).inserted }
  }
}
