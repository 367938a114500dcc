import Reporting

/// Charts of training histories: every run in one chart for each quantity.
struct CurveFigures {
  var histories: [TrainingHistory]

  private struct Quantity {
    /// Columns that hold it, under their printed names; the first found counts.
    var columns: KeyValuePairs<String, String>
    var scale: Axis.Scale
    var best: Table.Column.Best?
  }

  private static let quantities = [
    Quantity(
      columns: [
        "val_l1": "Validation L1, masked", "validation_l1": "Validation L1", "val_masked_l1": "Validation L1, masked",
        "val_loss": "Validation loss",
      ], scale: .log, best: .lowest),
    Quantity(columns: ["train_loss": "Training loss", "loss": "Training loss"], scale: .log, best: nil),
    Quantity(
      columns: [
        "val_psnr": "Validation PSNR (dB)", "validation_psnr": "Validation PSNR (dB)", "psnr": "Validation PSNR (dB)",
      ], scale: .linear, best: .highest),
    Quantity(columns: ["lr": "Learning rate", "learning_rate": "Learning rate"], scale: .linear, best: nil),
  ]

  var figures: [ReportDocument.Figure] { Self.quantities.compactMap(figure) }

  private func figure(_ quantity: Quantity) -> ReportDocument.Figure? {
    let available = histories.flatMap(\.order)
    guard let (column, title) = quantity.columns.first(where: { available.contains($0.key) }) else { return nil }
    let names = histories.map(\.name)
    let unique = Set(names).count == names.count
    let series = histories.compactMap { history -> LineChart.Series? in
      guard let values = history.columns[column], values.contains(where: \.isFinite) else { return nil }
      let x = history.columns["epoch"] ?? history.columns["step"] ?? values.indices.map { Double($0 + 1) }
      return .init(unique ? history.name : history.instance, x: x, y: values)
    }
    guard let first = series.first, series.contains(where: { $0.y.count > 1 }) else { return nil }
    // Curves that lie on one another, such as a common schedule, are one.
    let areAlike = series.count > 1 && series.allSatisfy { $0.x == first.x && $0.y == first.y }
    let shown = areAlike ? [LineChart.Series("all runs", x: first.x, y: first.y)] : series
    return .init(
      id: "curve-" + slug(column),
      chart: LineChart(
        title: title, xTitle: "epoch", yTitle: title, yScale: quantity.scale, series: shown, best: quantity.best),
      caption: "By epoch. The marker is the \(quantity.best == nil ? "last" : "best").",
      table: quantity.best.map { table(series, title, $0) })
  }

  private func table(_ series: [LineChart.Series], _ title: String, _ best: Table.Column.Best) -> Table {
    Table(
      caption: "\(title): first, best and last epoch.",
      columns: [
        .init("Run"), .init("first", decimals: 5), .init("best", decimals: 5, best: best), .init("at epoch"),
        .init("last", decimals: 5),
      ],
      rows: series.map { line in
        let finite = line.y.indices.filter { line.y[$0].isFinite }
        let at = best == .lowest ? finite.min { line.y[$0] < line.y[$1] } : finite.max { line.y[$0] < line.y[$1] }
        return [
          .text(line.name), line.y.first.map { .number($0) } ?? .missing, at.map { .number(line.y[$0]) } ?? .missing,
          at.map { .integer(Int(line.x[$0])) } ?? .missing, line.y.last.map { .number($0) } ?? .missing,
        ]
      })
  }
}
