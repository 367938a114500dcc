import Foundation
import NN

/// The tensors of a case as an operation sees them: inputs and parameters whose gradients are expected are variables.
final class CaseTensors {
  let stored: [String: StoredTensor]
  private(set) var gradients: [String: Tensor] = [:]
  private var made: [String: Tensor] = [:]

  init(_ stored: [String: StoredTensor]) { self.stored = stored }

  /// `in.<name>`.
  func input(_ name: String = "x") throws -> Tensor { try tensor("in.\(name)", gradient: "gin.\(name)") }
  /// `param.<name>`, nil when the case has none.
  func parameter(_ name: String) throws -> Tensor? {
    stored["param.\(name)"] == nil ? nil : try required(name)
  }
  func required(_ name: String) throws -> Tensor { try tensor("param.\(name)", gradient: "gparam.\(name)") }

  func file(_ name: String) throws -> StoredTensor {
    guard let tensor = stored[name] else { throw ParityError("the file has no tensor `\(name)`") }
    return tensor
  }

  private func tensor(_ name: String, gradient: String) throws -> Tensor {
    if let tensor = made[name] { return tensor }
    let plain = Tensor(try file(name))
    let tensor =
      stored[gradient] == nil
      ? plain
      : plain.variable { [self] more in gradients[gradient] = gradients[gradient].map { $0 + more } ?? more }
    made[name] = tensor
    return tensor
  }

  /// Checks shapes before the library sees them. A pattern such as `n c h w` names the axes: a name stands for one extent
  /// wherever it occurs, a number for itself, a leading `...` for any axes. Names of tensors may end in `?` (may be absent).
  /// - Returns: the extents by name.
  @discardableResult
  func shapes(_ patterns: KeyValuePairs<String, String>, _ known: [String: Int] = [:]) throws -> [String: Int] {
    var extents = known
    for (key, pattern) in patterns {
      let name = key.hasSuffix("?") ? String(key.dropLast()) : key
      if key.hasSuffix("?"), stored[name] == nil { continue }
      let shape = try file(name).shape
      var axes = pattern.split(separator: " ").map(String.init)
      var tail = shape
      if axes.first == "..." {
        axes.removeFirst()
        tail = Array(shape.suffix(axes.count))
      }
      func expected() -> String {
        let values = axes.map { axis in extents[axis].map { "\(axis) = \($0)" } ?? axis }
        return "[\((pattern.hasPrefix("...") ? ["..."] : []).joined())\(values.joined(separator: ", "))]"
      }
      guard tail.count == axes.count else {
        throw ParityError("`\(name)` has the shape \(shape), but must be \(expected())")
      }
      for (axis, extent) in zip(axes, tail) {
        guard let value = Int(axis) ?? extents[axis] else {
          extents[axis] = extent
          continue
        }
        if value != extent { throw ParityError("`\(name)` has the shape \(shape), but must be \(expected())") }
      }
    }
    return extents
  }

  /// Puts `param.*` and `in.buffer.*` of the file into a module; buffers that the file lacks stay as they are.
  func load(into module: any Module, prefix: String = "") throws {
    for (name, parameter) in module.namedParameters {
      let tensor = try file("param.\(prefix)\(name)")
      guard tensor.shape == parameter.shape else {
        throw ParityError("`param.\(prefix)\(name)` has the shape \(tensor.shape), but must be \(parameter.shape)")
      }
      parameter.assign(Tensor(tensor))
    }
    for (name, buffer) in module.namedBuffers {
      guard let tensor = stored["in.buffer.\(prefix)\(name)"] else { continue }
      let shape: [Int]
      switch buffer.value {
      case .int(_, let own): shape = own
      case .float(let own): shape = own.shape
      }
      // A mask for another grid than the module's own is made anew by it.
      guard tensor.shape == shape else { continue }
      if case .int = buffer.value {
        buffer.value = .int(tensor.integers, shape: shape)
      } else {
        buffer.value = .float(Tensor(tensor))
      }
    }
  }
}

extension ParityCase {
  /// Runs a differentiable operation: compares every `out.*` named by the results, then, for the upstream gradients
  /// `gout.*`, every `gin.*` and `gparam.*` of the file.
  func layer(
    _ check: ParityCheck, periods: [String: Double] = [:], module: (any Module)? = nil, prefix: String = "",
    shapes: KeyValuePairs<String, String> = [:], _ forward: (CaseTensors) throws -> [String: Tensor]
  ) throws {
    let tensors = CaseTensors(try self.tensors())
    try tensors.shapes(shapes)
    if let module { try tensors.load(into: module, prefix: prefix) }
    let results = try forward(tensors)
    let forwardTolerance = try Tolerance(tolerance["forward"])
    var total: Tensor?
    for (name, result) in results.sorted(by: { $0.key < $1.key }) {
      if let expected = tensors.stored["out.\(name)"] {
        check.compare("out.\(name)", result, expected, forwardTolerance, period: periods[name])
      }
      guard let upstream = tensors.stored["gout.\(name)"] else { continue }
      guard upstream.shape == result.shape else {
        throw ParityError("`gout.\(name)` has the shape \(upstream.shape), the result \(result.shape)")
      }
      let part = (result * Tensor(upstream)).sum()
      total = total.map { $0 + part } ?? part
    }
    for name in tensors.stored.keys.sorted() where name.hasPrefix("out.") && results[String(name.dropFirst(4))] == nil {
      check.fail("\(name): not computed")
    }
    try require(tensors.stored.keys.contains { $0.hasPrefix("out.") }, "the file has no expected `out.*`")
    let gradients = tensors.stored.filter { $0.key.hasPrefix("gin.") || $0.key.hasPrefix("gparam.") }
    if gradients.isEmpty { return }
    guard let total else { throw ParityError("gradients are expected, but no `gout.*` belongs to a result") }
    total.backward()
    let gradientTolerance = try Tolerance(tolerance["grad"])
    for (name, expected) in gradients.sorted(by: { $0.key < $1.key }) {
      var found = tensors.gradients[name]
      if name.hasPrefix("gparam.") {
        let key = String(name.dropFirst(7))
        found = module?.namedParameters.first { "\(prefix)\($0.name)" == key }?.parameter.gradient ?? found
      }
      check.compare(name, found, expected, gradientTolerance)
    }
  }

  func tensor(_ stored: [String: StoredTensor], _ name: String) throws -> StoredTensor {
    guard let tensor = stored[name] else { throw ParityError("\(path) has no tensor `\(name)`") }
    return tensor
  }
}
