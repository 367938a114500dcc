import Basics
import Foundation

/// What a guided network wants to see beside its input, at the output's size.
public enum GuideKind: String, Sendable, Hashable {
  /// RGB, three planes.
  case photo
  /// Relative depth of the image, made elsewhere, one plane.
  case relative

  public var channels: Int { self == .photo ? 3 : 1 }
}

/// What goes into a super-resolution network: a low-resolution depth map [n, 1, h, w] or photo [n, 3, h, w] in 0...1 and, for
/// guided networks, a guide [n, 1 or 3, H, W] in 0...1 at the output's size.
public struct NetworkInput {
  public var depth: Tensor
  public var guide: Tensor?
  /// Draws the noise of the gates by which DORNet chooses how to degrade its result again; nil: it does not do that.
  public var gateNoise: SeededRandom?
  public init(depth: Tensor, guide: Tensor? = nil) {
    self.depth = depth
    self.guide = guide
  }
}

/// What comes out: depth [n, 1, H, W], and for some networks unit normals [n, 3, H, W] or further maps that their own losses
/// use, by name.
public struct NetworkOutput {
  public var depth: Tensor
  public var normal: Tensor?
  public var extra: [String: Tensor]
  /// Where `gateNoise` asked for it (DORNet).
  public var redegradation: Redegradation?
  public init(depth: Tensor, normal: Tensor? = nil, extra: [String: Tensor] = [:]) {
    self.depth = depth
    self.normal = normal
    self.extra = extra
  }
}

/// A whole network.
public protocol Network: Module {
  /// Output side over input side.
  var scale: Int { get }
  /// The input's sides must be multiples of this.
  var sizeMultiple: Int { get }
  /// What it wants beside its input; nil: nothing.
  var guideKind: GuideKind? { get }
  /// Channels of the input and of the output: 1 for depth, 3 for photos.
  var imageChannels: Int { get }
  /// How far an output pixel can see to any side, in input pixels; nil when it sees the whole image (global pooling,
  /// attention over channels). Known for networks that can be applied tile by tile.
  var reach: Int? { get }
  func callAsFunction(_ input: NetworkInput) -> NetworkOutput
}

extension Network {
  public var sizeMultiple: Int { 1 }
  public var guideKind: GuideKind? { nil }
  public var needsGuide: Bool { guideKind != nil }
  public var imageChannels: Int { 1 }
  public var reach: Int? { nil }
}

/// One option of a model in a file: `base_channels: 32`.
public struct ModelOption: Sendable {
  public let name: String
  public let defaultValue: JSON
  public let doc: String
  public init(_ name: String, _ defaultValue: JSON, _ doc: String) {
    self.name = name
    self.defaultValue = defaultValue
    self.doc = doc
  }
}

extension ModelOption {
  /// For networks that correct a bicubic map.
  static let zeroHead = ModelOption(
    "zero_head", false, "Starts the last layer at zero, so that training begins at plain bicubic.")
}

/// The options of one description, defaults filled in.
public struct ModelOptions {
  public let type: String
  public let values: [String: JSON]

  public func int(_ name: String) throws -> Int {
    guard let value = values[name]?.intValue, value > 0 else { throw wrong(name, "a positive integer") }
    return value
  }
  public func double(_ name: String) throws -> Double {
    guard let value = values[name]?.doubleValue else { throw wrong(name, "a number") }
    return value
  }
  public func bool(_ name: String) throws -> Bool {
    guard let value = values[name]?.boolValue else { throw wrong(name, "true or false") }
    return value
  }
  public func string(_ name: String) throws -> String {
    guard let value = values[name]?.stringValue else { throw wrong(name, "text") }
    return value
  }
  public func ints(_ name: String) throws -> [Int] {
    guard let items = values[name]?.arrayValue, items.allSatisfy({ $0.intValue != nil }) else {
      throw wrong(name, "a list of integers")
    }
    return items.compactMap(\.intValue)
  }
  private func wrong(_ name: String, _ expected: String) -> ModelError {
    ModelError("model `\(type)`: `\(name)` must be \(expected), not \(values[name]?.canonical ?? "absent")")
  }
}

/// A kind of network that files can name.
public struct ModelKind: Sendable {
  /// Such as `depth-upres-unet`.
  public let type: String
  public let summary: String
  public let options: [ModelOption]
  /// Paper or repository.
  public let source: String
  public let make: @Sendable (ModelOptions, WeightInitialiser) throws -> any Network

  public init(
    _ type: String, summary: String, options: [ModelOption], source: String,
    make: @escaping @Sendable (ModelOptions, WeightInitialiser) throws -> any Network
  ) {
    self.type = type
    self.summary = summary
    self.options = options
    self.source = source
    self.make = make
  }
}

extension ModelCatalogue {
  public static func kind(_ type: String) -> ModelKind? { kinds.first { $0.type == type } }

  /// Builds the network of a description such as `{"type": "depth-upres-unet", "base_channels": 32}`, with weights drawn
  /// from `seed`.
  /// - Throws: `ModelError` for an unknown type, option or value.
  public static func make(_ description: JSON, seed: UInt64 = 0) throws -> any Network {
    guard let fields = description.objectValue, let type = fields["type"]?.stringValue else {
      throw ModelError("a model is described by a map with a `type`, not by \(description.canonical)")
    }
    guard let kind = kind(type) else {
      throw ModelError("unknown model `\(type)`; known: \(kinds.map(\.type).sorted().joined(separator: ", "))")
    }
    var values = Dictionary(uniqueKeysWithValues: kind.options.map { ($0.name, $0.defaultValue) })
    for (name, value) in fields where name != "type" {
      guard values[name] != nil else {
        throw ModelError(
          "model `\(type)` has no option `\(name)`; it has: \(kind.options.map(\.name).joined(separator: ", "))")
      }
      values[name] = value
    }
    return try kind.make(ModelOptions(type: type, values: values), WeightInitialiser(seed: seed))
  }
}
