import Basics

/// Why a stage runs.
public enum RunReason: Hashable, Sendable {
  /// No result of this stage is known in this pipeline.
  case neverRun
  case forced
  /// A field of the key differs from that of the last result.
  case changed(KeyDifference)
  /// Nothing differs, but the result's files are gone or damaged.
  case resultLost
  /// Nothing differs, but somebody edited a published file that is a hard link into the store.
  case linkEdited
  /// Upstream work has to be done first; its results decide.
  case dependsOn([String])

  public var text: String {
    switch self {
    case .neverRun: "has not run before"
    case .forced: "forced"
    case .changed(let difference): difference.text
    case .resultLost: "its result is no longer in the store"
    case .linkEdited: "a published file was edited, and with it the stored one, which is a hard link"
    case .dependsOn(let stages): "depends on results of \(GateStatus.list(stages, limit: 4))"
    }
  }
}

/// One field of a key that differs.
public struct KeyDifference: Hashable, Sendable {
  /// Such as `parameters.loss.weight`, `inputs.dataset`, `sources.photos`, `seed`, `version`.
  public var field: String
  /// Nil when the field is new.
  public var old: JSON?
  /// Nil when the field is gone.
  public var new: JSON?
  /// The changes inside, where the field is a digest of many things: `+ face 7`, `~ face 2`.
  public var details: [String]

  public init(field: String, old: JSON?, new: JSON?, details: [String] = []) {
    self.field = field
    self.old = old
    self.new = new
    self.details = details
  }

  public var text: String {
    func show(_ value: JSON?) -> String {
      guard let value else { return "nothing" }
      if let text = value.stringValue, text.utf8.count == 64, Digest(hex: text) != nil {
        return String(text.prefix(12))
      }
      let text = value.canonical
      return text.count > 80 ? text.prefix(77) + "..." : text
    }
    let inside = details.isEmpty ? "" : " (\(GateStatus.list(details, limit: 5)))"
    return "\(field): \(show(old)) -> \(show(new))\(inside)"
  }

  var json: JSON {
    [
      "field": .string(field), "old": old ?? .null, "new": new ?? .null, "details": .array(details.map(JSON.string)),
    ]
  }

  /// Every leaf that differs, in the order of field names.
  public static func between(_ old: JSON?, _ new: JSON?, path: String = "") -> [KeyDifference] {
    if old == new { return [] }
    if case .object(let a)? = old, case .object(let b)? = new {
      return Set(a.keys).union(b.keys).sorted().flatMap {
        between(a[$0], b[$0], path: path.isEmpty ? $0 : "\(path).\($0)")
      }
    }
    if case .array(let a)? = old, case .array(let b)? = new, a.count == b.count {
      return a.indices.flatMap { between(a[$0], b[$0], path: "\(path)[\($0)]") }
    }
    return [KeyDifference(field: path, old: old, new: new)]
  }
}
