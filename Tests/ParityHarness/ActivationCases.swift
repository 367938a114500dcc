import NN

let activationOperations: [ParityOperation] = [
  unary("relu") { x, _ in x.relu() }, unary("gelu_exact") { x, _ in x.gelu() }, unary("tanh") { x, _ in x.tanh() },
  unary("sigmoid") { x, _ in x.sigmoid() }, unary("abs") { x, _ in x.absolute() },
  ParityOperation("layers", "softplus") { item, check in
    try item.supportsOnly("beta", 1)
    try item.supportsOnly("threshold", 20)
    let factor = try item.inputFactor()
    try item.layer(check) { t in ["y": try t.input().affine(factor).softplus()] }
  },
  unary("softmax_last") { x, _ in x.softmax() },
  unary("softmax_channel", "n c h w") { x, _ in x.softmaxOverChannels() },
  ParityOperation("layers", "clamp_*") { item, check in
    // The bounds stand in the attributes or, as `clamp_0_1`, in the name.
    let named = item.operation.split(separator: "_").dropFirst().map { Double($0) }
    let low = try item.double("min", default: named.first ?? nil)
    let high = try item.double("max", default: named.count == 2 ? named[1] : nil)
    try item.require(low <= high, "the bounds \(low) and \(high) are in the wrong order")
    try item.layer(check) { t in ["y": try t.input().clamped(Float(low), Float(high))] }
  },
  ParityOperation("layers", "simple_gate") { item, check in
    try item.layer(check, shapes: ["in.x": "n c h w"]) { t in
      let x = try t.input()
      try item.require(x.c % 2 == 0, "`in.x` has the shape \(x.shape): a gate needs an even number of channels")
      return ["y": x.simpleGate()]
    }
  },
  ParityOperation("layers", "leaky_relu") { item, check in
    let slope = try item.float("negative_slope")
    try item.layer(check) { t in ["y": try t.input().leakyReLU(slope)] }
  },
  ParityOperation("layers", "prelu*") { item, check in
    try item.layer(check, shapes: ["in.x": "n c h w", "param.weight": "slopes"]) { t in
      let (x, weight) = (try t.input(), try t.required("weight"))
      try item.require(
        weight.count == 1 || weight.count == x.c, "`param.weight` holds \(weight.count) slopes for \(x.c) channels")
      return ["y": x.prelu(weight)]
    }
  },
]

/// A function of one tensor; `formula` may scale its argument, as "sigmoid(4*x)" does.
func unary(
  _ operation: String, _ shape: String = "...", _ function: @escaping @Sendable (Tensor, ParityCase) throws -> Tensor
) -> ParityOperation {
  ParityOperation("layers", operation) { item, check in
    let factor = try item.inputFactor()
    try item.layer(check, shapes: ["in.x": shape]) { t in
      let x = try t.input()
      return ["y": try function(factor == 1 ? x : x.affine(factor), item)]
    }
  }
}

extension ParityCase {
  /// The factor of the argument in `formula`, so that fixtures reach both ends of a function: 12 in "softplus(12*x): ...".
  func inputFactor() throws -> Float {
    Float(try number(in: "formula", #"^\w+\("# + numberPattern + #"\s*\*\s*x\)"#, default: 1))
  }
}
