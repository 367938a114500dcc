import Basics
import Foundation
import NN

/// Whole networks with small widths: outputs, loss, gradients of inputs and parameters, buffers after training mode.
let modelOperations: [ParityOperation] = [
  ParityOperation(group: "models", patterns: ParityCase.networkPatterns) { item, check in
    let stored = try item.tensors()
    let network = try item.network()
    var weights = stored
    if item.has("weights_from_case") {
      let other = try item.text("weights_from_case")
      weights = try ParityCase.read(item.folder.appending(path: "\(item.group)/\(other).safetensors"))
    }
    let modes = ["eval", "train"].filter { item.tolerance[$0] != nil }
    try item.require(!modes.isEmpty, "the tolerance needs `eval`, `train` or both")
    for mode in modes {
      // Names carry the mode only where a case has both.
      let infix = item.tolerance["train"] == nil ? "" : "\(mode)."
      try network.load(below("sd.", weights))
      network.clearGradients()
      network.setTraining(mode == "train")
      try item.check(network, stored, infix: infix, item.tolerance[mode] ?? [:], check)
    }
  }
]

/// The tensors whose names begin with a prefix, without it.
func below(_ prefix: String, _ tensors: [String: StoredTensor]) -> [String: StoredTensor] {
  var result: [String: StoredTensor] = [:]
  for (name, tensor) in tensors where name.hasPrefix(prefix) { result[String(name.dropFirst(prefix.count))] = tensor }
  return result
}

extension ParityCase {
  fileprivate func check(
    _ network: any Network, _ stored: [String: StoredTensor], infix: String, _ tolerance: JSON, _ check: ParityCheck
  ) throws {
    func input(_ name: String) throws -> Tensor { Tensor(try tensor(stored, "in.\(name)")) }
    var inputGradient: Tensor?
    let x = try input("x").variable { inputGradient = $0 }
    let guide = try stored["in.rgb"] == nil ? nil : input("rgb")
    let loss = try NamedLoss(self)
    try requireInput(network, depth: x, guide: guide)
    let output = network(NetworkInput(image: x, guide: guide))
    let value = try loss(output, input)
    value.backward()
    let forward = try Tolerance(tolerance["forward"])
    let gradient = try Tolerance(tolerance["grad"])
    let parameters = Dictionary(uniqueKeysWithValues: network.namedParameters.map { ($0.name, $0.parameter) })
    let state = network.stateDictionary()
    var outputs = output.scales
    outputs["y"] = output.image
    outputs["msf"] = output.image
    outputs["normal"] = output[.normals]
    outputs["grad_map"] = output[.gradientMap]
    for (name, expected) in stored.sorted(by: { $0.key < $1.key }) {
      if name == "out.\(infix)loss" {
        check.compare(name, value, expected, try Tolerance(tolerance["loss"]))
      } else if name.hasPrefix("out.\(infix)after.") {
        let key = String(name.dropFirst("out.\(infix)after.".count))
        guard let buffer = state[key] else {
          check.fail("\(name): no such buffer")
          continue
        }
        check.compare(name, buffer.doubles, buffer.shape, expected.doubles, expected.shape, forward)
      } else if name.hasPrefix("out.\(infix)") {
        check.compare(name, outputs[String(name.dropFirst("out.\(infix)".count))], expected, forward)
      } else if name == "gin.\(infix)x" {
        check.compare(name, inputGradient, expected, gradient)
      } else if name.hasPrefix("grad.\(infix)") {
        let key = String(name.dropFirst("grad.\(infix)".count))
        check.compare(name, parameters[key]?.gradient, expected, gradient)
      }
    }
  }
}
