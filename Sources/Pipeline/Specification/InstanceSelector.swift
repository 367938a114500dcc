import Basics

/// Chooses instances by stage and labels: `train`, `train@*`, `train@bicubic`, `train@kind=bicubic,seed=2`, `lr@q8*`.
public struct InstanceSelector: Hashable, Sendable {
  public var stage: String
  /// The text after `@`, split at commas; nil when there is no `@`.
  public var terms: [String]?

  public init(_ text: String) {
    if let at = text.firstIndex(of: "@") {
      stage = String(text[..<at])
      terms = text[text.index(after: at)...].split(separator: ",", omittingEmptySubsequences: false).map {
        String($0.trimmed)
      }
    } else {
      stage = text
      terms = nil
    }
  }

  /// Splits `lr@bicubic.pairs` at its last dot into a selector and a port; nil when there is no port.
  public static func reference(_ text: String) -> (selector: InstanceSelector, port: String)? {
    guard let dot = text.lastIndex(of: "."), dot != text.startIndex, text.index(after: dot) != text.endIndex else {
      return nil
    }
    return (InstanceSelector(String(text[..<dot])), String(text[text.index(after: dot)...]))
  }

  /// `@**`: all instances of the stage, those of other variants and matrix values too.
  public var isEverywhere: Bool { terms == ["**"] }

  /// Whether every term fits a label: `*` fits anything, `value` any label with that value, `name=value` that label. A `*`
  /// inside a value stands for any characters.
  public func matches(_ labels: [InstanceLabel]) -> Bool {
    guard let terms else { return true }
    return terms.allSatisfy { term in
      if term == "*" || term == "**" { return true }
      return labels.contains { label in
        let text = label.text
        if InstanceSelector.glob(term, text) { return true }
        guard let equals = term.firstIndex(of: "="), term[..<equals] == label.name else { return false }
        return InstanceSelector.glob(String(term[term.index(after: equals)...]), text)
      }
    }
  }

  /// Shell-like match in which only `*` is special.
  static func glob(_ pattern: String, _ text: String) -> Bool {
    guard pattern.utf8.contains(UInt8(ascii: "*")) else { return pattern == text }
    let p = Array(pattern.utf8)
    let t = Array(text.utf8)
    var i = 0
    var j = 0
    var star: (pattern: Int, text: Int)?
    while j < t.count {
      if i < p.count, p[i] == UInt8(ascii: "*") {
        star = (i, j)
        i += 1
      } else if i < p.count, p[i] == t[j] {
        i += 1
        j += 1
      } else if let last = star {
        star = (last.pattern, last.text + 1)
        i = last.pattern + 1
        j = last.text + 1
      } else {
        return false
      }
    }
    return p[i...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}

extension ResolvedPipeline {
  /// The instances that a person means by `train`, `train@bicubic` or `train@dsine,seed=2`; an exact id wins.
  /// - Throws: `Diagnostic` naming the nearest stage or the instances there are.
  public func select(_ text: String) throws(Diagnostic) -> [StageInstance] {
    if let exact = self[text] { return [exact] }
    let selector = InstanceSelector(text)
    let candidates = instances.filter { $0.stage == selector.stage }
    guard !candidates.isEmpty else {
      throw Diagnostic(
        "there is no stage `\(selector.stage)` in \(file)",
        help: suggestion(for: selector.stage, among: stageNames))
    }
    let chosen = candidates.filter { selector.matches($0.labels) }
    guard !chosen.isEmpty else {
      throw Diagnostic(
        "no instance of `\(selector.stage)` fits `\(text)`", help: suggestion(for: text, among: candidates.map(\.id)))
    }
    return chosen
  }

  /// Names of the stages in the order of their first instance.
  public var stageNames: [String] {
    var seen: Set<String> = []
    return instances.map(\.stage).filter { seen.insert($0).inserted }
  }

  /// The distinct instance ids of `select` over several texts, or the file's targets when there are none.
  /// - Throws: the first selector's `Diagnostic` that finds nothing.
  public func selectTargets(_ texts: [String]) throws(Diagnostic) -> [String] {
    if texts.isEmpty { return targets }
    var seen: Set<String> = []
    var ids: [String] = []
    for text in texts {
      for instance in try select(text) where seen.insert(instance.id).inserted { ids.append(instance.id) }
    }
    return ids
  }
}
