import Basics
import Reporting

/// Puts a report together from its material: the order of its sections.
struct ReportAssembly {
  var title: String
  var subtitle: String?
  var material: ReportMaterial

  var document: ReportDocument {
    var document = ReportDocument(title: title, subtitle: subtitle ?? defaultSubtitle)
    let several = material.evaluations.count > 1
    let findings = SummaryFindings(material.evaluations)
    document.facts = findings.facts
    document.sections.append(.init(id: "summary", title: "Summary", blocks: findings.blocks))
    document.sections.append(.init(id: "run", title: "Run", blocks: [.slot("run")]))

    if let first = material.evaluations.first {
      let tables = MetricAgreement(evaluations: material.evaluations).sideBySide(EvaluationFigures(first))
      if !tables.isEmpty {
        let intro =
          "The same maps under every protocol. Each column has its own protocol, which decides how large its numbers are: "
          + "differences between columns say nothing about methods."
        document.sections.append(
          .init(
            id: "protocols", title: "Protocols side by side",
            blocks: [.paragraph(intro)]
              + tables.enumerated().map { .table(id: "protocols-\($0.offset + 1)", $0.element) }))
      }
    }
    for (index, evaluation) in material.evaluations.enumerated() {
      document.sections += sections(evaluation, number: several ? index + 1 : nil)
    }
    let curves = CurveFigures(histories: material.histories).figures
    if !curves.isEmpty {
      let intro = "The weights that are evaluated are those of the best epoch by masked validation L1."
      document.sections.append(
        .init(id: "curves", title: "Training curves", blocks: [.paragraph(intro), .figures(curves)]))
    }
    if !material.extras.isEmpty {
      document.sections.append(
        .init(
          id: "tables", title: "Further tables",
          blocks: material.extras.map { .table(id: "extra-" + slug("\($0.instance)-\($0.file)"), extraTable($0)) }))
    }
    document.sections += protocolSections
    document.sections.append(.init(id: "provenance", title: "Provenance", blocks: [.slot("provenance")]))
    document.sections.append(digests)
    return document
  }

  private var defaultSubtitle: String {
    guard let first = material.evaluations.first?.result else { return "Depth-map super-resolution of faces." }
    return "Depth-map super-resolution of faces: \(first.methods.count) methods on \(first.tests.count) test "
      + "\(first.tests.count == 1 ? "set" : "sets")."
  }

  // MARK: - One evaluation

  private func sections(_ evaluation: Evaluation, number: Int?) -> [ReportDocument.Section] {
    let mark = number.map { "e\($0)-" } ?? ""
    let suffix = number == nil ? "" : ": \(evaluation.instance)"
    let figures = EvaluationFigures(evaluation, prefix: mark)
    let result = evaluation.result
    var sections: [ReportDocument.Section] = []

    if figures.isCross {
      let known = ["psnr", "l1"].compactMap { id in result.metrics.first { $0.id == id } }
      let shown = known.isEmpty ? Array(result.metrics.prefix(2)) : known
      let maps = shown.flatMap { [figures.heatMap($0), figures.differences($0)] }
      let intro =
        "Every network is trained on one degradation (rows) and tested on all of them (columns). "
        + result.protocol.summary
      var blocks: [ReportDocument.Block] = [.paragraph(intro), .figures(maps)]
      let others = result.metrics.filter { !shown.contains($0) }
      if !others.isEmpty {
        blocks.append(.details(summary: "The other metrics", [.figures(others.map(figures.heatMap))]))
      }
      sections.append(.init(id: mark + "cross", title: "Cross-degradation" + suffix, blocks: blocks))
    }

    var methods: [ReportDocument.Block] = []
    if !figures.matched.isEmpty { methods.append(.table(id: mark + "matched", figures.matchedTable)) }
    if let scatter = result.tests.compactMap({ figures.scatter(on: $0) }).last { methods.append(.figures([scatter])) }
    let full = ReportDocument.Block.table(
      id: mark + "all", figures.fullTable(figures.mainMetrics, caption: "All methods on all test sets."))
    methods.append(methods.isEmpty ? full : .details(summary: "All methods on all test sets", [full]))
    if let seeds = figures.seedTable { methods.append(.table(id: mark + "seeds", seeds)) }
    if let comparison = figures.comparisonTable { methods.append(.table(id: mark + "comparison", comparison)) }
    if let agreement = MetricAgreement.table(figures) { methods.append(.table(id: mark + "agreement", agreement)) }
    if let intervals = figures.intervalTable {
      methods.append(.details(summary: "95 % intervals", [.table(id: mark + "intervals", intervals)]))
    }
    if !figures.otherMetrics.isEmpty {
      let table = figures.fullTable(figures.otherMetrics, caption: "All methods on all test sets by the other metrics.")
      methods.append(.details(summary: "Other metrics", [.table(id: mark + "other", table)]))
    }
    sections.append(.init(id: mark + "methods", title: "Methods" + suffix, blocks: methods))

    if let distribution = figures.distribution {
      sections.append(
        .init(id: mark + "samples", title: "Single samples" + suffix, blocks: [.figures([distribution])]))
    }
    if let panels = PanelBlocks(evaluation: evaluation, prefix: mark).blocks {
      sections.append(.init(id: mark + "panels", title: "Best, median and worst" + suffix, blocks: panels))
    }
    return sections
  }

  private func extraTable(_ extra: ReportMaterial.ExtraTable) -> Table {
    let numeric = extra.header.indices.map { c in
      extra.rows.contains { !$0[c].isEmpty } && extra.rows.allSatisfy { $0[c].isEmpty || Double($0[c]) != nil }
    }
    return Table(
      caption: "\(extra.instance): \(extra.file)", columns: extra.header.map { .init($0, decimals: 4) },
      rows: extra.rows.map { row in
        row.indices.map { c in
          guard numeric[c] else { return .text(row[c]) }
          if let whole = Int(row[c]) { return .integer(whole) }
          return Double(row[c]).map { .number($0) } ?? .missing
        }
      })
  }

  // MARK: - What the numbers rest on

  private var protocolSections: [ReportDocument.Section] {
    guard !material.evaluations.isEmpty else { return [] }
    var blocks: [ReportDocument.Block] = [
      .paragraph(
        "Every number above was measured by one evaluation stage under the protocol below. The protocol is part of the "
          + "cache key: another protocol is another result.")
    ]
    for evaluation in material.evaluations {
      if material.evaluations.count > 1 { blocks.append(.heading(evaluation.instance)) }
      let record = evaluation.result.protocol
      blocks.append(.definitions([("Protocol", record.name)] + record.fields.map { ($0.name, $0.value) }))
    }
    return [.init(id: "protocol", title: "Protocol", blocks: blocks)]
  }

  private var digests: ReportDocument.Section {
    var blocks: [ReportDocument.Block] = [
      .paragraph("SHA-256 digests of the contents this report was made from; `pipeline show` traces them to files."),
      .table(
        id: "inputs",
        Table(
          caption: "Inputs of this report.", columns: [.init("Stage"), .init("Kind"), .init("Digest")],
          rows: material.inputs.map { [.text($0.instance), .text($0.kind), .text($0.digest)] })),
    ]
    for (index, evaluation) in material.evaluations.enumerated() {
      let scored = evaluation.result.methods.compactMap { method in method.digest.map { (method.name, "method", $0) } }
      let tests = evaluation.result.tests.compactMap { test in test.digest.map { (test.name, "test set", $0) } }
      guard !(scored + tests).isEmpty else { continue }
      blocks.append(
        .table(
          id: "measured-\(index + 1)",
          Table(
            caption: "What \(evaluation.instance) measured.",
            columns: [.init("Name"), .init("Role"), .init("Digest")],
            rows: (scored + tests).map { [.text($0.0), .text($0.1), .text($0.2)] })))
    }
    return .init(id: "digests", title: "Digests", blocks: blocks)
  }
}

/// Lower-case letters, digits and hyphens only, for anchors and file names.
func slug(_ text: String) -> String {
  String(text.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
}
