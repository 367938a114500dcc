import Basics
import NN

/// Traces of optimisers: gradients by step go in, parameters after each step come out.
let optimiserOperations: [ParityOperation] = [
  ParityOperation(where: {
    $0.group == "optim" && $0.attributes["layout"]?.stringValue?.hasPrefix("in.grad.p*") == true
  }) {
    item, check in
    let stored = try item.tensors()
    let tolerance = try Tolerance(item.tolerance)
    let names = stored.keys.filter { $0.hasPrefix("in.p") }.map { String($0.dropFirst(3)) }.sorted()
    let parameters = try names.map { name in
      (name: name, parameter: Parameter(Tensor(try item.tensor(stored, "in.\(name)"))))
    }
    let optimiser = try item.optimiser(parameters)
    let base = try item.double("lr")
    let schedule: LearningRateSchedule =
      item.attributes["schedule"]?.stringValue?.contains("T_max=8") == true ? .cosine(period: 8, minimum: 0) : .constant
    var norms: [Double] = []
    for step in 0..<(try item.int("steps")) {
      for (name, parameter) in parameters {
        let all = try item.tensor(stored, "in.grad.\(name)").floats
        parameter.clearGradient()
        let values = Array(all[step * parameter.count..<(step + 1) * parameter.count])
        (parameter.tensor * Tensor(values, parameter.shape)).sum().backward()
      }
      let (clipping, order) = try item.clipping()
      norms.append(parameters.gradientNorm(order: order))
      let scale = parameters.clipGradients(clipping)
      optimiser.step(learningRate: schedule.rate(at: step, base: base), gradientScale: scale)
      for (name, parameter) in parameters {
        let expected = try item.tensor(stored, "out.\(name)")
        let part = Array(expected.doubles[step * parameter.count..<(step + 1) * parameter.count])
        check.compare(
          "out.\(name) after step \(step + 1)", parameter.value.values.map { Double($0) }, parameter.shape, part,
          parameter.shape, tolerance)
      }
    }
    // The value clip of the reference reports no norm.
    if let expected = stored["out.norm_before_clip"], item.attributes["max_norm"] != nil {
      check.compare("out.norm_before_clip", norms, [norms.count], expected.doubles, expected.shape, tolerance)
    }
  },
  ParityOperation("optim", "grad_accumulation") { item, check in
    let stored = try item.tensors()
    let tolerance = try Tolerance(item.tolerance)
    let (x, target) = (try item.tensor(stored, "in.x").floats, try item.tensor(stored, "in.target").floats)
    for (chunks, suffix) in [(1, "full_batch"), (try item.int("chunks"), "accumulated")] {
      let weight = Parameter(Tensor(try item.tensor(stored, "param.weight")))
      let bias = Parameter(Tensor(try item.tensor(stored, "param.bias")))
      for chunk in 0..<chunks {
        func part(_ values: [Float], _ shape: [Int]) -> Tensor {
          let size = values.count / chunks
          return Tensor(Array(values[chunk * size..<(chunk + 1) * size]), [shape[0] / chunks] + shape.dropFirst())
        }
        let y = part(x, [4, 2, 6, 7]).convolved(
          weight.tensor, bias: bias.tensor, ConvolutionGeometry(kernel: 3, padding: 1))
        y.l1Loss(part(target, [4, 3, 6, 7])).affine(1 / Float(chunks)).backward()
      }
      check.compare(
        "weight \(suffix)", weight.gradient, try item.tensor(stored, "out.grad_weight_\(suffix)"), tolerance)
      check.compare("bias \(suffix)", bias.gradient, try item.tensor(stored, "out.grad_bias_\(suffix)"), tolerance)
    }
  },
]

extension ParityCase {
  fileprivate func optimiser(_ parameters: [(name: String, parameter: Parameter)]) throws -> any Optimiser {
    let decay = try double("weight_decay", default: 0)
    if operation.hasPrefix("adam") {
      let betas = (attributes["betas"]?.arrayValue ?? []).compactMap(\.doubleValue)
      guard betas.count == 2 else { throw ParityError("\(id): `betas` needs two numbers") }
      return Adam(
        parameters, beta1: betas[0], beta2: betas[1], epsilon: try double("eps"), weightDecay: decay,
        decoupled: operation.hasPrefix("adamw"))
    }
    return SGD(
      parameters, momentum: try double("momentum", default: 0),
      nesterov: attributes["nesterov"]?.boolValue ?? false, weightDecay: decay)
  }

  fileprivate func clipping() throws -> (GradientClipping, order: Double) {
    if let limit = attributes["clip_value"]?.doubleValue { return (.value(limit: limit), 2) }
    if let limit = attributes["max_norm"]?.doubleValue {
      let order = try double("norm_type")
      return (.norm(limit: limit, order: order), order)
    }
    return (.none, 2)
  }
}
