import NN

let convolutionOperations: [ParityOperation] = [
  ParityOperation("layers", "conv2d") { item, check in
    try item.layer(check, shapes: ["in.x": "n c h w", "param.weight": "k c/groups kh kw", "param.bias?": "k"]) { t in
      let (x, weight) = (try t.input(), try t.required("weight"))
      let geometry = try item.geometry(of: weight)
      try item.require(
        x.c == weight.shape[1] * geometry.groups && weight.shape[0] % geometry.groups == 0,
        "a weight of shape \(weight.shape) in \(geometry.groups) groups does not fit the input \(x.shape)")
      try item.requireOutput(geometry, weight, x)
      return ["y": x.convolved(weight, bias: try t.parameter("bias"), geometry)]
    }
  },
  ParityOperation("layers", "conv_transpose2d") { item, check in
    try item.supportsOnly("output_padding", 0)
    try item.layer(check, shapes: ["in.x": "n c h w", "param.weight": "c k/groups kh kw"]) { t in
      let (x, weight) = (try t.input(), try t.required("weight"))
      let geometry = try item.geometry(of: weight)
      try item.require(
        x.c % geometry.groups == 0, "\(x.c) channels cannot be split into \(geometry.groups) groups")
      try t.shapes(["param.bias?": "\(weight.shape[1] * geometry.groups)"])
      for (size, kernel) in [(x.h, weight.shape[2]), (x.w, weight.shape[3])] {
        try item.require(
          (size - 1) * geometry.stride + geometry.dilation * (kernel - 1) + 1 > 2 * geometry.padding,
          "a padding of \(geometry.padding) leaves nothing of the result")
      }
      return ["y": x.convolvedTransposed(weight, bias: try t.parameter("bias"), geometry)]
    }
  },
]

extension ParityCase {
  func geometry(of weight: Tensor) throws -> ConvolutionGeometry {
    try supportsOnly("padding_mode", "zeros")
    return ConvolutionGeometry(
      kernelHeight: weight.shape[2], kernelWidth: weight.shape[3],
      stride: try sameForBothAxes("stride", default: 1, in: 1...256),
      padding: try sameForBothAxes("padding", default: 0, in: 0...256),
      dilation: try sameForBothAxes("dilation", default: 1, in: 1...256),
      groups: try int("groups", default: 1, in: 1...65536))
  }

  /// Rows and columns of a convolution's result.
  /// - Throws: `ParityError` when the kernel does not fit into the padded image.
  @discardableResult
  func requireOutput(_ geometry: ConvolutionGeometry, _ weight: Tensor, _ x: Tensor) throws -> [Int] {
    try zip([x.h, x.w], weight.shape.suffix(2)).map { size, kernel in
      let room = size + 2 * geometry.padding - geometry.dilation * (kernel - 1) - 1
      try require(
        room >= 0,
        "a kernel of \(weight.shape[2]) x \(weight.shape[3]) with dilation \(geometry.dilation) and padding "
          + "\(geometry.padding) does not fit into the input \(x.shape)")
      return room / geometry.stride + 1
    }
  }
}
