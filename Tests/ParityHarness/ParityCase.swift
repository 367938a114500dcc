import Basics
import Foundation
import NN

/// One case of a parity folder: a file of input and expected tensors and what to do with them.
public struct ParityCase: Sendable {
  /// `group/name`.
  public let id: String
  public let group: String
  public let operation: String
  public let attributes: JSON
  public let tolerance: JSON
  /// The folder with `cases.json`.
  public let folder: URL
  /// Of the case's own file, relative to `folder`.
  public let path: String
  /// Tensor names, perhaps with `*`, that the file must hold.
  let listedNames: [String]
  /// Element type and shape of some tensors of the file, by name.
  let listedTensors: [String: JSON]
  /// Why the entry of `cases.json` cannot be used at all; nil for a usable one.
  let problem: String?

  init(_ json: JSON, index: Int, folder: URL) {
    func text(_ key: String) -> String? { json[key]?.stringValue }
    let fields = ["case", "group", "file", "op"]
    let missing = fields.filter { text($0) == nil }
    let group = text("group") ?? ""
    self.group = group
    operation = text("op") ?? ""
    path = text("file") ?? ""
    let named = text("case").map { "\(group.isEmpty ? "?" : group)/\($0)" }
    id = text("id") ?? named ?? "entry \(index) of cases.json"
    attributes = json["attrs"] ?? [:]
    tolerance = json["tolerance"] ?? [:]
    self.folder = folder
    // Cases that borrow tensors of another file list those as well.
    let borrows = ["weights_from_case", "inputs_from_file"].contains { json["attrs"]?[$0] != nil }
    listedNames = ((borrows ? [] : json["inputs"]?.arrayValue ?? []) + (json["outputs"]?.arrayValue ?? []))
      .compactMap(\.stringValue)
    listedTensors = json["tensors"]?.objectValue ?? [:]
    problem =
      missing.isEmpty
      ? nil : "cases.json: entry \(index) needs a text in \(missing.map { "`\($0)`" }.joined(separator: ", "))"
  }

  public var url: URL { folder.appending(path: path) }

  /// What the case checks, such as `layers/conv2d`: what an operation of the harness is found by.
  public var kind: String { "\(group)/\(operation)" }

  /// The tensors of the case's own file, as `cases.json` lists them.
  /// - Throws: the reader's error, or `ParityError` for a tensor that is missing, has another shape or type than listed, an
  ///   empty axis, or, among inputs and weights, a value that is not finite.
  public func tensors() throws -> [String: StoredTensor] {
    let tensors = try Self.read(url)
    for (name, listed) in listedTensors.sorted(by: { $0.key < $1.key }) {
      guard let tensor = tensors[name] else {
        throw ParityError("\(path) has no tensor `\(name)`, which cases.json lists")
      }
      let shape = listed.arrayValue?.last?.arrayValue?.map(\.intValue)
      guard let shape, listed.arrayValue?.first?.stringValue == tensor.type.parityName, shape == tensor.shape else {
        throw ParityError(
          "\(path): `\(name)` is \(tensor.type.parityName) \(tensor.shape), but cases.json lists \(listed.canonical)")
      }
    }
    for pattern in listedNames where !tensors.keys.contains(where: { namePattern(pattern, matches: $0) }) {
      throw ParityError("\(path) has no tensor `\(pattern)`, which cases.json lists")
    }
    return tensors
  }

  /// Reads any file of tensors of this folder with the checks of `tensors`.
  static func read(_ url: URL) throws -> [String: StoredTensor] {
    let tensors = try Safetensors.read(url).tensors
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      guard tensor.shape.allSatisfy({ $0 > 0 }) else {
        throw ParityError("\(url.lastPathComponent): `\(name)` has the shape \(tensor.shape): an axis is empty")
      }
      guard ["in.", "param.", "sd.", "gout."].contains(where: name.hasPrefix) else { continue }
      if let index = tensor.doubles.firstIndex(where: { !$0.isFinite }) {
        throw ParityError(
          "\(url.lastPathComponent): element \(index) of `\(name)` is \(tensor.doubles[index]); inputs must be finite")
      }
    }
    return tensors
  }
}

/// Whether a name fits a pattern that may end in `*`.
func namePattern(_ pattern: String, matches name: String) -> Bool {
  pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
}

extension ElementType {
  /// The name that `cases.json` uses, NumPy's.
  fileprivate var parityName: String {
    switch self {
    case .float64: "float64"
    case .float32: "float32"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .int64: "int64"
    case .int32: "int32"
    case .int16: "int16"
    case .int8: "int8"
    case .uint64: "uint64"
    case .uint32: "uint32"
    case .uint16: "uint16"
    case .uint8: "uint8"
    case .bool: "bool"
    }
  }
}

/// A case or folder that cannot be used.
public struct ParityError: Error, Sendable, CustomStringConvertible {
  public var description: String
  init(_ description: String) { self.description = description }
}

/// A case of a known kind with an option that this library does not offer.
struct ParityUnsupported: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// How far a result may be from the expected one: |x - e| <= absolute + relative * |e|.
public struct Tolerance: Sendable {
  public var relative: Double
  public var absolute: Double

  public init(relative: Double, absolute: Double) {
    self.relative = relative
    self.absolute = absolute
  }

  init(_ json: JSON?) throws {
    guard let relative = json?["rtol"]?.doubleValue, let absolute = json?["atol"]?.doubleValue, relative >= 0,
      absolute >= 0
    else {
      throw ParityError(
        "a tolerance needs numbers `rtol` and `atol` of at least 0, not \(json?.canonical.prefix(120) ?? "nothing")")
    }
    self.init(relative: relative, absolute: absolute)
  }

  func scaled(_ factor: Double) -> Tolerance { Tolerance(relative: relative * factor, absolute: absolute * factor) }
}
