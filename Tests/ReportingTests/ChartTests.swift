import Foundation
import Reporting
import Testing

@Suite("Charts") struct ChartTests {
  static let heatMap = HeatMap(
    title: "PSNR (dB)", rowTitle: "trained on", columnTitle: "tested on", rows: ["bicubic", "render + 8-bit"],
    columns: ["bicubic", "render + 8-bit"], values: [[44.6, 43.1], [40.6, nil]], decimals: 1, unit: "dB",
    colours: .sequential(higherIsBetter: true), framed: [0: 0, 1: 1])

  static let charts: [(name: String, chart: any Chart)] = [
    ("heatmap", heatMap),
    (
      "difference",
      HeatMap(
        title: "Difference", rowTitle: "trained on", columnTitle: "tested on", rows: nastyNames, columns: nastyNames,
        values: nastyNames.indices.map { r in nastyNames.indices.map { c in Double(r - c) / 3 } }, decimals: 2,
        colours: .diverging(higherIsBetter: false))
    ),
    (
      "lines",
      LineChart(
        title: "Loss", xTitle: "epoch", yTitle: "L1", yScale: .log,
        series: nastyNames.enumerated().map { i, name in
          .init(
            name, x: [1, 2, 3, 4, 5], y: [0.5, 0.1, i == 2 ? .nan : 0.05, i == 3 ? 0 : 0.02, 0.01 * Double(i + 1)])
        }, best: .lowest)
    ),
    (
      "scatter",
      ScatterChart(
        title: "Size", xTitle: "parameters (millions)", yTitle: "PSNR (dB)", xScale: .log,
        points: nastyNames.enumerated().map { i, name in
          .init(name, x: 0.2 * Double(i + 1), y: 40 + Double(i % 4), deviation: 0.3)
        },
        levels: [.init("Bicubic <8-bit>", y: 41.7)])
    ),
    (
      "distribution",
      DistributionChart(
        title: "Samples", valueTitle: "PSNR (dB)",
        groups: nastyNames.enumerated().map { i, name in
          .init(name, values: (0..<20).map { 40 + Double(($0 * 7 + i) % 11) } + [.infinity])
        })
    ),
    (
      "graph",
      GraphChart(
        title: "Stages",
        nodes: zip(["photos", "maps", "train", "report", "gate"], GraphChart.State.allCases).map {
          .init(id: $0, title: $0, detail: "a <type> & more", state: $1, seconds: 12.5)
        },
        edges: [
          .init(from: "photos", to: "maps"), .init(from: "maps", to: "train"), .init(from: "photos", to: "report"),
          .init(from: "train", to: "report"), .init(from: "gate", to: "nowhere"), .init(from: "report", to: "photos"),
        ])
    ), ("scale", ErrorScale(limit: 0.02, unit: "of the depth range")),
  ]

  static let empty: [(name: String, chart: any Chart)] = [
    (
      "heatmap",
      HeatMap(
        title: "", rowTitle: "", columnTitle: "", rows: [], columns: [], values: [], decimals: 1,
        colours: .sequential(higherIsBetter: true))
    ), ("lines", LineChart(title: "", xTitle: "", yTitle: "", series: [])),
    ("a point", LineChart(title: "", xTitle: "", yTitle: "", yScale: .log, series: [.init("a", x: [1], y: [-1])])),
    ("scatter", ScatterChart(title: "", xTitle: "", yTitle: "", points: [])),
    ("distribution", DistributionChart(title: "", valueTitle: "", groups: [.init("none", values: [])])),
    ("graph", GraphChart(title: "", nodes: [], edges: [])),
  ]

  @Test(arguments: charts.map(\.name)) func fileIsWellFormedAndNamesItself(name: String) throws {
    let chart = try #require(Self.charts.first { $0.name == name }).chart
    let elements = try parseXML(chart.drawing.svg)
    let root = try #require(elements.first)
    #expect(root.name == "svg" && root.attributes["role"] == "img" && root.attributes["viewBox"] != nil)
    let ids = Set(elements.compactMap { $0.attributes["id"] })
    let named = root.attributes["aria-labelledby"]?.split(separator: " ").map(String.init) ?? []
    #expect(named.count == 2 && named.allSatisfy(ids.contains), "title and description are tied to the picture")
    #expect(!chart.drawing.svg.contains("var("), "a file of its own knows no page")
  }

  @Test(arguments: charts.map(\.name)) func inPageTonesFollowTheTheme(name: String) throws {
    let chart = try #require(Self.charts.first { $0.name == name }).chart
    #expect(chart.drawing.inline(id: "x").html.contains("var(--"))
    _ = try parseXML(chart.drawing.inline(id: "x").html)
  }

  @Test(arguments: empty.map(\.name)) func nothingToShowIsStillAPicture(name: String) throws {
    let chart = try #require(Self.empty.first { $0.name == name }).chart
    _ = try parseXML(chart.drawing.svg)
  }

  /// Every mark lies inside the picture: nothing is cut off.
  @Test(arguments: charts.map(\.name)) func nothingLiesOutside(name: String) throws {
    let drawing = try #require(Self.charts.first { $0.name == name }).chart.drawing
    for element in try parseXML(drawing.svg) {
      let a = element.attributes
      func number(_ key: String) -> Double? { a[key].flatMap(Double.init) }
      let places = [
        (number("x"), drawing.width), (number("cx"), drawing.width), (number("y"), drawing.height),
        (number("cy"), drawing.height),
      ]
      for case (let value?, let limit) in places {
        #expect(value >= -1 && value <= limit + 1, "\(element.name) at \(value) of \(limit): \(element.text)")
      }
    }
  }

  @Test func heatMapGolden() throws { try expectGolden(Self.heatMap.drawing.svg, "heatmap.svg") }

  @Test func heatMapPrintsEveryValue() throws {
    let texts = try parseXML(Self.heatMap.drawing.svg).filter { $0.name == "text" }.map(\.text)
    for value in ["44.6", "43.1", "40.6", "–"] { #expect(texts.contains(value)) }
    #expect(Self.heatMap.bestRows() == [0, nil], "a column with one value has no best")
  }

  @Test func heatMapNumbersReadOnTheirCells() {
    for value in stride(from: 30.0, through: 50, by: 0.01) {
      let colours = Self.heatMap.colour(value)
      #expect(colours.cell.contrast(with: colours.text) >= 4.5)
    }
  }

  @Test func logAxisGivesRoundTicksAndRefusesZero() {
    let axis = Axis("loss", scale: .log, covering: [0.001, 0.5, 0, -1, .nan], margin: 0)
    #expect(axis.low == 0.001 && axis.high == 0.5)
    #expect(axis.position(0) == nil && axis.position(0.001) == 0)
    #expect(axis.ticks() == [0.001, 0.003, 0.01, 0.03, 0.1, 0.3])
  }

  @Test(arguments: [(0.0, 1.0), (-5, 5), (1e-9, 3e-9), (41.7, 46.2), (1e6, 5e6), (3, 3)])
  func linearTicksAreFewAndInside(low: Double, high: Double) {
    let axis = Axis("x", covering: [low, high])
    let ticks = axis.ticks(about: 5)
    #expect((2...12).contains(ticks.count))
    #expect(ticks.allSatisfy { $0 >= axis.low - 1e-12 && $0 <= axis.high + abs(axis.high) * 1e-9 })
  }

  @Test func boxAgreesWithNumPy() throws {
    // numpy.percentile([1,2,3,4,100], [25,50,75]) = 2, 3, 4
    let box = try #require(DistributionChart.Box([100, 1, 2, 3, 4, .nan]))
    #expect(box.lower == 2 && box.median == 3 && box.upper == 4)
    #expect(box.low == 1 && box.high == 4 && box.most == 100, "100 lies beyond 1.5 box lengths")
  }
}
