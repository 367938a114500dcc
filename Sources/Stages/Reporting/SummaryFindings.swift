import Reporting

/// The first section of a report: findings of all its evaluations together, then those of each alone.
struct SummaryFindings {
  struct Group {
    /// The evaluation; nil: all of them.
    var instance: String?
    var warnings: [String]
    var sentences: [String]
  }

  /// The big numbers at the top, those of the first evaluation.
  let facts: [ReportDocument.Fact]
  /// Findings of scoring the same maps under several protocols.
  let protocols: [String]
  private(set) var groups: [Group] = []

  init(_ evaluations: [Evaluation]) {
    let found = evaluations.map { EvaluationFindings(EvaluationFigures($0)) }
    facts = found.first?.facts ?? []
    protocols = MetricAgreement(evaluations: evaluations).sentences
    func common(_ lines: KeyPath<EvaluationFindings, [String]>) -> [String] {
      found.first?[keyPath: lines].filter { line in found.allSatisfy { $0[keyPath: lines].contains(line) } } ?? []
    }
    var all = Group(instance: nil, warnings: common(\.warnings), sentences: common(\.sentences))
    for (evaluation, found) in zip(evaluations, found) {
      let own = Group(
        instance: evaluation.instance, warnings: found.warnings.filter { !all.warnings.contains($0) },
        sentences: found.sentences.filter { !all.sentences.contains($0) })
      if !own.warnings.isEmpty || !own.sentences.isEmpty { groups.append(own) }
    }
    if Set(evaluations.map { $0.result.protocol }).count > 1 {
      all.warnings.append(
        "this report shows evaluations under different protocols; their numbers must not be compared.")
    }
    if !all.warnings.isEmpty || !all.sentences.isEmpty { groups.insert(all, at: 0) }
  }

  /// Lines for a terminal.
  var text: String {
    var lines = protocols
    for group in groups {
      let place = group.instance.map { $0 + ": " } ?? ""
      lines += group.warnings.map { "Note: " + place + $0 } + group.sentences.map { place + $0 }
    }
    return lines.map { "- " + $0 + "\n" }.joined()
  }

  /// Blocks for a page.
  var blocks: [ReportDocument.Block] {
    var blocks: [ReportDocument.Block] = []
    if !protocols.isEmpty { blocks += [.heading("What follows from the protocols"), .bullets(protocols)] }
    for group in groups {
      if let instance = group.instance {
        blocks.append(.heading(instance))
      } else if !protocols.isEmpty {
        blocks.append(.heading("Under every protocol"))
      }
      blocks += group.warnings.map { .warning($0) }
      if !group.sentences.isEmpty { blocks.append(.bullets(group.sentences)) }
    }
    return blocks.isEmpty ? [.paragraph("No evaluation was given to this report.")] : blocks
  }
}
