import Basics

/// A kind of network that files can name: a value of this type in the network's file, and a row of `ModelCatalogue`. The
/// fields of `model:`, their schema, help and reference, titles in reports, `pipeline models` and `export`, and the tests
/// that run every network follow from it.
public struct ModelKind: CatalogueRow {
  /// As files write it, such as `depth-upres-unet`.
  public let type: String
  /// Raised when the same weights and input give another output. From 2 on it is part of the descriptions in keys and in
  /// `model.json`, as `version`.
  public let version: Int
  /// As reports print it, such as `UNet`.
  public let title: String
  public let summary: String
  public let options: [ModelOption]
  /// Options with which it takes photos; nil: depth maps only.
  public let photos: [String: JSON]?
  /// The image that it sees beside its input.
  public let guide: GuideKind?
  public let outputs: [ModelOutput]
  public let onnx: OnnxForm
  /// Entries of a checkpoint that may hold the weights, the better first.
  public let checkpointPlaces: [String]
  /// Paper and repository.
  public let source: String
  /// Of the reference's code.
  public let licence: String
  /// Published sizes with their number of parameters.
  public let sizes: [ModelSize]
  /// Options of small networks, for the tests that run every network.
  public let examples: [[String: JSON]]
  let check: @Sendable (ModelOptions) -> String?
  let make: @Sendable (ModelOptions, WeightInitialiser) -> any Network

  public var name: String { type }

  /// - Parameters:
  ///   - check: says why options do not fit each other, such as `` `heads` needs a divisor of `channels` ``.
  ///   - make: draws the weights.
  public init(
    _ type: String, version: Int = 1, title: String, summary: String, options: [ModelOption],
    photos: [String: JSON]? = nil,
    guide: GuideKind? = nil, outputs: [ModelOutput] = [], onnx: OnnxForm,
    checkpointPlaces: [String] = ModelKind.usualPlaces, source: String, licence: String, sizes: [ModelSize],
    examples: [[String: JSON]], check: @escaping @Sendable (ModelOptions) -> String? = { _ in nil },
    make: @escaping @Sendable (ModelOptions, WeightInitialiser) -> any Network
  ) {
    (self.type, self.version, self.title, self.summary, self.options) = (type, version, title, summary, options)
    (self.photos, self.guide, self.outputs, self.onnx) = (photos, guide, outputs, onnx)
    (self.checkpointPlaces, self.source, self.licence) = (checkpointPlaces, source, licence)
    (self.sizes, self.examples, self.check, self.make) = (sizes, examples, check, make)
  }

  /// BasicSR's moving average, then the names that most training programs use.
  public static let usualPlaces = ["params_ema", "params", "model", "state_dict", "network"]

  public subscript(option name: String) -> ModelOption? { options.first { $0.name == name } }

  /// The options that a description gives, with the standard value of the others.
  /// - Throws: `ModelError` for an unknown option, a value that does not fit, or options that do not fit each other.
  public func options(of given: [String: JSON]) throws -> ModelOptions {
    var values = Dictionary(uniqueKeysWithValues: options.map { ($0.name, $0.defaultValue) })
    for (name, value) in given.sorted(by: { $0.key < $1.key }) {
      guard let option = self[option: name] else {
        throw ModelError(
          "model `\(type)` has no option `\(name)`; it has: \(options.map(\.name).joined(separator: ", "))")
      }
      if let problem = option.problem(with: value) { throw ModelError("model `\(type)`: `\(name)` \(problem)") }
      values[name] = value
    }
    let result = ModelOptions(type: type, values: values)
    if let problem = check(result) { throw ModelError("model `\(type)`: \(problem)") }
    return result
  }

  /// The description that files write: the type and these options.
  public func description(_ options: [String: JSON]) -> JSON {
    .object(options.merging(["type": .string(type)]) { _, type in type })
  }

  /// A description with this version of the network, which first versions leave out.
  public func versioned(_ description: JSON) -> JSON {
    guard version > 1, case .object(let fields) = description else { return description }
    return .object(fields.merging(["version": .int(version)]) { _, own in own })
  }
}

/// An auxiliary output of a network.
public struct ModelOutput: Sendable, Hashable {
  /// The name of its `AuxiliaryOutput`.
  public let name: String
  /// The truth value among the options that adds it; nil: always given.
  public let option: String?

  public init<Value>(_ key: AuxiliaryOutput<Value>, option: String? = nil) {
    (name, self.option) = (key.name, option)
  }
}

/// Whether a network can be written as an ONNX file.
public enum OnnxForm: Sendable, Hashable {
  /// By `OnnxExportable` or `OnnxGuidedExportable`, in this operator set. The file pads nothing: the sides of its input must
  /// be multiples of `sides`, with the example's options.
  case graph(opset: Int = OnnxGraph.opset, sides: Int = 1)
  /// For the reason given.
  case unavailable(String)
}

/// A published size of a network.
public struct ModelSize: Sendable, Hashable {
  /// As publications call it; empty for the default.
  public let name: String
  public let options: [String: JSON]
  public let parameters: Int

  public init(_ name: String = "", _ options: [String: JSON] = [:], parameters: Int) {
    (self.name, self.options, self.parameters) = (name, options, parameters)
  }
}
