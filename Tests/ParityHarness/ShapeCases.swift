import NN

let shapeOperations: [ParityOperation] = [
  ParityOperation("layers", "pixel_shuffle*") { item, check in
    let factor = try item.int("factor", in: 1...64)
    try item.layer(check, shapes: ["in.x": "n c h w"]) { t in
      let x = try t.input()
      try item.require(x.c % (factor * factor) == 0, "\(x.c) channels are no multiple of \(factor * factor)")
      return ["y": x.pixelShuffled(factor)]
    }
  },
  ParityOperation("layers", "pixel_unshuffle*") { item, check in
    let factor = try item.int("factor", in: 1...64)
    try item.layer(check, shapes: ["in.x": "n c h w"]) { t in
      let x = try t.input()
      try item.require(x.h % factor == 0 && x.w % factor == 0, "\(x.h) x \(x.w) pixels are no multiple of \(factor)")
      return ["y": x.pixelUnshuffled(factor)]
    }
  },
  ParityOperation("layers", "concat_channels") { item, check in
    try item.supportsOnly("dim", 1)
    try item.layer(check) { t in
      let names = t.stored.keys.filter { $0.hasPrefix("in.") }.map { String($0.dropFirst(3)) }.sorted()
      let parts = try names.map { try t.input($0) }
      guard let first = parts.first else { throw ParityError("the file has no tensor `in.*`") }
      try item.require(
        parts.allSatisfy { $0.rank == 4 && $0.n == first.n && $0.h == first.h && $0.w == first.w },
        "images of shapes \(parts.map(\.shape)) cannot be joined by channels")
      return ["y": Tensor.concatenated(parts)]
    }
  },
  ParityOperation("layers", "pad_reflect_right_bottom") { item, check in
    let pad = try item.ints("pad_left_right_top_bottom", count: 4)
    try item.supports(pad[0] == 0 && pad[2] == 0, "padding on the left or above: \(pad)")
    try item.layer(check, shapes: ["in.x": "n c h w"]) { t in
      let x = try t.input()
      try item.require(
        pad[1] < x.w && pad[3] < x.h,
        "reflection by \(pad[1]) and \(pad[3]) pixels needs a larger image than \(x.shape)")
      return ["y": x.reflectPadded(right: pad[1], bottom: pad[3])]
    }
  },
  ParityOperation("layers", "roll_2d") { item, check in
    let shifts = try item.ints("shifts", count: 2, in: -4096...4096)
    try item.supportsOnly("dims", [1, 2])
    try item.layer(check, shapes: ["in.x": "n h w c"]) { t in ["y": try t.input().rolled(dy: shifts[0], dx: shifts[1])]
    }
  },
  ParityOperation("layers", "linear") { item, check in
    try item.layer(check, shapes: ["in.x": "... in", "param.weight": "out in", "param.bias?": "out"]) { t in
      ["y": try t.input().linear(try t.required("weight"), bias: try t.parameter("bias"))]
    }
  },
]
