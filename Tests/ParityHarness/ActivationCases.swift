import NN

let activationOperations: [ParityOperation] =
  [
    unary("relu") { $0.relu() }, unary("gelu_exact") { $0.gelu() }, unary("tanh") { $0.tanh() },
    // The fixtures scale the input so that both ends of the function are reached.
    unary("sigmoid") { $0.affine(4).sigmoid() }, unary("softplus") { $0.affine(12).softplus() },
    unary("softmax_last") { $0.affine(3).softmax() }, unary("softmax_channel") { $0.softmaxOverChannels() },
    unary("clamp_0_1") { $0.clamped(0, 1) }, unary("abs") { $0.absolute() }, unary("simple_gate") { $0.simpleGate() },
    ParityOperation("layers", "leaky_relu") { item, check in
      try item.layer(check) { t in ["y": try t.input().leakyReLU(Float(try item.double("negative_slope")))] }
    },
    ParityOperation("layers", "prelu_1", "prelu_channel") { item, check in
      try item.layer(check) { t in ["y": try t.input().prelu(try t.required("weight"))] }
    },
  ]

/// A function of one tensor without options.
func unary(_ operation: String, _ function: @escaping @Sendable (Tensor) -> Tensor) -> ParityOperation {
  ParityOperation("layers", operation) { item, check in
    try item.layer(check) { t in ["y": function(try t.input())] }
  }
}
