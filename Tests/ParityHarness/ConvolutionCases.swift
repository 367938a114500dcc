import NN

let convolutionOperations: [ParityOperation] = [
  ParityOperation("layers", "conv2d") { item, check in
    try item.layer(check) { t in
      let weight = try t.required("weight")
      return ["y": try t.input().convolved(weight, bias: t.parameter("bias"), item.geometry(of: weight))]
    }
  },
  ParityOperation("layers", "conv_transpose2d") { item, check in
    try item.layer(check) { t in
      let weight = try t.required("weight")
      return ["y": try t.input().convolvedTransposed(weight, bias: t.parameter("bias"), item.geometry(of: weight))]
    }
  },
]

extension ParityCase {
  func geometry(of weight: Tensor) throws -> ConvolutionGeometry {
    ConvolutionGeometry(
      kernelHeight: weight.shape[2], kernelWidth: weight.shape[3], stride: try int("stride", default: 1),
      padding: try int("padding", default: 0), dilation: try int("dilation", default: 1),
      groups: try int("groups", default: 1))
  }
}
