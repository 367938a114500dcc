import Basics

/// The description of stage types in `pipeline stages` and the reference pages; all of it comes from the types themselves.
public enum StageDescription {
  /// One line a type.
  public static func list(_ catalogue: StageCatalogue) -> String {
    let width = catalogue.stages.map { $0.type.rawValue.count }.max() ?? 0
    return catalogue.stages.map { stage in
      let name = stage.type.rawValue
      return name + String(repeating: " ", count: width - name.count + 2) + stage.summary + "\n"
    }.joined()
  }

  /// Everything about one type, for a terminal.
  public static func text(_ stage: any Stage.Type) -> String {
    var text = "\(stage.type) (version \(stage.version))\n  \(stage.summary)\n"
    if let gate = stage.gate { text += "\nGate (\(gate.approve.rawValue)): \(gate.message)\n" }
    text += "\nInputs\n"
    for port in stage.inputs {
      text += "  \(port.name): \(kinds(port))\(arity(port.arity))\n      \(port.doc)\n"
    }
    if stage.acceptsAnyInput { text += "  any name, any kind\n" } else if stage.inputs.isEmpty { text += "  none\n" }
    text += "\nOutputs\n"
    for port in stage.outputs { text += "  \(port.name): \(port.kind) (\(port.layout.rawValue))\n      \(port.doc)\n" }
    if stage.outputs.isEmpty { text += "  none\n" }
    text += "\nParameters\n"
    let rows = parameters(of: stage)
    for row in rows {
      text += "  \(row.path): \(row.type)" + (row.defaultText.map { ", default \($0)" } ?? ", required") + "\n"
      text += "      \(row.doc)\n"
    }
    if rows.isEmpty { text += "  none\n" }
    if stage.usesSeed { text += "\nUses the seed of the file or of the stage.\n" }
    return text
  }

  public static func json(_ stage: any Stage.Type) -> JSON {
    [
      "type": .string(stage.type.rawValue), "version": .int(stage.version), "summary": .string(stage.summary),
      "uses_seed": .bool(stage.usesSeed), "accepts_any_input": .bool(stage.acceptsAnyInput),
      "gate": stage.gate.map { ["approve": .string($0.approve.rawValue), "message": .string($0.message)] } ?? .null,
      "inputs": .array(
        stage.inputs.map {
          [
            "name": .string($0.name), "kinds": .array($0.kinds.map { .string($0.rawValue) }),
            "arity": .string($0.arity.rawValue), "doc": .string($0.doc),
          ]
        }),
      "outputs": .array(
        stage.outputs.map {
          [
            "name": .string($0.name), "kind": .string($0.kind.rawValue), "layout": .string($0.layout.rawValue),
            "doc": .string($0.doc),
          ]
        }),
      "parameters": JSONSchema.type(OpenedStage.parameterType(stage), isOpen: false),
    ]
  }

  /// One parameter, groups taken apart into dotted paths.
  struct Row {
    var path: String
    var type: String
    var doc: String
    /// Nil when the parameter is required.
    var defaultText: String?
  }

  static func parameters(of stage: any Stage.Type) -> [Row] {
    guard case .object(let fields) = OpenedStage.parameterType(stage) else { return [] }
    return fields.flatMap { rows($0, "") }
  }

  static func rows(_ field: ParameterDescription, _ prefix: String) -> [Row] {
    let path = prefix + field.name
    if case .object(let inner) = field.type, !inner.isEmpty { return inner.flatMap { rows($0, path + ".") } }
    let own = Row(
      path: path, type: name(field.type) + (field.unit.map { " (\($0))" } ?? ""), doc: field.doc,
      defaultText: field.defaultValue.map { isPath(field.type) && $0 == .null ? "none" : plain($0) })
    switch field.type {
    case .optional(.object(let inner)): return [own] + inner.flatMap { rows($0, path + ".") }
    case .tagged(let tagged):
      return [own]
        + tagged.cases.flatMap { found in found.fields.flatMap { rows($0, "\(path)[\(found.name)].") } }
    case .list(.object(let inner)): return [own] + inner.flatMap { rows($0, path + "[].") }
    default: return [own]
    }
  }

  private static func isPath(_ type: ParameterType) -> Bool {
    switch type {
    case .path: true
    case .optional(let inner): isPath(inner)
    default: false
    }
  }

  /// A default as a file would write it.
  private static func plain(_ value: JSON) -> String {
    switch value {
    case .null: "none"
    case .string(let text): text.isEmpty ? "\"\"" : text
    case .double(let number) where number == number.rounded() && abs(number) < 1e9: String(Int(number))
    default: value.canonical
    }
  }

  /// A type in words.
  static func name(_ type: ParameterType) -> String {
    switch type {
    case .bool: "true or false"
    case .int(nil): "integer"
    case .int(let range?):
      range.upperBound == Int.max
        ? "integer from \(range.lowerBound)" : "integer \(range.lowerBound)...\(range.upperBound)"
    case .double(nil): "number"
    case .double(let range?):
      range.upperBound >= .greatestFiniteMagnitude
        ? "number from \(plain(.double(range.lowerBound)))"
        : "number \(plain(.double(range.lowerBound)))...\(plain(.double(range.upperBound)))"
    case .string: "string"
    case .choice(let choices): choices.joined(separator: " | ")
    case .intChoice(let choices): choices.map(String.init).joined(separator: " | ")
    case .list(let element): "list of \(name(element))"
    case .map(let value): "map of \(name(value))"
    case .optional(let inner): name(inner)
    case .object: "map"
    case .tagged(let tagged):
      "\(tagged.isNameEnough ? "name or " : "")map with `\(tagged.tag)`: "
        + tagged.cases.map(\.name).joined(separator: " | ")
    case .path: "path"
    case .duration: "duration"
    case .byteCount: "size"
    case .any: "any value"
    }
  }

  static func kinds(_ port: InputPort) -> String {
    port.kinds.isEmpty ? "any kind" : port.kinds.map(\.rawValue).joined(separator: " or ")
  }

  static func arity(_ arity: InputPort.Arity) -> String {
    switch arity {
    case .one: ""
    case .optional: ", optional"
    case .many: ", any number"
    }
  }
}
