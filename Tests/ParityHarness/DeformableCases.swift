import NN

let deformableOperations: [ParityOperation] = [
  ParityOperation("layers", "modulated_deform_conv2d") { item, check in
    let shapes: KeyValuePairs = [
      "in.x": "n c h w", "param.weight": "k c/groups kh kw", "param.bias?": "k", "in.mask": "n points oh ow",
      "in.offset": "n 2points oh ow",
    ]
    try item.layer(check, shapes: shapes) { t in
      let (x, weight) = (try t.input(), try t.required("weight"))
      let (offsets, factors) = (try t.input("offset"), try t.input("mask"))
      let geometry = try item.geometry(of: weight)
      let size = try item.requireOutput(geometry, weight, x)
      let points = weight.shape[2] * weight.shape[3]
      let groups = try item.int("offset_groups", default: 1, in: 1...4096)
      try item.require(
        x.c == weight.shape[1] * geometry.groups && weight.shape[0] % geometry.groups == 0,
        "a weight of shape \(weight.shape) in \(geometry.groups) groups does not fit the input \(x.shape)")
      try item.require(
        factors.c == groups * points && offsets.c == 2 * factors.c && x.c % groups == 0,
        "\(offsets.c) offsets and \(factors.c) factors for \(groups) offset groups of \(points) points")
      try item.require(
        [offsets.h, offsets.w] == size,
        "offsets of \(offsets.h) x \(offsets.w) for a result of \(size)")
      try item.require(
        try t.file("in.offset").doubles.allSatisfy { abs($0) < 1e6 }, "`in.offset` leads beyond a million pixels")
      return [
        "y": x.deformablyConvolved(
          offsets: offsets, factors: factors, weight, bias: try t.parameter("bias"), geometry)
      ]
    }
  }
]
