import Basics

/// One field of a parameter struct: its name in YAML, its documentation and the key path that holds it.
public struct ParameterField<Root>: Sendable {
  public let name: String
  public let doc: String
  public let unit: String?
  public let required: Bool
  public let type: ParameterType
  let read: @Sendable (Root) -> JSON?
  /// As `read`, also where the value stays out of the key.
  let value: @Sendable (Root) -> JSON?
  let write: @Sendable (inout Root, Node) throws -> Void

  /// - Parameters:
  ///   - name: the key in YAML, in snake_case.
  ///   - path: where the value is kept.
  ///   - doc: one sentence for the reference page.
  ///   - unit: for example `px`.
  ///   - required: true when there is no sensible default.
  ///   - type: a narrower type than the value's own, such as `.int(1...64)`.
  ///   - check: returns a message when the value is not acceptable.
  ///   - entersKey: false for a value with which the key stays as it was before there was this parameter; reading the key
  ///     back must give that value, so it is the default.
  public init<Value: ParameterValue>(
    _ name: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ doc: String, unit: String? = nil,
    required: Bool = false, type: ParameterType? = nil, check: (@Sendable (Value) -> String?)? = nil,
    entersKey: (@Sendable (Value) -> Bool)? = nil
  ) {
    self.name = name
    self.doc = doc
    self.unit = unit
    self.required = required
    self.type = type ?? Value.parameterType
    let narrowed = type
    value = { $0[keyPath: path].parameterJSON }
    read = { root in
      let value = root[keyPath: path]
      return entersKey?(value) == false ? nil : value.parameterJSON
    }
    write = { root, node in
      let value = try Value(parameter: node)
      if let message = narrowed?.violation(by: value.parameterJSON) ?? check?(value) {
        throw ParameterProblems("`\(name)` \(message)", at: node)
      }
      root[keyPath: path] = value
    }
  }
}
