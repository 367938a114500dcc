import Basics

/// Turns the drafts of all combinations into instances: a stage is repeated only over the dimensions that it, or something it
/// reads from, depends on; everything else is shared.
struct InstanceBuilder {
  private let combinations: VariantCombinations
  /// Drafts by stage and combination; empty where a combination does not have the stage.
  private let drafts: [String: [[StageDraft]]]
  private let stageNames: [String]
  private let file: String
  private var masks: [String: UInt64] = [:]
  private(set) var diagnostics: [Diagnostic] = []

  /// An instance before its inputs are resolved.
  private struct InstanceSlot {
    var id: String
    var labels: [InstanceLabel]
    var draft: StageDraft
    var combination: Int
  }
  private var slots: [InstanceSlot] = []
  /// Positions in `slots` by stage and combination.
  private var places: [String: [[Int]]] = [:]

  init(_ byCombination: [[(stage: String, drafts: [StageDraft])]], combinations: VariantCombinations, file: String) {
    self.combinations = combinations
    self.file = file
    var names: [String] = []
    var drafts: [String: [[StageDraft]]] = [:]
    for (combination, stages) in byCombination.enumerated() {
      for (stage, found) in stages {
        if drafts[stage] == nil {
          names.append(stage)
          drafts[stage] = [[StageDraft]](repeating: [], count: byCombination.count)
        }
        drafts[stage]?[combination] = found
      }
    }
    self.drafts = drafts
    stageNames = names
  }

  /// - Returns: the instances in file order, with inputs, and where each input was written.
  mutating func build() -> (instances: [StageInstance], edges: [String: [String: Mark?]]) {
    findDependencies()
    for stage in stageNames { makeSlots(stage) }
    checkOwners()
    var instances: [StageInstance] = []
    instances.reserveCapacity(slots.count)
    var edges: [String: [String: Mark?]] = [:]
    for slot in slots {
      var written: [String: Mark?] = [:]
      let inputs = connect(slot, &written)
      edges[slot.id] = written
      guard let type = slot.draft.type else { continue }
      let draft = slot.draft
      instances.append(
        StageInstance(
          id: slot.id, stage: draft.stage, opened: draft.opened ?? OpenedStage(standIn: type), labels: slot.labels,
          inputs: inputs, seed: draft.seed,
          resources: draft.settings.resources, retries: draft.settings.retries, timeout: draft.settings.timeout,
          gate: draft.settings.gate, onBadSample: draft.settings.onBadSample, mark: draft.mark))
    }
    return (instances, edges)
  }

  // MARK: - Dimensions

  /// The dimensions each stage depends on, by its own text in the combinations and by what it reads from.
  private mutating func findDependencies() {
    guard combinations.all.count > 1 else { return }
    let dimensions = combinations.dimensions.count
    guard dimensions <= 64 else {
      diagnostics.append(
        Diagnostic("a file can have 64 dimensions, not \(dimensions)", at: combinations.marks.first ?? nil))
      return
    }
    var readers: [String: Set<String>] = [:]
    for stage in stageNames {
      masks[stage] = ownDimensions(stage)
      for drafts in drafts[stage] ?? [] {
        for draft in drafts {
          for reference in draft.inputs.flatMap(\.references) {
            guard let (selector, _) = InstanceSelector.reference(reference.text), !selector.isEverywhere else {
              continue
            }
            readers[selector.stage, default: []].insert(stage)
          }
        }
      }
    }
    var pending = stageNames
    while let stage = pending.popLast() {
      for reader in readers[stage] ?? [] {
        let joined = (masks[reader] ?? 0) | (masks[stage] ?? 0)
        if joined != masks[reader] {
          masks[reader] = joined
          pending.append(reader)
        }
      }
    }
    for (position, dimension) in combinations.dimensions.enumerated() where dimension.values.count > 1 {
      if let (stage, mark) = owner(ofAxis: dimension.name) {
        report(
          Diagnostic(
            "axis `\(dimension.name)` is in the file's matrix and in the matrix of `\(stage)`",
            at: combinations.marks[position], help: "rename one of them",
            notes: [.init(mark: mark, message: "`\(stage)` is declared here")]))
        continue
      }
      if masks.values.contains(where: { $0 >> UInt64(position) & 1 == 1 }) { continue }
      if dimension.name == "variant" {
        diagnostics.append(Diagnostic("the variants do not change any stage", at: combinations.marks[position]))
      } else {
        diagnostics.append(
          Diagnostic(
            "matrix axis `\(dimension.name)` changes no stage", at: combinations.marks[position],
            help:
              "use `${matrix.\(dimension.name)}` in a stage, or name the axis `seed`, like a variable, or by a path "
              + "such as `train.with.lr`"))
      }
    }
  }

  /// A stage whose own matrix has this axis.
  private func owner(ofAxis name: String) -> (stage: String, mark: Mark?)? {
    for stage in stageNames {
      for draft in drafts[stage]?.first ?? [] where draft.labels.contains(where: { $0.name == name }) {
        return (stage, draft.mark)
      }
    }
    return nil
  }

  private func ownDimensions(_ stage: String) -> UInt64 {
    let signatures = (drafts[stage] ?? []).map { $0.map(\.signature) }
    guard let first = signatures.first, signatures.contains(where: { $0 != first }) else { return 0 }
    var mask: UInt64 = 0
    let all = (UInt64(1) << UInt64(combinations.dimensions.count)) &- 1
    for position in combinations.dimensions.indices {
      let others = all & ~(UInt64(1) << UInt64(position))
      if !isDetermined(signatures, by: others) { mask |= UInt64(1) << UInt64(position) }
    }
    // With combinations left out no single dimension may show the difference; then all of them count.
    return isDetermined(signatures, by: mask) ? mask : all
  }

  /// Whether combinations that agree on the masked dimensions have equal signatures.
  private func isDetermined(_ signatures: [[JSON]], by mask: UInt64) -> Bool {
    var seen: [[Int?]: Int] = [:]
    for (combination, signature) in signatures.enumerated() {
      let key = projection(combination, mask)
      if let other = seen[key] {
        if signatures[other] != signature { return false }
      } else {
        seen[key] = combination
      }
    }
    return true
  }

  private func projection(_ combination: Int, _ mask: UInt64) -> [Int?] {
    combinations.all[combination].coordinates.enumerated().map { mask >> UInt64($0.offset) & 1 == 1 ? $0.element : nil }
  }

  // MARK: - Names

  private mutating func makeSlots(_ stage: String) {
    let mask = masks[stage] ?? 0
    var byProjection: [[Int?]: [Int]] = [:]
    var byCombination = [[Int]](repeating: [], count: combinations.all.count)
    var fresh: [InstanceSlot] = []
    for combination in combinations.all.indices {
      let key = mask == 0 ? [] : projection(combination, mask)
      if let known = byProjection[key] {
        byCombination[combination] = known
        continue
      }
      var positions: [Int] = []
      for draft in drafts[stage]?[combination] ?? [] {
        var labels: [InstanceLabel] = []
        for (position, dimension) in combinations.dimensions.enumerated() where mask >> UInt64(position) & 1 == 1 {
          guard let value = combinations.all[combination].coordinates[position] else { continue }
          labels.append(InstanceLabel(name: dimension.name, value: dimension.values[value]))
        }
        labels += draft.labels
        positions.append(slots.count + fresh.count)
        fresh.append(InstanceSlot(id: "", labels: labels, draft: draft, combination: combination))
      }
      byProjection[key] = positions
      byCombination[combination] = positions
    }
    places[stage] = byCombination
    let attributes = fresh.reduce(into: Set<String>()) { $0.formUnion($1.draft.attributes) }
    for (index, id) in InstanceNames.ids(stage, fresh.map(\.labels), attributes: attributes).enumerated() {
      fresh[index].id = id
    }
    slots += fresh
  }

  /// Two instances must not publish to the same folder.
  private mutating func checkOwners() {
    var owners: [String: InstanceSlot] = [:]
    for slot in slots {
      if let other = owners[slot.id.lowercased()] {
        report(
          Diagnostic(
            "\(InstanceBuilder.describe(other)) and \(InstanceBuilder.describe(slot)) would own the same output folder "
              + "`\(slot.id)`", at: slot.draft.mark, help: "names must differ in more than case and punctuation",
            notes: slot.draft.mark == other.draft.mark ? [] : [.init(mark: other.draft.mark, message: "the other one")])
        )
      }
      owners[slot.id.lowercased()] = slot
      var ports: Set<String> = []
      for output in slot.draft.outputs ?? [] where !ports.insert(output.name).inserted {
        report(Diagnostic("`\(slot.draft.stage)` declares output `\(output.name)` twice", at: slot.draft.mark))
      }
    }
  }

  private static func describe(_ slot: InstanceSlot) -> String {
    if slot.labels.isEmpty { return "`\(slot.draft.stage)`" }
    let labels = slot.labels.map { "\($0.name) `\($0.text)`" }.joined(separator: ", ")
    return "`\(slot.draft.stage)` with \(labels)"
  }

  /// Looking for the nearest name takes time with every name; after this many errors nobody reads the help any more.
  private var helps: Bool { diagnostics.count < 200 }

  private mutating func report(_ diagnostic: Diagnostic) { diagnostics.append(diagnostic) }

  // MARK: - Inputs

  private mutating func connect(_ slot: InstanceSlot, _ written: inout [String: Mark?]) -> [String: [InputReference]] {
    let type = slot.draft.type
    let ports = Dictionary((type?.inputs ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var result: [String: [InputReference]] = [:]
    for input in slot.draft.inputs {
      let port = ports[input.port]
      if let type, port == nil, !type.acceptsAnyInput {
        let names = type.inputs.map(\.name)
        report(
          Diagnostic(
            "\(type.type) has no input `\(input.port)`", at: input.mark,
            help: names.isEmpty ? "it takes no inputs" : suggestion(for: input.port, among: names)))
      }
      var references: [InputReference] = []
      for reference in input.references {
        for (found, output) in resolve(reference, slot, port, input) {
          if written[found.instance] == nil { written[found.instance] = reference.mark }
          if let port, let output, !port.kinds.isEmpty, !port.kinds.contains(output.kind) {
            report(
              Diagnostic(
                "input `\(input.port)` takes \(port.kinds.map(\.rawValue).joined(separator: " or ")), but "
                  + "`\(slots[found.position].draft.stage).\(found.port)` is \(output.kind)", at: reference.mark,
                help: fitting(port, slots[found.position])))
          }
          let new = InputReference(instance: found.instance, port: found.port)
          if references.contains(new) {
            report(Diagnostic("input `\(input.port)` reads `\(new.instance).\(new.port)` twice", at: reference.mark))
          } else {
            references.append(new)
          }
        }
      }
      if let port, port.arity != .many, input.references.count > 1 {
        report(Diagnostic("input `\(input.port)` takes one output, not \(input.references.count)", at: input.mark))
      }
      if !references.isEmpty { result[input.port] = references }
    }
    for port in slot.draft.inputsAreKnown ? type?.inputs ?? [] : []
    where port.arity == .one && !slot.draft.inputs.contains(where: { $0.port == port.name }) {
      report(
        Diagnostic(
          "`\(slot.draft.stage)` needs input `\(port.name)`: \(port.doc)", at: slot.draft.mark,
          help: offers(port).map { "for example `\(port.name): \($0)`" }))
    }
    return result
  }

  private struct Found {
    var instance: String
    var port: String
    var position: Int
  }

  private mutating func resolve(
    _ reference: (text: String, mark: Mark?), _ slot: InstanceSlot, _ port: InputPort?, _ input: StageDraft.Input
  ) -> [(Found, OutputPort?)] {
    let text = reference.text
    guard let (selector, output) = InstanceSelector.reference(text) else {
      var help = "write `<stage>.<port>`"
      if let outputs = outputs(ofStage: InstanceSelector(text).stage), let first = outputs.first {
        help = "write `\(text).\(outputs.count == 1 ? first.name : "<port>")`"
        if outputs.count > 1 { help += "; ports: \(outputs.map(\.name).joined(separator: ", "))" }
      }
      report(Diagnostic("`\(text)` does not name an output port", at: reference.mark, help: help))
      return []
    }
    guard let byCombination = places[selector.stage] else {
      report(
        Diagnostic(
          "there is no stage `\(selector.stage)`", at: reference.mark,
          help: helps ? suggestion(for: selector.stage, among: stageNames) : nil))
      return []
    }
    var candidates = byCombination[slot.combination]
    if selector.isEverywhere {
      var seen: Set<Int> = []
      candidates = byCombination.flatMap { $0 }.filter { seen.insert($0).inserted }
    }
    // A broken matrix or stage is reported where it stands.
    if candidates.isEmpty { return [] }
    let chosen = candidates.filter { selector.matches(slots[$0].labels) }
    if chosen.isEmpty {
      report(
        Diagnostic(
          "no instance of `\(selector.stage)` fits `\(text)`", at: reference.mark,
          help: nearestInstance(text, output, candidates)))
      return []
    }
    if chosen.count > 1, let port, port.arity != .many {
      report(
        Diagnostic(
          "input `\(input.port)` takes one output, but `\(text)` means \(chosen.count) instances of "
            + "`\(selector.stage)`", at: reference.mark,
          help: "choose one, such as `\(slots[chosen[0]].id).\(output)`\(byMatrix(selector.stage, output, slot))"))
      return []
    }
    return chosen.compactMap { position in
      let found = Found(instance: slots[position].id, port: output, position: position)
      guard let outputs = slots[position].draft.outputs ?? slots[position].draft.type?.outputs else {
        return (found, nil)
      }
      if let match = outputs.first(where: { $0.name == output }) { return (found, match) }
      // Outputs that depend on parameters are not known while those are wrong.
      if slots[position].draft.outputs == nil { return (found, nil) }
      report(
        Diagnostic(
          "`\(selector.stage)` has no output `\(output)`", at: reference.mark,
          help: outputs.isEmpty ? "it has no outputs" : suggestion(for: output, among: outputs.map(\.name))))
      return nil
    }
  }

  private func outputs(ofStage stage: String) -> [OutputPort]? {
    guard let position = places[stage]?.lazy.compactMap(\.first).first else { return nil }
    return slots[position].draft.outputs ?? slots[position].draft.type?.outputs
  }

  private func nearestInstance(_ text: String, _ output: String, _ candidates: [Int]) -> String? {
    let ids = candidates.map { "\(slots[$0].id).\(output)" }
    if ids.count > 20 || !helps { return "for example `\(ids[0])`" }
    return suggestion(for: text, among: ids)
  }

  /// When the reader runs over the same axis, it most likely wants its own value.
  private func byMatrix(_ stage: String, _ output: String, _ slot: InstanceSlot) -> String {
    guard let other = places[stage]?[slot.combination].first else { return "" }
    guard let axis = slot.draft.labels.first(where: { label in slots[other].labels.contains { $0.name == label.name } })
    else { return "" }
    return ", or the one of this instance: `\(stage)@${matrix.\(axis.name)}.\(output)`"
  }

  private func fitting(_ port: InputPort, _ slot: InstanceSlot) -> String? {
    let outputs = slot.draft.outputs ?? []
    if let match = outputs.first(where: { port.kinds.contains($0.kind) }) {
      return "`\(slot.draft.stage).\(match.name)` is \(match.kind)"
    }
    return offers(port).map { "`\($0)` would fit" }
  }

  /// The first output in the file that a port accepts.
  private func offers(_ port: InputPort) -> String? {
    guard !port.kinds.isEmpty, helps else { return nil }
    for slot in slots {
      for output in slot.draft.outputs ?? [] where port.kinds.contains(output.kind) {
        return "\(slot.draft.stage).\(output.name)"
      }
    }
    return nil
  }
}
