import Basics
import Foundation
import Pipeline

/// The findings of an evaluation stage: the content of `cross.json` in an artifact of kind `table`.
///
/// One file holds one protocol, so that a reader can never mix two. Scores of single samples are in `samples.csv` beside
/// it (`sample,method,test,metric,value`), pictures in `panels/`.
public struct EvaluationResult: Codable, Hashable, Sendable {
  /// The only value of `format` this version reads.
  public static let currentFormat = "evaluation/1"

  public var format = EvaluationResult.currentFormat
  public var `protocol`: EvaluationProtocolRecord
  /// The metrics in the order in which tables show them.
  public var metrics: [MetricRecord]
  /// Everything that was scored: trained networks, interpolation, imported predictions.
  public var methods: [MethodRecord]
  public var tests: [TestSetRecord]
  public var cells: [CellRecord]
  public var panels: [PanelRecord]
  /// Methods that differ in nothing but the seed of their training; nil when none do.
  public var seedGroups: [SeedGroupRecord]?
  /// Mean and standard deviation over the seeds of each group; `method` names the group.
  public var seedCells: [CellRecord]?
  /// Paired tests against the chosen baseline; nil without one.
  public var comparisons: [ComparisonRecord]?

  public init(
    protocol: EvaluationProtocolRecord, metrics: [MetricRecord], methods: [MethodRecord], tests: [TestSetRecord],
    cells: [CellRecord], panels: [PanelRecord] = []
  ) {
    self.protocol = `protocol`
    self.metrics = metrics
    self.methods = methods
    self.tests = tests
    self.cells = cells
    self.panels = panels
  }

  /// The value of one cell; nil when it was not measured.
  public func value(_ method: String, on test: String, _ metric: String, _ aggregation: String) -> Double? {
    cell(method, on: test, metric, aggregation)?.value
  }

  public func cell(_ method: String, on test: String, _ metric: String, _ aggregation: String) -> CellRecord? {
    cells.first { $0.method == method && $0.test == test && $0.metric == metric && $0.aggregation == aggregation }
  }

  /// Canonical JSON text: sorted keys, so equal results have equal bytes. Infinities (a perfect PSNR) become strings.
  public func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try encoder.encode(self) + Data("\n".utf8)
  }

  /// - Parameter name: the file's name for errors.
  /// - Throws: `StageFailure` naming the file and the key that is wrong.
  public init(decoding data: Data, name: String) throws {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      self = try decoder.decode(EvaluationResult.self, from: data)
    } catch {
      throw StageFailure("\(name): not a result of an evaluation stage: \(error)")
    }
    guard format == Self.currentFormat else {
      throw StageFailure(
        "\(name): format `\(format)` cannot be read, only `\(Self.currentFormat)`",
        help: "run the evaluation again with this version")
    }
  }
}

/// The declared protocol in words and values: everything that could change a number.
public struct EvaluationProtocolRecord: Codable, Hashable, Sendable {
  /// Short name, such as `masked face, value range 1`.
  public var name: String
  /// One sentence for captions.
  public var summary: String
  /// Field and value in the order of the declaration, such as `mask: face`, `crop border: 4 px`.
  public var fields: [ProtocolField]

  public init(name: String, summary: String, fields: [ProtocolField]) {
    self.name = name
    self.summary = summary
    self.fields = fields
  }
}

public struct ProtocolField: Codable, Hashable, Sendable {
  public var name: String
  public var value: String
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

public struct MetricRecord: Codable, Hashable, Sendable {
  /// Identifier used in cells, such as `psnr`.
  public var id: String
  /// As in the paper, such as `PSNR`.
  public var title: String
  /// Such as `dB`; nil without a unit.
  public var unit: String?
  public var higherIsBetter: Bool
  /// Digits after the point in tables.
  public var decimals: Int
  /// The aggregations measured, main one first. `mean` = mean of the per-sample values; `mse` = value of the mean squared
  /// error over all samples.
  public var aggregations: [String]

  public init(
    id: String, title: String, unit: String? = nil, higherIsBetter: Bool, decimals: Int,
    aggregations: [String] = ["mean"]
  ) {
    self.id = id
    self.title = title
    self.unit = unit
    self.higherIsBetter = higherIsBetter
    self.decimals = decimals
    self.aggregations = aggregations
  }
}

public struct MethodRecord: Codable, Hashable, Sendable {
  /// Identifier used in cells; the stage instance of a network (`train@bicubic`), or `bicubic`, `nearest`.
  public var id: String
  /// As in the paper, such as `UNet (render + 8-bit)`.
  public var name: String
  /// Identifier of the test set whose degradation it was trained on; nil for interpolation. Makes the diagonal of the
  /// cross table.
  public var trainedOn: String?
  /// Model type in the catalogue, such as `depth-upres-unet`; nil for interpolation.
  public var model: String?
  /// Number of trainable values; nil for interpolation.
  public var parameters: Int?
  /// Seed of the training, when several are compared.
  public var seed: Int?
  /// Shared by methods that differ in their seed only: the instance without it, such as `train@dsine`.
  public var group: String?
  /// Digest of the weights or predictions scored.
  public var digest: String?

  public init(
    id: String, name: String, trainedOn: String? = nil, model: String? = nil, parameters: Int? = nil, seed: Int? = nil,
    digest: String? = nil
  ) {
    self.id = id
    self.name = name
    self.trainedOn = trainedOn
    self.model = model
    self.parameters = parameters
    self.seed = seed
    self.digest = digest
  }
}

public struct TestSetRecord: Codable, Hashable, Sendable {
  /// Identifier used in cells, such as `bicubic_q8`.
  public var id: String
  /// As in the paper, such as `bicubic + 8-bit`.
  public var name: String
  public var samples: Int
  public var digest: String?

  public init(id: String, name: String, samples: Int, digest: String? = nil) {
    self.id = id
    self.name = name
    self.samples = samples
    self.digest = digest
  }
}

/// One number: a method on a test set by a metric and an aggregation.
public struct CellRecord: Codable, Hashable, Sendable {
  public var method: String
  public var test: String
  public var metric: String
  public var aggregation: String
  public var value: Double
  /// Standard deviation over samples, and bounds of the 95 % interval of the mean, where the aggregation has them.
  public var deviation: Double?
  public var low: Double?
  public var high: Double?

  public init(
    method: String, test: String, metric: String, aggregation: String, value: Double, deviation: Double? = nil,
    low: Double? = nil, high: Double? = nil
  ) {
    self.method = method
    self.test = test
    self.metric = metric
    self.aggregation = aggregation
    self.value = value
    self.deviation = deviation
    self.low = low
    self.high = high
  }
}

/// The pictures of one sample: `best`, `median` or `worst` of a method on a test set.
public struct PanelRecord: Codable, Hashable, Sendable {
  public var rank: String
  public var sample: String
  public var method: String
  public var test: String
  /// The metric that ranked it, and its value for this sample.
  public var metric: String
  public var value: Double
  /// Absolute error shown as the brightest colour of the error map, in units of the depth range.
  public var errorLimit: Double?
  /// Path below the artifact by role, 8-bit PNG: `photo`, `input`, `prediction`, `truth`, `error` (coloured),
  /// `baseline_error`, `relief_input`, `relief_prediction`, `relief_truth` (shaded).
  public var images: [String: String]

  public init(
    rank: String, sample: String, method: String, test: String, metric: String, value: Double,
    errorLimit: Double? = nil,
    images: [String: String]
  ) {
    self.rank = rank
    self.sample = sample
    self.method = method
    self.test = test
    self.metric = metric
    self.value = value
    self.errorLimit = errorLimit
    self.images = images
  }
}
