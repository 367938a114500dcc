import Foundation
import Pipeline
import Stages
import Testing

/// A metric is a file and a row; whatever else knows metrics follows from the row.
@Suite struct MetricCatalogueTests {
  private static let rows = MetricCatalogue.rows
  private static func all(_ row: any Metric.Type) -> [any Metric] { row.measured(thresholds: [0.01, 5e-4]) }

  @Test func everyMetricOfTheSourcesHasARow() throws {
    let declared = try SourceScan.types(conformingTo: "Metric", below: "Sources/Stages")
    let rows = Self.rows.map { String(describing: $0) }
    #expect(declared.map(\.name).sorted() == rows.sorted())
    for type in declared { #expect(type.file == "\(type.name).swift", "a metric is a file of its own") }
  }

  @Test func identifiersAreUniqueAndReadBack() throws {
    var seen: [String: String] = [:]
    for row in Self.rows {
      let isMeasured = !Self.all(row).isEmpty
      #expect(isMeasured)
      for metric in Self.all(row) {
        #expect(seen.updateValue("\(row)", forKey: metric.id) == nil, "two metrics are called \(metric.id)")
        for other in Self.rows {
          let known = other.known(metric.id)
          let isOwn = ObjectIdentifier(other) == ObjectIdentifier(row)
          let isKnown = known != nil
          #expect(isKnown == isOwn, "\(metric.id) is read by \(other)")
          let title = known?.title ?? metric.title
          #expect(title == metric.title)
        }
        #expect(!metric.aggregations.isEmpty && !metric.title.isEmpty)
      }
    }
  }

  @Test func helpFollowsFromTheRows() throws {
    let text = StageDescription.text(try #require(StageCatalogue.standard["evaluate"]))
    for row in Self.rows where row.set != .mesh {
      for metric in Self.all(row) where row.set == .detailed || metric.hasWholeView {
        #expect(text.contains(metric.id), "the help of `evaluate` does not name \(metric.id)")
      }
    }
  }

  /// Records of results made by this or another version.
  @Test func aggregationsHaveNames() {
    #expect(MetricAggregation.title("mean") == "mean over samples")
    #expect(MetricAggregation.title("mse") == "of mean MSE")
    #expect(MetricAggregation.title("trimmed_mean") == "trimmed mean", "one of another version")
  }
}
