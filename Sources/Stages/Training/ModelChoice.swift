import Basics
import NN
import Pipeline

/// The network of a pipeline file: its `type` and the options of that type, from the rows of `ModelCatalogue`. The key holds
/// the map as it is written, without the standard values of other options.
struct ModelChoice: ParameterValue {
  /// As written, such as `{"type": "edsr", "blocks": 32}`.
  let description: JSON
  let kind: ModelKind

  /// - Precondition: `type` is a row of the catalogue and the options are its own.
  init(_ type: String, _ options: [String: JSON] = [:]) {
    guard let kind = ModelCatalogue.kind(type) else { preconditionFailure("no network `\(type)`") }
    (self.kind, description) = (kind, kind.versioned(kind.description(options)))
  }

  private static let parameters = TaggedParameters(
    tag: "type", doc: "the network (see `pipeline models`)",
    cases: ModelCatalogue.kinds.map { kind in
      TaggedParameters.Case(kind.type, kind.summary, fields: kind.options.map(\.parameter) + version(kind))
    })

  static var parameterType: ParameterType { .tagged(parameters) }

  init(parameter node: Pipeline.Node) throws {
    let type = try Self.parameters.check(node).case.name
    guard let kind = ModelCatalogue.kind(type) else { preconditionFailure("the cases are the rows") }
    self.kind = kind
    description = kind.versioned(try JSON(parameter: node))
    do {
      _ = try ModelCatalogue.read(description)
    } catch let error as ModelError {
      throw ParameterProblems(error.description, at: node)
    }
  }

  /// The key has the version of a network that is not its first; a file may name it and is then refused by others.
  private static func version(_ kind: ModelKind) -> [ParameterDescription] {
    guard kind.version > 1 else { return [] }
    return [
      ParameterDescription(
        name: "version", type: .intChoice([kind.version]), doc: "The network's version in this program.", unit: nil,
        defaultValue: .int(kind.version))
    ]
  }

  var parameterJSON: JSON? { description }

  static func == (a: ModelChoice, b: ModelChoice) -> Bool { a.description == b.description }
  func hash(into hasher: inout Hasher) { hasher.combine(description) }

  /// A description of this kind with the options that add the outputs wanted.
  /// - Throws: `ModelError` when this kind of network does not give one of them.
  func giving(_ outputs: Set<String>, in description: JSON, for reason: String) throws -> JSON {
    guard case .object(var fields) = description else { return description }
    for name in outputs.sorted() {
      guard let output = kind.outputs.first(where: { $0.name == name }) else {
        throw ModelError("\(reason) needs \(ModelCatalogue.giving(name)), not `\(kind.type)`")
      }
      if let option = output.option { fields[option] = true }
    }
    return .object(fields)
  }
}

extension ModelOption {
  /// As the schema and the reference pages see it.
  var parameter: ParameterDescription {
    let type: ParameterType =
      switch kind {
      case .bool: .bool
      case .int(let range): .int(range)
      case .intChoice(let choices): .intChoice(choices)
      case .double(let range): .double(range)
      case .choice(let choices): .choice(choices)
      case .ints(let range): .list(.int(range))
      }
    return ParameterDescription(name: name, type: type, doc: doc, unit: nil, defaultValue: defaultValue)
  }
}
