import Basics
import NN

/// Traces of optimisers: gradients by step go in, parameters after each step come out.
let optimiserOperations: [ParityOperation] = [
  ParityOperation("optim", "sgd*", "adam*", "clip_grad*") { item, check in
    try item.supports(
      item.attributes["layout"]?.stringValue?.hasPrefix("in.grad.p*") == true,
      "a trace whose `layout` does not begin with in.grad.p*")
    let stored = try item.tensors()
    let tolerance = try Tolerance(item.tolerance)
    let steps = try item.int("steps", in: 1...10000)
    let names = stored.keys.filter { $0.hasPrefix("in.p") }.map { String($0.dropFirst(3)) }.sorted()
    try item.require(!names.isEmpty, "\(item.path) has no tensor `in.p*`")
    for name in names {
      let shape = try item.tensor(stored, "in.\(name)").shape
      for trace in ["in.grad.\(name)", "out.\(name)"] {
        let found = try item.tensor(stored, trace).shape
        try item.require(found == [steps] + shape, "`\(trace)` has the shape \(found), but must be \([steps] + shape)")
      }
    }
    let parameters = try names.map { name in
      (name: name, parameter: Parameter(Tensor(try item.tensor(stored, "in.\(name)"))))
    }
    let optimiser = try item.optimiser(parameters)
    let base = try item.double("lr")
    let schedule = try item.namedSchedule()
    let (clipping, order) = try item.clipping()
    var norms: [Double] = []
    for step in 0..<steps {
      for (name, parameter) in parameters {
        let all = try item.tensor(stored, "in.grad.\(name)").floats
        parameter.clearGradient()
        let values = Array(all[step * parameter.count..<(step + 1) * parameter.count])
        (parameter.tensor * Tensor(values, parameter.shape)).sum().backward()
      }
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
    if let expected = stored["out.norm_before_clip"], item.has("max_norm") {
      check.compare("out.norm_before_clip", norms, [norms.count], expected.doubles, expected.shape, tolerance)
    }
  },
  ParityOperation("optim", "grad_accumulation") { item, check in
    let stored = try item.tensors()
    let tolerance = try Tolerance(item.tolerance)
    let accumulated = try item.int("chunks", in: 1...64)
    // "conv2d 3x3 pad 1, mean L1 loss"
    let words = try item.text("model")
    try item.supports(words.hasPrefix("conv2d") && words.contains("L1 loss"), "the model `\(words)`")
    let padding = Int(try firstNumber(in: words, #"pad (\d+)"#) ?? 0)
    let extents = try CaseTensors(stored).shapes([
      "in.x": "n c h w", "param.weight": "k c kh kw", "param.bias": "k", "in.target": "n k oh ow",
    ])
    let x = Tensor(try item.tensor(stored, "in.x"))
    let target = Tensor(try item.tensor(stored, "in.target"))
    try item.require(x.n % accumulated == 0, "\(x.n) images cannot be split into \(accumulated) equal chunks")
    let geometry = ConvolutionGeometry(
      kernelHeight: extents["kh"] ?? 0, kernelWidth: extents["kw"] ?? 0, padding: padding)
    try item.require(
      try item.requireOutput(geometry, Tensor(item.tensor(stored, "param.weight")), x) == [target.h, target.w],
      "`in.target` has the shape \(target.shape), which is not that of the result")
    for (chunks, suffix) in [(1, "full_batch"), (accumulated, "accumulated")] {
      let weight = Parameter(Tensor(try item.tensor(stored, "param.weight")))
      let bias = Parameter(Tensor(try item.tensor(stored, "param.bias")))
      for chunk in 0..<chunks {
        func part(_ tensor: Tensor) -> Tensor {
          let size = tensor.count / chunks
          return Tensor(
            Array(tensor.values[chunk * size..<(chunk + 1) * size]), [tensor.n / chunks] + tensor.shape.dropFirst())
        }
        let y = part(x).convolved(weight.tensor, bias: bias.tensor, geometry)
        y.l1Loss(part(target)).affine(1 / Float(chunks)).backward()
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
      try supportsOnly("amsgrad", false)
      let betas = try doubles("betas", count: 2)
      return Adam(
        parameters, beta1: betas[0], beta2: betas[1], epsilon: try double("eps"), weightDecay: decay,
        decoupled: operation.hasPrefix("adamw"))
    }
    try supportsOnly("dampening", 0)
    return SGD(
      parameters, momentum: try double("momentum", default: 0), nesterov: try bool("nesterov", default: false),
      weightDecay: decay)
  }

  fileprivate func clipping() throws -> (GradientClipping, order: Double) {
    if has("clip_value") { return (.value(limit: try double("clip_value")), 2) }
    guard has("max_norm") else { return (.none, 2) }
    let order = try double("norm_type", in: 1...64)
    return (.norm(limit: try double("max_norm"), order: order), order)
  }
}
