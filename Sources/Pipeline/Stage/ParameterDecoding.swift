import Basics

/// Typed parameters of a stage whose type is known only at run time.
enum ParameterDecoding {
  struct Decoded {
    /// With paths, defaults included.
    var full: JSON
    /// Without paths.
    var key: JSON
    var outputs: [OutputPort]
  }

  /// - Parameter shape: `parameterType(type)`, which is costly to make; nil when no value can hold a path.
  /// - Throws: `ParameterProblems`.
  static func decode(_ type: any Stage.Type, _ node: Node, shape: ParameterType?) throws -> Decoded {
    func open<S: Stage>(_ type: S.Type) throws -> Decoded {
      let parameters = try S.Parameters(parameter: node)
      let key = parameters.parameterJSON ?? [:]
      let full = shape.flatMap { withPaths($0, node, key) } ?? key
      return Decoded(full: full, key: key, outputs: S.outputs(for: parameters))
    }
    return try open(type)
  }

  static func parameterType(_ type: any Stage.Type) -> ParameterType {
    func open<S: Stage>(_ type: S.Type) -> ParameterType { S.Parameters.parameterType }
    return open(type)
  }

  /// Puts the paths, which the key leaves out, back into a canonical value.
  private static func withPaths(_ type: ParameterType, _ node: Node?, _ key: JSON?) -> JSON? {
    guard type.holdsPaths, let node else { return key }
    switch (type, node.content) {
    case (.optional, .null): return .null
    case (.optional(let inner), _): return withPaths(inner, node, key)
    case (.object(let fields), .mapping):
      var members: [String: JSON] = [:]
      for field in fields { members[field.name] = withPaths(field.type, node[field.name], key?[field.name]) }
      return .object(members)
    case (.object, _): return key
    case (.list(let inner), .sequence(let items)):
      let keys = key?.arrayValue
      return .array(
        items.enumerated().compactMap { index, item in
          withPaths(inner, item, keys.flatMap { index < $0.count ? $0[index] : nil })
        })
    case (.map(let inner), .mapping(let entries)):
      return .object(
        Dictionary(
          entries.compactMap { entry in withPaths(inner, entry.value, key?[entry.key]).map { (entry.key, $0) } },
          uniquingKeysWith: { first, _ in first }))
    default: return node.json
    }
  }
}
