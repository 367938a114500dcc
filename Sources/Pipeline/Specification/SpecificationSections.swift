import Basics
import Foundation

/// The sections of a file that need the finished instances, or are about its runs: targets, settings, comparison.
extension SpecificationLoader {
  mutating func targets(_ pipeline: ResolvedPipeline) -> [String] {
    let all = pipeline.instances.map(\.id)
    guard let node = chain.document["targets"] else { return all }
    var items: [Node]
    switch node.content {
    case .null: return all
    case .sequence(let found): items = found
    default: items = [node]
    }
    let substitution = Substitution(vars: chain.document["vars"], outer: .init())
    items = items.flatMap { item -> [Node] in
      let resolved = substitution.resolve(item, .init())
      if case .sequence(let inner) = resolved.content { return inner }
      return [resolved]
    }
    let failed = substitution.takeDiagnostics()
    diagnostics += failed
    guard failed.isEmpty else { return all }
    var seen: Set<String> = []
    var ids: [String] = []
    for item in items {
      guard case .string(let text) = item.content else {
        diagnostics.append(Diagnostic("a target is the name of a stage, not \(item.typeName)", at: item.mark))
        continue
      }
      do throws(Diagnostic) {
        for instance in try pipeline.select(text) where seen.insert(instance.id).inserted { ids.append(instance.id) }
      } catch {
        // Stages without a valid type have no instances; they are reported already.
        let stage = InstanceSelector(text).stage
        if chain.document["stages"]?[stage] != nil, !pipeline.instances.contains(where: { $0.stage == stage }) {
          continue
        }
        var problem = error
        problem.mark = item.mark
        diagnostics.append(problem)
      }
    }
    return ids
  }

  mutating func settings() -> PipelineSettings {
    guard let node = chain.document["settings"], node.json != .null else { return PipelineSettings() }
    if let word = node["remote_cache"]?.json.stringValue { check(remote: word, at: node["remote_cache"]?.mark) }
    do {
      let found = try RunSettings(parameter: node)
      return PipelineSettings(
        remoteCache: found.remoteCache, publish: found.publish, executor: found.executor, slurm: found.slurm.options,
        arithmetic: found.arithmetic)
    } catch let problems as ParameterProblems {
      diagnostics += problems.diagnostics
    } catch {
      diagnostics.append(Diagnostic("\(error)", at: node.mark))
    }
    return PipelineSettings()
  }

  /// A file is shared and kept with every run; a password does not belong there.
  private mutating func check(remote word: String, at mark: Mark?) {
    if word == "none" { return }
    do throws(Diagnostic) {
      guard try RemoteAddress(word).hasCredentials else { return }
      diagnostics.append(
        Diagnostic(
          "a pipeline file must not hold the password of a cache", at: mark,
          help: "put it into ~/.netrc, or set PIPELINE_REMOTE_CACHE to the whole address"))
    } catch {
      var problem = error
      problem.mark = mark
      diagnostics.append(problem)
    }
  }

  mutating func comparison(_ pipeline: ResolvedPipeline) -> ComparisonSettings? {
    guard let node = chain.document["compare"], node.json != .null else { return nil }
    let settings: CompareSettings
    do {
      settings = try CompareSettings(parameter: node)
    } catch let problems as ParameterProblems {
      diagnostics += problems.diagnostics
      return nil
    } catch {
      diagnostics.append(Diagnostic("\(error)", at: node.mark))
      return nil
    }
    let values = pipeline.dimensions.flatMap { $0.values.map { $0.stringValue ?? $0.canonical } }
    if let baseline = settings.baseline, !values.contains(baseline) {
      diagnostics.append(
        Diagnostic(
          "there is no variant `\(baseline)` to compare with", at: node["baseline"]?.mark,
          help: suggestion(for: baseline, among: values)))
    }
    if let table = settings.table {
      let reference = InstanceSelector.reference(table)
      let owners = reference.map { found in pipeline.instances.filter { $0.stage == found.selector.stage } } ?? []
      let outputs = owners.flatMap(\.outputs).map(\.name)
      if let reference, outputs.contains(reference.port) {
        return settings.comparison
      }
      diagnostics.append(
        Diagnostic(
          "`\(table)` does not name an output", at: node["table"]?.mark,
          help: owners.isEmpty
            ? suggestion(for: table, among: pipeline.stageNames)
            : suggestion(for: reference?.port ?? "", among: outputs)))
    }
    return settings.comparison
  }
}

extension CompareSettings {
  var comparison: ComparisonSettings {
    ComparisonSettings(baseline: baseline, metrics: metrics, aggregate: aggregate, table: table)
  }
}
