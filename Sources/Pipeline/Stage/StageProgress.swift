import Basics

/// How far a stage has come. Shown to people; never part of a result.
public struct StageProgress: Hashable, Sendable {
  /// Units done and in all (samples, steps); nil when not known.
  public var done: Int?
  public var total: Int?
  public var unit: String
  public var message: String?
  /// Figures worth watching, such as `loss` and `val_l1`.
  public var metrics: [String: Double]

  public init(
    done: Int? = nil, total: Int? = nil, unit: String = "samples", message: String? = nil,
    metrics: [String: Double] = [:]
  ) {
    self.done = done
    self.total = total
    self.unit = unit
    self.message = message
    self.metrics = metrics
  }
}

extension StageProgress {
  var members: [String: JSON] {
    var members: [String: JSON] = ["unit": .string(unit)]
    members["done"] = done.map(JSON.int)
    members["total"] = total.map(JSON.int)
    members["message"] = message.map(JSON.string)
    if !metrics.isEmpty { members["metrics"] = .object(metrics.mapValues(JSON.double)) }
    return members
  }

  /// - Throws: `RecordProblem` naming the field that is missing or of another type.
  init(_ fields: RecordFields) throws {
    self.init(
      done: try fields.readIfPresent("done"), total: try fields.readIfPresent("total"), unit: try fields.read("unit"),
      message: try fields.readIfPresent("message"), metrics: try fields.readIfPresent("metrics") ?? [:])
  }
}
