import Basics

/// Checks on the shape of a whole document, before anything is typed.
enum FileChecks {
  /// Keys of the file, of its profiles, and the values that stand at its top.
  static func keys(_ document: Node, _ diagnostics: inout [Diagnostic]) {
    guard case .mapping(let entries) = document.content else { return }
    let names = FileLanguage.top.map(\.name)
    let stages = Overrides.keys(document["stages"])
    for entry in entries where !names.contains(entry.key) && !entry.key.hasPrefix("x-") {
      let first = String(entry.key.prefix { $0 != "." })
      var help = suggestion(for: entry.key, among: names)
      if stages.contains(first) { help = "changes to a stage stand below `stages:`" }
      diagnostics.append(Diagnostic("unknown key `\(entry.key)`", at: entry.keyMark, help: help))
    }
    version(document, &diagnostics)
    for key in ["name", "description"] {
      guard let node = document[key] else { continue }
      guard case .string(let text) = node.content else {
        diagnostics.append(
          Diagnostic("`\(key)` must be a string, found \(node.found)", at: node.mark, help: "put it in quotes"))
        continue
      }
      if key == "name", !isName(text) {
        diagnostics.append(
          Diagnostic(
            "`\(text)` cannot name a pipeline", at: node.mark, help: "use letters, digits, `-` and `_`"))
      }
    }
    if let seed = document["seed"] {
      switch seed.content {
      case .int(let value) where value >= 0: break
      case .string(let text) where Template.mayHold(text): break
      default:
        diagnostics.append(
          Diagnostic(
            "a seed is a whole number from 0, not \(seed.text.map { "`\($0)`" } ?? seed.typeName)",
            at: seed.mark))
      }
    }
    for key in ["vars", "profiles"] { isMap(document[key], key, &diagnostics) }
    if case .mapping(let vars)? = document["vars"]?.content {
      for entry in vars where !isName(entry.key) || entry.key == "matrix" || entry.key == "variant" {
        diagnostics.append(
          Diagnostic(
            "`\(entry.key)` cannot name a variable", at: entry.keyMark,
            help: "use letters, digits, `-` and `_`; `matrix` and `variant` have a meaning of their own"))
      }
    }
    if case .mapping(let variants)? = document["variants"]?.content {
      for entry in variants where !isName(entry.key) {
        diagnostics.append(
          Diagnostic(
            "`\(entry.key)` cannot name a variant", at: entry.keyMark, help: "use letters, digits, `-` and `_`"))
      }
    }
    if case .mapping(let profiles)? = document["profiles"]?.content {
      for profile in profiles {
        guard case .mapping(let keys) = profile.value.content else {
          diagnostics.append(
            Diagnostic(
              "profile `\(profile.key)` must be a map, found \(profile.value.found)", at: profile.value.mark))
          continue
        }
        for entry in keys where !FileLanguage.profileKeys.contains(entry.key) {
          diagnostics.append(
            Diagnostic(
              "unknown key `\(entry.key)` in profile `\(profile.key)`", at: entry.keyMark,
              help: suggestion(for: entry.key, among: FileLanguage.profileKeys)))
        }
      }
    }
  }

  private static func version(_ document: Node, _ diagnostics: inout [Diagnostic]) {
    guard let version = document["version"] else {
      diagnostics.append(Diagnostic("missing `version`", at: document.mark, help: "start the file with `version: 1`"))
      return
    }
    if case .int(1) = version.content { return }
    let found = version.text ?? version.typeName
    diagnostics.append(
      Diagnostic("version `\(found)` of the file language is not known", at: version.mark, help: "write `version: 1`"))
  }

  private static func isMap(_ node: Node?, _ key: String, _ diagnostics: inout [Diagnostic]) {
    switch node?.content {
    case nil, .mapping?, .null?: break
    default:
      diagnostics.append(
        Diagnostic("`\(key)` must be a map, found \(node?.typeName ?? "nothing")", at: node?.mark))
    }
  }

  /// Names and keys of stages, and that each has a type.
  static func stages(_ document: Node, _ diagnostics: inout [Diagnostic]) {
    guard let node = document["stages"] else {
      diagnostics.append(Diagnostic("missing `stages`", at: document.mark, help: "a pipeline has at least one stage"))
      return
    }
    guard case .mapping(let entries) = node.content else {
      diagnostics.append(Diagnostic("`stages` must be a map, found \(node.found)", at: node.mark))
      return
    }
    if entries.isEmpty {
      diagnostics.append(Diagnostic("`stages` is empty", at: node.mark, help: "a pipeline has at least one stage"))
    }
    let complete = entries.filter { $0.value["uses"] != nil }.map(\.key)
    let keys = FileLanguage.stage.map(\.name)
    let known = Set(keys)
    let reserved = Set(FileLanguage.top.map(\.name))
    for entry in entries {
      if !isName(entry.key) {
        diagnostics.append(
          Diagnostic(
            "`\(entry.key)` cannot name a stage", at: entry.keyMark,
            help: "start with a letter; use letters, digits, `-` and `_`"))
      } else if reserved.contains(entry.key) {
        diagnostics.append(
          Diagnostic("a stage cannot be named `\(entry.key)`, which is a key of the file", at: entry.keyMark))
      }
      guard case .mapping(let fields) = entry.value.content else { continue }
      for field in fields where !known.contains(field.key) {
        var help = suggestion(for: field.key, among: keys)
        if field.key.utf8.contains(46) { help = "write `\(entry.key).\(field.key): ...` below `stages:`" }
        diagnostics.append(
          Diagnostic(
            "unknown key `\(field.key)` in stage `\(entry.key)`", at: field.keyMark ?? entry.keyMark, help: help))
      }
      if !fields.contains(where: { $0.key == "uses" }) {
        let near = entries.count > 1000 ? nil : suggestion(for: entry.key, among: complete)
        diagnostics.append(
          Diagnostic(
            "stage `\(entry.key)` has no `uses`", at: entry.keyMark ?? entry.value.mark,
            help: near.flatMap { $0.hasPrefix("did you mean") ? $0 : nil } ?? "add `uses: <stage type>`"))
      }
    }
  }

  /// Letters, digits, `-` and `_`, starting with a letter or digit.
  static func isName(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, bytes.count <= 100 else { return false }
    func isWord(_ byte: UInt8) -> Bool {
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
    return isWord(first) && bytes.allSatisfy { isWord($0) || $0 == 45 || $0 == 95 }
  }

  /// A variable that no file of the chain mentions is most likely misspelt.
  static func unusedVariables(_ chain: FileChain, _ overrides: [Node], _ diagnostics: inout [Diagnostic]) {
    guard case .mapping(let vars)? = chain.document["vars"]?.content, !vars.isEmpty else { return }
    var used: Set<String> = []
    for root in chain.roots + overrides { Template.variables(in: root, into: &used) }
    let others = vars.map(\.key).filter { used.contains($0) }
    var looked = 0
    for entry in vars where !used.contains(entry.key) && isName(entry.key) && entry.key != "matrix" {
      // Comparing every unused name with every used one would take time with the square of their number.
      looked += 1
      let near = looked <= InputBudget.PipelineFile.suggestions ? suggestion(for: entry.key, among: others) : nil
      diagnostics.append(
        Diagnostic(
          "variable `\(entry.key)` is never used", at: entry.keyMark ?? entry.value.mark,
          help: near.flatMap { $0.hasPrefix("did you mean") ? $0 : nil } ?? "use it as `${\(entry.key)}`, or remove it")
      )
    }
  }
}
