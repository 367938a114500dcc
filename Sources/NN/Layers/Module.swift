/// State that is not learnt by gradients: running statistics, counters, index tables.
public final class Buffer {
  public enum Value {
    case float(Tensor)
    case int([Int64], shape: [Int])
  }

  public var value: Value
  /// False keeps it out of the state dictionary.
  public let isPersistent: Bool

  public init(_ value: Value, isPersistent: Bool = true) {
    self.value = value
    self.isPersistent = isPersistent
  }

  public var tensor: Tensor {
    guard case .float(let tensor) = value else { preconditionFailure("this buffer holds integers") }
    return tensor
  }
}

/// A part of a network: a layer, a block, or the whole.
///
/// `members` names every parameter, buffer and sub-module as the reference implementation's state dictionary does, in its
/// order; names of nested members are joined with dots.
public protocol Module: AnyObject {
  var members: [(name: String, member: Member)] { get }
  /// Switches between training and evaluation here and below.
  func setTraining(_ training: Bool)
}

/// A part of a module by its kind.
public enum Member {
  case parameter(Parameter)
  case buffer(Buffer)
  case module(any Module)
}

extension Module {
  public func setTraining(_ training: Bool) {
    for (_, member) in members { if case .module(let module) = member { module.setTraining(training) } }
  }

  private func visit(_ prefix: String, _ body: (String, Member) -> Void) {
    for (name, member) in members {
      let path = prefix.isEmpty ? name : "\(prefix).\(name)"
      if case .module(let module) = member { module.visit(path, body) } else { body(path, member) }
    }
  }

  /// All parameters below, by their full names, in the order of the state dictionary.
  public var namedParameters: [(name: String, parameter: Parameter)] {
    var result: [(name: String, parameter: Parameter)] = []
    visit("") { name, member in if case .parameter(let parameter) = member { result.append((name, parameter)) } }
    return result
  }

  public var namedBuffers: [(name: String, buffer: Buffer)] {
    var result: [(name: String, buffer: Buffer)] = []
    visit("") { name, member in if case .buffer(let buffer) = member { result.append((name, buffer)) } }
    return result
  }

  /// Parameters and persistent buffers in the order of the members.
  public var state: [(name: String, member: Member)] {
    var result: [(name: String, member: Member)] = []
    visit("") { name, member in
      if case .buffer(let buffer) = member, !buffer.isPersistent { return }
      result.append((name, member))
    }
    return result
  }

  public var parameterCount: Int { namedParameters.reduce(0) { $0 + $1.parameter.count } }

  public func clearGradients() { for (_, parameter) in namedParameters { parameter.clearGradient() } }
}

/// A list of modules named 0, 1, 2 and so on, or by the given names (state dictionaries skip the layers without state).
public final class ModuleList: Module {
  public let items: [(name: String, module: any Module)]
  public init(_ items: [any Module]) { self.items = items.enumerated().map { (String($0.offset), $0.element) } }
  public init(named items: [(String, any Module)]) { self.items = items.map { (name: $0.0, module: $0.1) } }
  public var members: [(name: String, member: Member)] { items.map { ($0.name, .module($0.module)) } }
}
