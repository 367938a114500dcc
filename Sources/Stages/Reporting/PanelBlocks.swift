import Reporting

/// The pictures of an evaluation: for each network its best, median and worst sample.
struct PanelBlocks {
  var evaluation: Evaluation
  /// Put before identifiers when a report shows several evaluations.
  var prefix = ""

  private var result: EvaluationResult { evaluation.result }
  private var figures: EvaluationFigures { EvaluationFigures(evaluation) }

  /// The pictures in two lines, shapes above and depths below, so that what is compared stands side by side; the photo
  /// stands before both.
  private static let roles: [(role: String, caption: String)] = [
    ("photo", "Photo"), ("relief_input", "Interpolated, shaded"), ("relief_baseline", "Interpolated, shaded"),
    ("relief_prediction", "Network, shaded"), ("relief_truth", "Ground truth, shaded"), ("error", "Error, network"),
    ("input", "Input"), ("baseline", "Interpolated"), ("prediction", "Network"), ("truth", "Ground truth"),
    ("baseline_error", "Error, interpolated"), ("normals_prediction", "Normals"),
    ("normals_truth", "Normals, ground truth"),
  ]

  /// Nil when there are no pictures.
  var blocks: [ReportDocument.Block]? {
    var groups: [(method: String, test: String, panels: [PanelRecord])] = []
    for panel in result.panels {
      if let index = groups.firstIndex(where: { $0.method == panel.method && $0.test == panel.test }) {
        groups[index].panels.append(panel)
      } else {
        groups.append((panel.method, panel.test, [panel]))
      }
    }
    let order = ["best": 0, "median": 1, "worst": 2]
    var shown: [(title: String, block: ReportDocument.Block)] = []
    for group in groups {
      let method = result.methods.first { $0.id == group.method }.map(figures.networkName) ?? group.method
      let test = result.tests.first { $0.id == group.test }?.name ?? Titles.degradation(group.test)
      let sorted = group.panels.sorted { (order[$0.rank] ?? 3, $0.sample) < (order[$1.rank] ?? 3, $1.sample) }
      let rows = sorted.map { row($0, method: method) }.filter { !$0.images.isEmpty }
      guard !rows.isEmpty else { continue }
      let hasErrors = group.panels.contains { $0.errorLimit != nil }
      let scale = hasErrors ? ErrorScale(unit: "of the depth range") : nil
      shown.append(
        (
          "\(method), tested on \(test)",
          .panels(.init(id: "panels-\(prefix)\(shown.count + 1)", rows: rows, scale: scale))
        ))
    }
    guard let last = shown.last else { return nil }
    let intro =
      "Samples are chosen by rank, not by hand. Shaded pictures show the surface as if it were lit from the upper left; "
      + "the error maps of one sample share one scale, whose end stands in its heading."
    return [.paragraph(intro), .heading(last.title), last.block]
      + shown.dropLast().map { .details(summary: $0.title, [$0.block]) }
  }

  private func row(_ panel: PanelRecord, method: String) -> ReportDocument.ImagePanels.Row {
    let metric = result.metrics.first { $0.id == panel.metric }
    let value = Numbers.display(panel.value, metric?.decimals ?? 3) + (metric?.unit.map { " " + $0 } ?? "")
    let known = Self.roles.filter { panel.images[$0.role] != nil }
    let unknown = panel.images.keys.filter { role in !Self.roles.contains { $0.role == role } }.sorted()
      .map { (role: $0, caption: $0.replacing("_", with: " ")) }
    let images = (known + unknown).compactMap { role, caption -> ReportDocument.Picture? in
      guard let path = panel.images[role], var picture = evaluation.pictures[path] else { return nil }
      picture.caption = caption
      picture.alt = "\(caption) of sample \(panel.sample); \(method), \(panel.rank) sample"
      return picture
    }
    let rank = panel.rank.prefix(1).uppercased() + panel.rank.dropFirst()
    let limit = panel.errorLimit.map { ", errors up to \(Numbers.short($0, digits: 2))" } ?? ""
    return .init(title: "\(rank): \(panel.sample), \(metric?.title ?? panel.metric) \(value)\(limit)", images: images)
  }
}
