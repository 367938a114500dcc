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
  func parameter(_ name: String) -> Tensor? { try? tensor("param.\(name)", gradient: "gparam.\(name)") }  // absent: nil
  func required(_ name: String) throws -> Tensor { try tensor("param.\(name)", gradient: "gparam.\(name)") }
  func integers(_ name: String) throws -> [Int64] { try file(name).integers }

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

  /// Puts `param.*` and `in.buffer.*` of the file into a module; what the file lacks stays as it is.
  func load(into module: any Module, prefix: String = "") throws {
    for (name, parameter) in module.namedParameters {
      parameter.assign(Tensor(try file("param.\(prefix)\(name)")))
    }
    for (name, buffer) in module.namedBuffers {
      guard let tensor = stored["in.buffer.\(prefix)\(name)"] else { continue }
      if case .int(_, let shape) = buffer.value {
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
    _ forward: (CaseTensors) throws -> [String: Tensor]
  ) throws {
    let tensors = CaseTensors(try self.tensors())
    if let module { try tensors.load(into: module, prefix: prefix) }
    let results = try forward(tensors)
    let forwardTolerance = try Tolerance(tolerance["forward"])
    let gradientTolerance = try Tolerance(tolerance["grad"])
    var total: Tensor?
    for (name, result) in results.sorted(by: { $0.key < $1.key }) {
      if let expected = tensors.stored["out.\(name)"] {
        check.compare("out.\(name)", result, expected, forwardTolerance, period: periods[name])
      }
      guard let upstream = tensors.stored["gout.\(name)"] else { continue }
      let part = (result * Tensor(upstream)).sum()
      total = total.map { $0 + part } ?? part
    }
    for name in tensors.stored.keys where name.hasPrefix("out.") && results[String(name.dropFirst(4))] == nil {
      check.fail("\(name): not computed")
    }
    total?.backward()
    for (name, expected) in tensors.stored.sorted(by: { $0.key < $1.key }) {
      if name.hasPrefix("gin.") {
        check.compare(name, tensors.gradients[name], expected, gradientTolerance)
      } else if name.hasPrefix("gparam.") {
        let key = String(name.dropFirst(7))
        let fromModule = module?.namedParameters.first { "\(prefix)\($0.name)" == key }?.parameter.gradient
        check.compare(name, fromModule ?? tensors.gradients[name], expected, gradientTolerance)
      }
    }
  }
}
