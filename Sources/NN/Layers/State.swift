import Foundation

extension Tensor {
  /// As it goes into a file: float32, row-major.
  public var stored: StoredTensor { StoredTensor(values, shape: shape) }

  /// The values of a stored tensor as float32.
  public convenience init(_ stored: StoredTensor) { self.init(stored.floats, stored.shape) }
}

extension Module {
  /// Every parameter and persistent buffer by its full name.
  public func stateDictionary() -> [String: StoredTensor] {
    var result: [String: StoredTensor] = [:]
    for (name, member) in state {
      switch member {
      case .parameter(let parameter): result[name] = parameter.value.stored
      case .buffer(let buffer):
        switch buffer.value {
        case .float(let tensor): result[name] = tensor.stored
        case .int(let values, let shape): result[name] = StoredTensor(values, shape: shape)
        }
      case .module: break
      }
    }
    return result
  }

  /// Puts the tensors of a state dictionary in their places. Nothing is changed when one does not fit.
  /// - Throws: `ModelError` listing what is missing, left over, or of another shape.
  public func load(_ dictionary: [String: StoredTensor]) throws {
    var problems: [String] = []
    let members = state
    for (name, member) in members {
      guard let stored = dictionary[name] else {
        problems.append("`\(name)` is missing")
        continue
      }
      let shape: [Int]
      switch member {
      case .parameter(let parameter): shape = parameter.shape
      case .buffer(let buffer):
        switch buffer.value {
        case .float(let tensor): shape = tensor.shape
        case .int(_, let own): shape = own
        }
      case .module: continue
      }
      if stored.shape != shape { problems.append("`\(name)` has the shape \(stored.shape), expected \(shape)") }
    }
    let known = Set(members.map(\.name))
    for name in dictionary.keys.sorted() where !known.contains(name) { problems.append("`\(name)` belongs to nothing") }
    guard problems.isEmpty else {
      let more = problems.count > 8 ? "; and \(problems.count - 8) more" : ""
      throw ModelError("these weights do not fit the model: \(problems.prefix(8).joined(separator: "; "))\(more)")
    }
    for (name, member) in members {
      guard let stored = dictionary[name] else { continue }
      switch member {
      case .parameter(let parameter): parameter.assign(Tensor(stored))
      case .buffer(let buffer):
        if case .int(_, let shape) = buffer.value {
          buffer.value = .int(stored.integers, shape: shape)
        } else {
          buffer.value = .float(Tensor(stored))
        }
      case .module: break
      }
    }
  }
}
