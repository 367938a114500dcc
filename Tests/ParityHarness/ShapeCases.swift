import NN

let shapeOperations: [ParityOperation] = [
  unary("pixel_shuffle_2") { $0.pixelShuffled(2) }, unary("pixel_shuffle_4") { $0.pixelShuffled(4) },
  unary("pixel_unshuffle_2") { $0.pixelUnshuffled(2) },
  ParityOperation("layers", "concat_channels") { item, check in
    try item.layer(check) { t in ["y": Tensor.concatenated([try t.input("a"), try t.input("b")])] }
  },
  ParityOperation("layers", "pad_reflect_right_bottom") { item, check in
    let pad = try item.ints("pad_left_right_top_bottom")
    try item.layer(check) { t in ["y": try t.input().reflectPadded(right: pad[1], bottom: pad[3])] }
  },
  ParityOperation("layers", "roll_2d") { item, check in
    let shifts = try item.ints("shifts")
    try item.layer(check) { t in ["y": try t.input().rolled(dy: shifts[0], dx: shifts[1])] }
  },
  ParityOperation("layers", "linear") { item, check in
    try item.layer(check) { t in
      ["y": try t.input().linear(try t.required("weight"), bias: t.parameter("bias"))]
    }
  },
]
