import NN

let deformableOperations: [ParityOperation] = [
  ParityOperation("layers", "modulated_deform_conv2d") { item, check in
    try item.layer(check) { t in
      let weight = try t.required("weight")
      return [
        "y": try t.input().deformablyConvolved(
          offsets: try t.input("offset"), factors: try t.input("mask"), weight, bias: t.parameter("bias"),
          item.geometry(of: weight))
      ]
    }
  }
]
