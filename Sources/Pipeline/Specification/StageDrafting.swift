import Basics

/// Turns the `stages:` of one combination into drafts: substitutes, expands the stage's matrix, types parameters and settings.
struct StageDrafting {
  private let catalogue: [String: any Stage.Type]
  /// Parameters of the types that can hold a path.
  private let pathShapes: [String: ParameterType]
  private let typeNames: [String]
  /// Where relative paths of `--set` and of values without a file start.
  private let directory: String
  private(set) var diagnostics: [Diagnostic] = []
  /// See `Substitution.uses`.
  private(set) var uses: [Mark: Mark] = [:]

  init(catalogue: StageCatalogue, directory: String) {
    self.directory = directory
    self.catalogue = Dictionary(
      catalogue.stages.map { ($0.type.rawValue, $0) }, uniquingKeysWith: { first, _ in first })
    pathShapes = self.catalogue.compactMapValues { OpenedStage.pathShape($0) }
    typeNames = catalogue.stages.map { $0.type.rawValue }
  }

  /// - Parameter document: of this combination, layers applied.
  /// - Returns: stages in file order.
  mutating func draft(_ document: Node, combination: VariantCombinations.Combination) -> [(
    stage: String, drafts: [StageDraft]
  )] {
    guard case .mapping(let entries)? = document["stages"]?.content else { return [] }
    var scope = Substitution.Scope(matrix: combination.matrix, variant: combination.variant)
    scope.seed = document["seed"]?.json.intValue
    let substitution = Substitution(vars: document["vars"], outer: scope)
    substitution.resolveAll()
    if let node = document["seed"] { scope.seed = seed(of: substitution.resolve(node, scope)).map(Int.init) }
    let defaults = document["defaults"].map { substitution.resolve($0, scope) }
    checkDefaults(defaults)
    var result: [(String, [StageDraft])] = []
    result.reserveCapacity(entries.count)
    for entry in entries {
      result.append((entry.key, stage(entry, defaults, substitution, scope)))
      diagnostics += substitution.takeDiagnostics()
    }
    uses.merge(substitution.uses) { _, last in last }
    return result
  }

  private mutating func stage(
    _ entry: Node.Entry, _ defaults: Node?, _ substitution: Substitution, _ scope: Substitution.Scope
  ) -> [StageDraft] {
    let mark = entry.keyMark ?? entry.value.mark
    guard case .mapping(let fields) = entry.value.content else {
      diagnostics.append(
        Diagnostic("stage `\(entry.key)` must be a map, found \(entry.value.found)", at: entry.value.mark ?? mark))
      return []
    }
    var combinations = [MatrixCombination(values: [])]
    var axes: Set<String> = []
    if let node = entry.value["matrix"] {
      let before = substitution.failures
      let expansion = MatrixExpansion(substitution.resolve(node, scope))
      // After a failed substitution the matrix itself says nothing new.
      if substitution.failures == before { diagnostics += expansion.diagnostics }
      guard !expansion.combinations.isEmpty else {
        return [StageDraft(stage: entry.key, mark: mark)]
      }
      combinations = expansion.combinations
      axes = Set(expansion.axes)
    }
    return combinations.map { combination in
      var inner = scope
      for (name, value) in combination.values { inner.matrix[name] = value }
      var draft = StageDraft(stage: entry.key, mark: mark)
      draft.labels = combination.values.map { InstanceLabel(name: $0.name, value: $0.value.json) }
      draft.attributes = Set(draft.labels.lazy.map(\.name)).subtracting(axes)
      type(&draft, entry, substitution, inner)
      parameters(&draft, entry.value["with"], mark, substitution, inner)
      inputs(&draft, fields.first { $0.key == "inputs" }?.value, substitution, inner)
      settings(&draft, entry.value, defaults, substitution, inner)
      return draft
    }
  }

  private mutating func type(
    _ draft: inout StageDraft, _ entry: Node.Entry, _ substitution: Substitution, _ scope: Substitution.Scope
  ) {
    guard let node = entry.value["uses"] else { return }  // `Specification` reports stages without a type
    let uses = substitution.resolve(node, scope)
    guard case .string(let name) = uses.content else {
      if case .null = uses.content, case .string = node.content { return }  // the substitution's own error
      diagnostics.append(Diagnostic("`uses` names a stage type, not \(uses.typeName)", at: uses.mark ?? draft.mark))
      return
    }
    draft.type = catalogue[name]
    if draft.type == nil {
      diagnostics.append(
        Diagnostic(
          "there is no stage type `\(name)`", at: uses.mark ?? draft.mark, help: suggestion(for: name, among: typeNames)
        ))
    }
  }

  private mutating func parameters(
    _ draft: inout StageDraft, _ node: Node?, _ mark: Mark?, _ substitution: Substitution, _ scope: Substitution.Scope
  ) {
    guard let type = draft.type else { return }
    // Until the parameters turn out to be right; stages that take anything choose their outputs by them.
    draft.outputs = type.acceptsAnyInput ? nil : type.outputs
    let before = substitution.failures
    var resolved = Node(.null, mark: mark)
    if let node { resolved = substitution.resolve(node, scope) }
    // A value that could not be filled in is already reported; typing null in its place would only confuse.
    guard substitution.failures == before else { return }
    let shape = pathShapes[type.type.rawValue]
    if let shape { resolved = absolutePaths(resolved, shape) }
    do {
      let opened = try OpenedStage(type, resolved, shape: shape)
      draft.opened = opened
      draft.outputs = opened.outputs
    } catch let problems as ParameterProblems {
      diagnostics += problems.diagnostics.map { problem in
        var problem = problem
        problem.mark = problem.mark ?? resolved.mark ?? mark
        return problem
      }
    } catch {
      diagnostics.append(Diagnostic("parameters of `\(draft.stage)`: \(error)", at: resolved.mark ?? mark))
    }
  }

  /// Makes paths absolute: those of a file start at its folder, those of `--set` at the current one.
  private func absolutePaths(_ node: Node, _ type: ParameterType) -> Node {
    var node = node
    switch (type, node.content) {
    case (.path, .string(let text)) where !text.isEmpty:
      let isFromFile = node.mark.map { $0.file != Overrides.file } ?? false
      let path = isFromFile ? FileChain.join(text, besides: node.mark?.file ?? "") : FileChain.expandHome(text)
      node.content = .string(FileChain.absolute(path, in: directory))
    case (.optional(let inner), _): node = absolutePaths(node, inner)
    case (.list(let inner), .sequence(let items)): node.content = .sequence(items.map { absolutePaths($0, inner) })
    case (.map(let inner), .mapping(var entries)):
      for index in entries.indices { entries[index].value = absolutePaths(entries[index].value, inner) }
      node.content = .mapping(entries)
    case (.object(let fields), .mapping(var entries)):
      for index in entries.indices {
        guard let field = fields.first(where: { $0.name == entries[index].key }), field.type.holdsPaths else {
          continue
        }
        entries[index].value = absolutePaths(entries[index].value, field.type)
      }
      node.content = .mapping(entries)
    default: break
    }
    return node
  }

  private mutating func inputs(
    _ draft: inout StageDraft, _ node: Node?, _ substitution: Substitution, _ scope: Substitution.Scope
  ) {
    guard let node else { return }
    let resolved = substitution.resolve(node, scope)
    guard case .mapping(let entries) = resolved.content else {
      if case .null = resolved.content { return }
      draft.inputsAreKnown = false
      diagnostics.append(
        Diagnostic(
          "`inputs` must be a map of ports, found \(resolved.found)", at: resolved.mark,
          help: "write `inputs: { <port>: <stage>.<port> }`"))
      return
    }
    for entry in entries {
      var input = StageDraft.Input(port: entry.key, mark: entry.keyMark, isList: false, references: [])
      switch entry.value.content {
      case .null:
        // Written as null: not connected. Otherwise the substitution has reported it, and nothing else is known.
        if case .null? = node[entry.key]?.content { continue }
      case .string(let text): input.references = [(text, entry.value.mark ?? entry.keyMark)]
      case .sequence(let items):
        input.isList = true
        for item in items {
          guard case .string(let text) = item.content else {
            diagnostics.append(badReference(item, entry))
            continue
          }
          input.references.append((text, item.mark ?? entry.keyMark))
        }
      default: diagnostics.append(badReference(entry.value, entry))
      }
      draft.inputs.append(input)
    }
  }

  private func badReference(_ node: Node, _ entry: Node.Entry) -> Diagnostic {
    Diagnostic(
      "input `\(entry.key)` must name an output, found \(node.found)", at: node.mark ?? entry.keyMark,
      help: "write `\(entry.key): <stage>.<port>`")
  }

  // MARK: - Settings

  private mutating func checkDefaults(_ node: Node?) {
    guard let node else { return }
    _ = decode(DefaultSettings.self, node)
  }

  /// The value, or nil after reporting what is wrong with it.
  private mutating func decode<Value: ParameterValue>(_ type: Value.Type, _ node: Node) -> Value? {
    do {
      return try Value(parameter: node)
    } catch let problems as ParameterProblems {
      diagnostics += problems.diagnostics.map { problem in
        var problem = problem
        problem.mark = problem.mark ?? node.mark
        return problem
      }
    } catch {
      diagnostics.append(Diagnostic("\(error)", at: node.mark))
    }
    return nil
  }

  private mutating func seed(of node: Node) -> UInt64? {
    if case .null = node.content { return nil }
    guard case .int(let value) = node.content, value >= 0 else {
      diagnostics.append(
        Diagnostic(
          "a seed is a whole number from 0, not \(node.text.map { "`\($0)`" } ?? node.typeName)",
          at: node.mark))
      return nil
    }
    return UInt64(value)
  }

  private mutating func settings(
    _ draft: inout StageDraft, _ stage: Node, _ defaults: Node?, _ substitution: Substitution,
    _ scope: Substitution.Scope
  ) {
    func value(_ key: String) -> Node? { stage[key].map { substitution.resolve($0, scope) } }
    var merge = Merge()
    // Broken defaults are reported once; stages then go on without them.
    let shared = defaults.flatMap { try? DefaultSettings(parameter: $0) }
    var settings = StageSettings()
    settings.resources = shared?.resources.resources ?? StageResources()
    if let own = value("resources") {
      let base = defaults?["resources"]
      let merged = base.map { merge.merge($0, own) } ?? own
      if let resources = decode(ResourceSettings.self, merged) { settings.resources = resources.resources }
    }
    settings.retries = shared?.retries ?? 0
    if let node = value("retries"), let retries = decode(Int.self, node) {
      if !(0...100).contains(retries) {
        diagnostics.append(Diagnostic("`retries` must be 0...100, not \(retries)", at: node.mark))
      }
      settings.retries = retries
    }
    settings.timeout = shared?.timeout?.seconds
    if let node = value("timeout"), let timeout = decode(TimeSpan?.self, node) { settings.timeout = timeout?.seconds }
    settings.onBadSample = shared?.onBadSample ?? .fail
    if let node = value("on_bad_sample"), let policy = decode(BadSamplePolicy.self, node) {
      settings.onBadSample = policy
    }
    if let node = value("description") { _ = decode(String.self, node) }
    settings.gate = gate(draft, stage["gate"], substitution, scope)
    var seed = scope.seed.map(UInt64.init)
    if let node = value("seed") { seed = self.seed(of: node) }
    if draft.type?.usesSeed == true { draft.seed = seed ?? 0 }
    draft.settings = settings
  }

  private mutating func gate(
    _ draft: StageDraft, _ node: Node?, _ substitution: Substitution, _ scope: Substitution.Scope
  ) -> StageGate? {
    let builtIn = draft.type?.gate
    var scope = scope
    scope.kept = ["inputs."]
    guard let resolved = node.map({ substitution.resolve($0, scope) }) else { return builtIn }
    var gate = builtIn ?? StageGate(approve: .explicit, message: "")
    switch resolved.content {
    case .null: return builtIn
    case .bool(false): return nil
    case .string:
      guard let approve = decode(GateApproval.self, resolved) else { return builtIn }
      gate.approve = approve
    case .mapping:
      guard let settings = decode(GateSettings.self, resolved) else { return builtIn }
      if resolved["approve"] != nil { gate.approve = settings.approve }
      if resolved["coverage"] != nil { gate.coverage = settings.coverage }
      if let message = settings.message { gate.message = message }
    default:
      diagnostics.append(
        Diagnostic(
          "a gate is a map, `automatic`, `explicit` or false, not \(resolved.typeName)", at: resolved.mark,
          help: "write `gate: { message: \"...\", approve: explicit }`"))
      return builtIn
    }
    if gate.message.isEmpty, draft.type != nil {
      diagnostics.append(
        Diagnostic(
          "this gate does not say what to do", at: resolved.mark,
          help: "add `message: \"...\"`: \(draft.stage) has none"))
    }
    checkMessage(gate.message, draft, resolved)
    return gate
  }

  /// `${inputs.x}` in a message must be an input of the stage.
  private mutating func checkMessage(_ message: String, _ draft: StageDraft, _ node: Node) {
    guard let type = draft.type, !type.acceptsAnyInput, let parts = try? Template.parse(message) else { return }
    for case .expression(let name) in parts where name.hasPrefix("inputs.") {
      let port = String(name.dropFirst("inputs.".count))
      let ports = type.inputs.map(\.name)
      if !ports.contains(port) {
        diagnostics.append(
          Diagnostic(
            "the gate's message names `${\(name)}`, but \(type.type) has no input `\(port)`",
            at: node["message"]?.mark ?? node.mark, help: suggestion(for: port, among: ports)))
      }
    }
  }
}
