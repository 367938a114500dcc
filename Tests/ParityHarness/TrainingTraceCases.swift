import Basics
import NN

/// Some optimiser steps of a network with accumulation, held to the reference's losses, gradients and final state.
let trainingTraceOperations: [ParityOperation] = [
  ParityOperation(group: "models", patterns: ParityCase.networkPatterns, ending: #"_train\d+$"#) { item, check in
    let network = try item.network()
    let stored = try item.tensors()
    func input(_ name: String) throws -> Tensor { Tensor(try item.tensor(stored, "in.\(name)")) }
    let steps = try item.int("optimizer_steps", in: 1...1000)
    let accumulation = try item.int("grad_accum", in: 1...64)
    let base = try item.double("lr")
    let schedule = try item.namedSchedule()
    let loss = try NamedLoss(item)
    try network.load(below("sd.initial.", stored))
    network.setTraining(true)
    let parameters = network.namedParameters
    let optimiser = try item.traceOptimiser(parameters)
    var losses: [Double] = []
    var rates: [Double] = []
    for step in 0..<steps {
      network.clearGradients()
      for part in 0..<accumulation {
        let k = step * accumulation + part
        let x = try input("\(k).x")
        try item.requireInput(network, depth: x, guide: nil)
        // One target of normals may serve every part.
        let normal = stored["in.\(k).normal_target"] == nil ? "normal_target" : "\(k).normal_target"
        let value = try loss(
          network(NetworkInput(image: x)), names: ("\(k).target", normal, "\(k).mask"), input)
        losses.append(Double(value.item))
        value.affine(1 / Float(accumulation)).backward()
      }
      if step == 0 {
        let tolerance = try Tolerance(item.tolerance["grad_step1"])
        let known = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.parameter) })
        for (name, expected) in below("out.grad_step1.", stored).sorted(by: { $0.key < $1.key }) {
          check.compare("grad_step1.\(name)", known[name]?.gradient, expected, tolerance)
        }
      }
      rates.append(schedule.rate(at: step, base: base))
      optimiser.step(learningRate: rates[step], gradientScale: 1)
    }
    func numbers(_ name: String, _ values: [Double]) throws {
      let expected = try item.tensor(stored, "out.\(name)")
      check.compare(
        name, values, [values.count], expected.doubles, expected.shape, try Tolerance(item.tolerance[name]))
    }
    try numbers("losses", losses)
    try numbers("lr", rates)
    let state = network.stateDictionary()
    let expectedState = below("out.sd_after_step\(steps).", stored)
    try item.require(!expectedState.isEmpty, "\(item.path) has no tensor `out.sd_after_step\(steps).*`")
    for (name, expected) in expectedState.sorted(by: { $0.key < $1.key }) {
      guard let actual = state[name], actual.shape == expected.shape else {
        check.fail(
          "`\(name)` is \(state[name].map { "of shape \($0.shape)" } ?? "not in the state"), expected \(expected.shape)"
        )
        continue
      }
      let differences = zip(actual.doubles, expected.doubles).map { $0 - $1 }
      let rms = (differences.reduce(0) { $0 + $1 * $1 } / Double(max(1, differences.count))).squareRoot()
      guard let allowed = item.tolerance["final_state_rms_per_tensor"]?[name]?.doubleValue,
        let most = item.tolerance["final_state_max_abs_per_tensor"]?[name]?.doubleValue
      else { throw ParityError("no tolerance for `\(name)` after training") }
      check.compare("rms of `\(name)` after training", difference: rms, allowed: allowed)
      check.compare(
        "largest difference of `\(name)` after training", difference: differences.map { abs($0) }.max() ?? 0,
        allowed: most)
    }
    network.setTraining(false)
    let first = try input("0.x")
    let after = NN.withoutGradients { network(NetworkInput(image: first)) }
    check.compare(
      "eval_after", after.image, try item.tensor(stored, "out.eval_after"), try Tolerance(item.tolerance["eval_after"]))
  }
]

extension ParityCase {
  /// The optimiser that `optimizer` names, with PyTorch's defaults.
  fileprivate func traceOptimiser(_ parameters: [(name: String, parameter: Parameter)]) throws -> any Optimiser {
    let decay = try double("weight_decay", default: 0)
    let name = try text("optimizer")
    switch name {
    case "AdamW", "Adam":
      let betas = has("betas") ? try doubles("betas", count: 2) : [0.9, 0.999]
      return Adam(
        parameters, beta1: betas[0], beta2: betas[1], epsilon: try double("eps", default: 1e-8), weightDecay: decay,
        decoupled: name == "AdamW")
    case "SGD":
      return SGD(
        parameters, momentum: try double("momentum", default: 0), nesterov: try bool("nesterov", default: false),
        weightDecay: decay)
    default: throw ParityUnsupported("the optimiser \(name)")
    }
  }
}
