import NN

let attentionOperations: [ParityOperation] = [
  ParityOperation("layers", "window_attention") { item, check in
    try item.layer(check) { t in
      let heads = try item.int("heads")
      let tables = WindowAttentionTables(window: try item.int("window"))
      check.expect(
        try t.integers("in.relative_position_index") == tables.relativePositions, "the relative positions differ")
      let mask = try t.stored["in.attn_mask"] == nil ? nil : t.input("attn_mask")
      let mixed = try t.input().linear(try t.required("qkv.weight"), bias: try t.required("qkv.bias"))
        .windowAttention(
          heads: heads, biasTable: try t.required("relative_position_bias_table"),
          relativePositions: tables.relativePositions, mask: mask)
      return ["y": mixed.linear(try t.required("proj.weight"), bias: try t.required("proj.bias"))]
    }
  }
]
