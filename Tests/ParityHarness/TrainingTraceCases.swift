import Basics
import NN

/// Three optimiser steps of the U-Net with accumulation, held to the reference's losses, gradients and final state.
let trainingTraceOperations: [ParityOperation] = [
  ParityOperation("models", "depthupres_unet_train3", "depthupres_unet_normal_train3") { item, check in
    guard let network = item.network() else { return }
    let stored = try item.tensors()
    func input(_ name: String) throws -> Tensor { Tensor(try item.tensor(stored, "in.\(name)")) }
    try network.load(below("sd.initial.", stored))
    network.setTraining(true)
    let parameters = network.namedParameters
    let optimiser = Adam(parameters, weightDecay: try item.double("weight_decay"), decoupled: true)
    let steps = try item.int("optimizer_steps")
    let accumulation = try item.int("grad_accum")
    let base = try item.double("lr")
    let schedule = LearningRateSchedule.cosine(period: 3, minimum: 0)
    var losses: [Double] = []
    var rates: [Double] = []
    for step in 0..<steps {
      network.clearGradients()
      for part in 0..<accumulation {
        let k = step * accumulation + part
        let output = network(NetworkInput(image: try input("\(k).x")))
        let mask = try input("\(k).mask")
        var loss = output.image.depthLoss(try input("\(k).target"), mask: mask, gradientWeight: 0.5)
        if let normal = output[.normals] {
          loss = loss + normal.normalCosineLoss(try input("normal_target"), mask: mask).affine(0.5)
        }
        losses.append(Double(loss.item))
        loss.affine(1 / Float(accumulation)).backward()
      }
      if step == 0 {
        let tolerance = try Tolerance(item.tolerance["grad_step1"])
        for (name, parameter) in parameters {
          guard let expected = stored["out.grad_step1.\(name)"] else { continue }
          check.compare("grad_step1.\(name)", parameter.gradient, expected, tolerance)
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
    for (name, expected) in below("out.sd_after_step3.", stored).sorted(by: { $0.key < $1.key }) {
      guard let actual = state[name] else {
        check.fail("`\(name)` is not in the state")
        continue
      }
      let differences = zip(actual.doubles, expected.doubles).map { $0 - $1 }
      let rms = (differences.reduce(0) { $0 + $1 * $1 } / Double(max(1, differences.count))).squareRoot()
      guard let allowed = item.tolerance["final_state_rms_per_tensor"]?[name]?.doubleValue,
        let most = item.tolerance["final_state_max_abs_per_tensor"]?[name]?.doubleValue
      else { throw ParityError("\(item.id): no tolerance for `\(name)`") }
      check.compare("rms of `\(name)` after training", difference: rms, allowed: allowed)
      check.compare(
        "largest difference of `\(name)` after training", difference: differences.map { abs($0) }.max() ?? 0,
        allowed: most
      )
    }
    network.setTraining(false)
    let after = NN.withoutGradients { network(NetworkInput(image: Tensor(stored["in.0.x"]!))) }  // read above
    check.compare(
      "eval_after", after.image, try item.tensor(stored, "out.eval_after"), try Tolerance(item.tolerance["eval_after"]))
  }
]
