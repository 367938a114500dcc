import NN

let attentionOperations: [ParityOperation] = [
  ParityOperation("layers", "window_attention*") { item, check in
    let window = try item.int("window", in: 1...64)
    let heads = try item.int("heads", in: 1...256)
    let tables = WindowAttentionTables(window: window)
    let shapes: KeyValuePairs = [
      "in.x": "windows tokens c", "param.qkv.weight": "3c c", "param.qkv.bias": "3c", "param.proj.weight": "c c",
      "param.proj.bias": "c", "param.relative_position_bias_table": "entries heads",
      "in.relative_position_index": "tokens tokens", "in.attn_mask?": "masks tokens tokens",
    ]
    try item.layer(check) { t in
      let channels = try t.file("in.x").shape.last ?? 0
      let sizes = try t.shapes(
        shapes,
        [
          "tokens": window * window, "heads": heads, "3c": 3 * channels,
          "entries": (2 * window - 1) * (2 * window - 1),
        ])
      try item.require(channels % heads == 0, "\(channels) channels cannot be split into \(heads) heads")
      let (windows, masks) = (sizes["windows"] ?? 0, sizes["masks"] ?? 1)
      try item.require(windows % masks == 0, "\(windows) windows are no multiple of the \(masks) masks")
      check.expect(
        try t.file("in.relative_position_index").integers == tables.relativePositions,
        "in.relative_position_index: the relative positions differ")
      let mask = try t.stored["in.attn_mask"] == nil ? nil : t.input("attn_mask")
      let mixed = try t.input().linear(try t.required("qkv.weight"), bias: try t.required("qkv.bias"))
        .windowAttention(
          heads: heads, biasTable: try t.required("relative_position_bias_table"),
          relativePositions: tables.relativePositions, mask: mask)
      return ["y": mixed.linear(try t.required("proj.weight"), bias: try t.required("proj.bias"))]
    }
  }
]
