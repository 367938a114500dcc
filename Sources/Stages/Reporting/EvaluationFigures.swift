import NN
import Reporting

/// Tables and charts of one evaluation.
struct EvaluationFigures {
  let evaluation: Evaluation
  /// Put before identifiers when a report shows several evaluations.
  let prefix: String

  var result: EvaluationResult { evaluation.result }

  init(_ evaluation: Evaluation, prefix: String = "") {
    self.evaluation = evaluation
    self.prefix = prefix
  }

  // MARK: - Who is who

  /// Methods with a declared training set: the rows of the cross table.
  var trained: [MethodRecord] { result.methods.filter { $0.trainedOn != nil } }
  /// Interpolation and whatever else has no model: what a network must beat.
  var baselines: [MethodRecord] { result.methods.filter { $0.trainedOn == nil && $0.model == nil } }
  /// The metric that ranks: the catalogue's first where it was measured.
  var mainMetric: MetricRecord? {
    let first = MetricCatalogue.metrics(.standard).first?.id
    return result.metrics.first { $0.id == first } ?? result.metrics.first
  }
  /// Whether there is a matrix worth drawing.
  var isCross: Bool { trained.count > 1 && result.tests.count > 1 }

  /// Metrics over the protocol's own region, for the tables people compare.
  var mainMetrics: [MetricRecord] {
    let found = result.metrics.filter { !$0.isOverWholeView }
    return found.isEmpty ? result.metrics : found
  }
  /// Metrics over the whole view, and all others that are not main.
  var otherMetrics: [MetricRecord] { result.metrics.filter { !mainMetrics.contains($0) } }

  func test(_ id: String) -> TestSetRecord? { result.tests.first { $0.id == id } }

  /// Networks by what they were trained on where that tells them apart, else by name.
  func rowName(_ method: MethodRecord) -> String {
    let home = method.trainedOn ?? ""
    let shared = trained.filter { $0.trainedOn == home }.count > 1
    return shared ? networkName(method) : test(home)?.name ?? Titles.degradation(home)
  }

  /// A method with its kind of network, such as `UNet (render)`, unless its name says so already.
  func networkName(_ method: MethodRecord) -> String {
    guard let model = method.model.map(ModelCatalogue.title), !method.name.contains(model) else { return method.name }
    return method.name.isEmpty ? model : "\(model) (\(method.name))"
  }

  /// The network trained on a test set's own degradation: of the same model and seed, else the first.
  func home(of test: TestSetRecord, like method: MethodRecord) -> MethodRecord? {
    let candidates = trained.filter { $0.trainedOn == test.id }
    return candidates.first { $0.model == method.model && $0.seed == method.seed && $0.parameters == method.parameters }
      ?? candidates.first
  }

  /// Networks with the test set of their own degradation.
  var matched: [(method: MethodRecord, test: TestSetRecord)] {
    trained.compactMap { method in method.trainedOn.flatMap { test($0) }.map { (method, $0) } }
  }

  /// The best method without training on a test set.
  func baseline(on test: String, _ metric: MetricRecord) -> (method: MethodRecord, value: Double)? {
    let values = baselines.compactMap { method in
      result.value(method.id, on: test, metric.id, metric.aggregations[0]).map { (method: method, value: $0) }
    }
    return metric.higherIsBetter ? values.max { $0.value < $1.value } : values.min { $0.value < $1.value }
  }

  func title(_ metric: MetricRecord) -> String { metric.title + (metric.unit.map { " (\($0))" } ?? "") }

  // MARK: - Heat maps

  private var framed: [Int: Int] {
    var framed: [Int: Int] = [:]
    for (r, method) in trained.enumerated() {
      if let column = result.tests.firstIndex(where: { $0.id == method.trainedOn }) { framed[r] = column }
    }
    return framed
  }

  func heatMap(_ metric: MetricRecord) -> ReportDocument.Figure {
    let aggregation = metric.aggregations[0]
    let values = trained.map { method in
      result.tests.map { result.value(method.id, on: $0.id, metric.id, aggregation) }
    }
    let map = HeatMap(
      title: title(metric), rowTitle: "trained on", columnTitle: "tested on", rows: trained.map(rowName),
      columns: result.tests.map(\.name), values: values, decimals: metric.decimals, unit: metric.unit,
      colours: .sequential(higherIsBetter: metric.higherIsBetter), framed: framed)
    return figure(
      "cross-\(metric.id)", map,
      "\(metric.title), \(MetricAggregation.title(aggregation)). Framed: trained and tested on the same degradation. "
        + "Bold and underlined: best of its column.", metric)
  }

  /// The loss against the network that was trained on the degradation it is tested on.
  func differences(_ metric: MetricRecord) -> ReportDocument.Figure {
    let aggregation = metric.aggregations[0]
    let values = trained.map { method in
      result.tests.map { test -> Double? in
        guard let home = home(of: test, like: method),
          let reference = result.value(home.id, on: test.id, metric.id, aggregation),
          let value = result.value(method.id, on: test.id, metric.id, aggregation)
        else { return nil }
        let difference = value - reference
        return difference.isNaN ? 0 : difference  // both perfect: no difference
      }
    }
    let map = HeatMap(
      title: "\(metric.title) against matched training" + (metric.unit.map { " (\($0))" } ?? ""),
      rowTitle: "trained on", columnTitle: "tested on", rows: trained.map(rowName), columns: result.tests.map(\.name),
      values: values, decimals: metric.decimals, unit: metric.unit,
      colours: .diverging(higherIsBetter: metric.higherIsBetter), framed: framed)
    return figure(
      "cross-\(metric.id)-difference", map,
      "Difference to the network trained on the column's degradation (framed, 0 by definition): the price of training on "
        + "the wrong one.", metric, signed: true)
  }

  private func figure(
    _ id: String, _ map: HeatMap, _ caption: String, _ metric: MetricRecord, signed: Bool = false
  ) -> ReportDocument.Figure {
    let best: Table.Column.Best? = signed ? nil : metric.higherIsBetter ? .highest : .lowest
    let table = Table(
      caption: "\(map.title): rows trained on, columns tested on.",
      columns: [.init("Trained on")]
        + map.columns.map { .init($0, decimals: metric.decimals, best: best, signed: signed) },
      rows: map.rows.indices.map { r in
        [.text(map.rows[r])] + map.values[r].map { value in value.map { .number($0) } ?? .missing }
      }, notes: [protocolNote])
    return .init(id: prefix + id, chart: map, caption: caption, table: table)
  }

  // MARK: - Tables

  /// Every table names the protocol that its numbers were measured under.
  var protocolNote: String { "Protocol (\(result.protocol.name)): \(result.protocol.summary)" }

  private typealias MetricColumn = (column: Table.Column, metric: MetricRecord, aggregation: String)

  private func columns(_ metrics: [MetricRecord]) -> [MetricColumn] {
    metrics.flatMap { metric in
      metric.aggregations.map { aggregation in
        let several = metric.aggregations.count > 1
        let column = Table.Column(
          several ? MetricAggregation.title(aggregation) : metric.title, unit: metric.unit,
          group: several ? metric.title : nil, decimals: metric.decimals,
          best: metric.higherIsBetter ? .highest : .lowest)
        return (column, metric, aggregation)
      }
    }
  }

  private func values(
    _ method: MethodRecord, on test: TestSetRecord, _ columns: [MetricColumn], deviations: Bool
  ) -> [Table.Cell] {
    columns.map { _, metric, aggregation -> Table.Cell in
      guard let cell = result.cell(method.id, on: test.id, metric.id, aggregation) else { return .missing }
      if deviations, let deviation = cell.deviation { return .deviation(cell.value, deviation) }
      return .number(cell.value)
    }
  }

  func sectionTitle(_ test: TestSetRecord) -> String {
    "\(test.name) · \(test.samples) \(test.samples == 1 ? "sample" : "samples")"
  }

  /// Each network on its own degradation beside the methods without training.
  var matchedTable: Table {
    let columns = columns(mainMetrics)
    return Table(
      caption: "Every method on the degradation it was made for.",
      columns: [.init("Method"), .init("Parameters")] + columns.map(\.column),
      sections: result.tests.map { test in
        let methods = result.methods.filter { $0.trainedOn == nil || $0.trainedOn == test.id }
        return .init(
          title: sectionTitle(test),
          rows: methods.map { method in
            [.text(shortName(method)), method.parameters.map { .count($0) } ?? .missing]
              + values(method, on: test, columns, deviations: false)
          })
      }, sectionTitle: "Test set", notes: [protocolNote])
  }

  /// Every method on every test set by some metrics, with the standard deviation over samples.
  func fullTable(_ metrics: [MetricRecord], caption: String) -> Table {
    let columns = columns(metrics)
    return Table(
      caption: "\(caption) Mean ± standard deviation over samples where given.",
      columns: [.init("Method"), .init("Trained on"), .init("Parameters")] + columns.map(\.column),
      sections: result.tests.map { test in
        .init(
          title: sectionTitle(test),
          rows: result.methods.map { method in
            let home = method.trainedOn.map { id in self.test(id)?.name ?? Titles.degradation(id) }
            return [
              .text(shortName(method)), .text(home ?? "–"), method.parameters.map { .count($0) } ?? .missing,
            ] + values(method, on: test, columns, deviations: true)
          })
      }, sectionTitle: "Test set", notes: [protocolNote])
  }

  // MARK: - Charts

  /// Parameters against quality on a test set; nil unless networks differ in size.
  func scatter(on test: TestSetRecord) -> ReportDocument.Figure? {
    guard let metric = mainMetric else { return nil }
    let points = result.methods.compactMap { method -> ScatterChart.Point? in
      guard let parameters = method.parameters, parameters > 0,
        method.trainedOn == nil || method.trainedOn == test.id,
        let cell = result.cell(method.id, on: test.id, metric.id, metric.aggregations[0]), cell.value.isFinite
      else { return nil }
      return .init(shortName(method), x: Double(parameters) / 1e6, y: cell.value)
    }
    guard Set(points.map(\.x)).count > 1 else { return nil }
    let levels = baselines.compactMap { method in
      result.value(method.id, on: test.id, metric.id, metric.aggregations[0]).map {
        ScatterChart.Level(method.name, y: $0)
      }
    }
    return .init(
      id: prefix + "parameters",
      chart: ScatterChart(
        title: "Size against quality on \(test.name)", xTitle: "parameters (millions)", yTitle: title(metric),
        xScale: .log, points: points, levels: levels.filter { $0.y.isFinite }),
      caption: "\(metric.title), \(MetricAggregation.title(metric.aggregations[0])). "
        + "Dashed: methods without parameters.")
  }

  func scores(_ method: String, on test: String, _ metric: String) -> [SampleScore] {
    evaluation.samples.filter { $0.method == method && $0.test == test && $0.metric == metric }
  }

  /// The samples of each network on its own degradation, beside the best method without training.
  var distribution: ReportDocument.Figure? {
    guard let metric = mainMetric else { return nil }
    var groups: [DistributionChart.Group] = []
    var rows: [[Table.Cell]] = []
    func add(_ method: MethodRecord, _ test: TestSetRecord) {
      let values = scores(method.id, on: test.id, metric.id).map(\.value)
      guard values.filter(\.isFinite).count > 1, let box = DistributionChart.Box(values) else { return }
      let name = result.tests.count > 1 ? "\(test.name): \(shortName(method))" : method.name
      groups.append(.init(name, values: values, isReference: method.trainedOn == nil))
      rows.append(
        [.text(test.name), .text(networkName(method)), .integer(values.count)]
          + [box.least, box.lower, box.median, box.upper, box.most].map { .number($0) })
    }
    for test in result.tests {
      if let best = baseline(on: test.id, metric) { add(best.method, test) }
      for method in result.methods
      where method.trainedOn == test.id || (method.trainedOn == nil && method.model != nil) {
        add(method, test)
      }
    }
    guard !groups.isEmpty else { return nil }
    let columns = ["minimum", "lower quartile", "median", "upper quartile", "maximum"]
    return .init(
      id: prefix + "distribution",
      chart: DistributionChart(title: "\(metric.title) of single samples", valueTitle: title(metric), groups: groups),
      caption: "A dot is one sample. Boxes hold the middle half, the bar is the median, whiskers reach the last sample "
        + "within 1.5 box lengths.",
      table: Table(
        caption: "\(title(metric)) of single samples.",
        columns: [.init("Test set"), .init("Method"), .init("Samples")]
          + columns.map { .init($0, decimals: metric.decimals) }, rows: rows, notes: [protocolNote]))
  }

  /// `UNet` for `UNet (bicubic)` where the test set is named beside it.
  func shortName(_ method: MethodRecord) -> String {
    guard let home = method.trainedOn else { return method.name }
    let unique = trained.filter { $0.trainedOn == home }.count == 1
    return unique ? method.model.map(ModelCatalogue.title) ?? method.name : networkName(method)
  }
}
