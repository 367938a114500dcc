import Basics
import Foundation
import NN

/// One case of a parity folder: a file of input and expected tensors and what to do with them.
public struct ParityCase: Sendable {
  /// `group/name`.
  public let id: String
  public let group: String
  public let name: String
  public let operation: String
  public let attributes: JSON
  public let tolerance: JSON
  /// The folder with `cases.json`.
  public let folder: URL
  public let path: String

  init(_ json: JSON, folder: URL) throws {
    guard let name = json["case"]?.stringValue, let group = json["group"]?.stringValue,
      let path = json["file"]?.stringValue, let operation = json["op"]?.stringValue
    else {
      throw ParityError("a case in cases.json lacks `case`, `group`, `file` or `op`: \(json.canonical.prefix(200))")
    }
    self.name = name
    self.group = group
    self.path = path
    self.operation = operation
    self.folder = folder
    id = json["id"]?.stringValue ?? "\(group)/\(name)"
    attributes = json["attrs"] ?? [:]
    tolerance = json["tolerance"] ?? [:]
  }

  public var url: URL { folder.appending(path: path) }

  /// The tensors of the case's own file.
  public func tensors() throws -> [String: StoredTensor] { try Safetensors.read(url).tensors }

  func int(_ attribute: String, default value: Int? = nil) throws -> Int {
    if let found = attributes[attribute]?.intValue ?? value { return found }
    throw ParityError("\(id): the attribute `\(attribute)` is missing")
  }

  func double(_ attribute: String, default value: Double? = nil) throws -> Double {
    if let found = attributes[attribute]?.doubleValue ?? value { return found }
    throw ParityError("\(id): the attribute `\(attribute)` is missing")
  }

  func ints(_ attribute: String) throws -> [Int] {
    guard let found = attributes[attribute]?.arrayValue else {
      throw ParityError("\(id): the attribute `\(attribute)` is missing")
    }
    return found.compactMap(\.intValue)
  }
}

/// A case or folder that cannot be used.
public struct ParityError: Error, Sendable, CustomStringConvertible {
  public var description: String
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
    guard let relative = json?["rtol"]?.doubleValue, let absolute = json?["atol"]?.doubleValue else {
      throw ParityError("a tolerance without rtol and atol")
    }
    self.init(relative: relative, absolute: absolute)
  }

  func scaled(_ factor: Double) -> Tolerance { Tolerance(relative: relative * factor, absolute: absolute * factor) }
}
