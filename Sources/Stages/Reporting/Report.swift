import Basics
import Foundation
import Imaging
import Pipeline
import Reporting

/// Turns evaluations and training histories into a report: one self-contained page, and every table and figure as a file.
///
/// A pure function of its inputs: no clock, no machine. What belongs to a run (times, cache hits, configuration, machine)
/// is added to a copy of the page by `pipeline report`, in the slots the page leaves for it.
public struct Report: WholeStage {
  public struct Parameters: StageParameters {
    public var title = "Depth super-resolution report"
    public var subtitle: String?
    public var names: [String: String] = [:]
    public var panelSize = 320
    public var combine = false

    public init() {}

    public static let fields: [ParameterField<Self>] = [
      .init("title", \.title, "Heading of the report."),
      .init("subtitle", \.subtitle, "One sentence below the title; made from the results when not given."),
      .init(
        "names", \.names, "Printed names of methods and test sets by identifier, as `{ train@render: UNet (ours) }`."),
      .init("panel_px", \.panelSize, "Longest side of the pictures in the page.", unit: "px", type: .int(64...2048)),
      .init(
        "combine", \.combine,
        "Put all evaluations into one table; an error unless they were measured under one protocol."),
    ]
  }

  public static let type: StageType = "report"
  public static let version = 6
  public static let summary =
    "Writes a self-contained HTML report, with tables as CSV, Markdown and LaTeX and figures as SVG, PDF and PNG."
  public static let inputs: [InputPort] = [
    InputPort("tables", .table, arity: .many, doc: "Results of evaluations, and any other tables to print."),
    InputPort("curves", .log, arity: .many, doc: "Histories of trainings."),
  ]
  public static let outputs: [OutputPort] = [
    OutputPort("report", .report, .files, doc: "`report.html`, `tables/`, `figures/`, `summary.txt`.")
  ]

  public init() {}

  public func run(_ context: StageContext, _ parameters: Parameters) async throws {
    var material = try ReportReader(parameters: parameters).read(context)
    if parameters.combine, material.evaluations.count > 1 {
      material.evaluations = [try EvaluationMerge.merge(material.evaluations)]
    }
    let document = ReportAssembly(title: parameters.title, subtitle: parameters.subtitle, material: material).document
    let port = "report"
    try context.write(ReportPage.html(document), to: "report.html", port: port)
    let unpainted = try Self.writeFigures(document, context, port: port)
    for (id, table) in document.tables {
      try context.write(table.csv, to: "tables/\(id).csv", port: port)
      try context.write(table.markdown, to: "tables/\(id).md", port: port)
      try context.write(table.latex(label: "tab:\(id)"), to: "tables/\(id).tex", port: port)
    }
    try context.write(Self.summaryText(document, material, unpainted: unpainted), to: "summary.txt", port: port)
  }

  /// Each figure as SVG, PDF and PNG.
  /// - Returns: why no figure could be painted, so that there are SVG files only.
  private static func writeFigures(
    _ document: ReportDocument, _ context: StageContext, port: String
  ) throws -> FigureProblem? {
    var unpainted: FigureProblem?
    for figure in document.figures {
      let drawing = figure.chart.drawing
      try context.write(drawing.svg, to: "figures/\(figure.id).svg", port: port)
      guard unpainted == nil else { continue }
      do {
        let (pdf, png) = (try drawing.pdf(), try drawing.png())
        try context.write(pdf, to: "figures/\(figure.id).pdf", port: port)
        try context.write(png, to: "figures/\(figure.id).png", port: port)
      } catch let problem as FigureProblem {
        context.services.log("figures/\(figure.id): SVG only: \(problem)")
        if case .unavailable = problem { unpainted = problem }
      }
    }
    return unpainted
  }

  /// The findings as text for a terminal; the tables stand in the summaries of the evaluations themselves.
  private static func summaryText(
    _ document: ReportDocument, _ material: ReportMaterial, unpainted: FigureProblem?
  ) -> String {
    document.title + "\n" + SummaryFindings(material.evaluations).text
      + (unpainted.map { "Figures are SVG only, without PDF and PNG: \($0)\n" } ?? "")
  }
}
