import NN

let normalisationOperations: [ParityOperation] = [
  ParityOperation("layers", "batchnorm2d_eval", "batchnorm2d_train") { item, check in
    let training = item.operation == "batchnorm2d_train"
    let stored = try item.tensors()
    let extents = try CaseTensors(stored).shapes([
      "in.x": "n c h w", "in.running_mean": "c", "in.running_var": "c", "param.weight": "c", "param.bias": "c",
    ])
    let norm = BatchNorm2d(
      extents["c"] ?? 0, epsilon: try item.float("eps"), momentum: try item.float("momentum", default: 0.1))
    norm.runningMean.value = .float(Tensor(try item.tensor(stored, "in.running_mean")))
    norm.runningVariance.value = .float(Tensor(try item.tensor(stored, "in.running_var")))
    let counted = try item.int("num_batches_tracked_before", default: 0, in: 0...1_000_000_000)
    norm.batchesTracked.value = .int([Int64(counted)], shape: [])
    norm.setTraining(training)
    // "x*0.5-1": the output of the second batch is not used, so its gradient is not either.
    let second = try item.secondBatch()
    try item.layer(check, module: norm) { t in
      var results = ["y": norm(try t.input())]
      if training {
        results["running_mean_after_1"] = norm.runningMean.tensor
        results["running_var_after_1"] = norm.runningVariance.tensor
        let x = Tensor(try t.file("in.x"))
        _ = NN.withoutGradients { norm(x.affine(second.factor, second.offset)) }
        results["running_mean_after_2"] = norm.runningMean.tensor
        results["running_var_after_2"] = norm.runningVariance.tensor
        if case .int(let count, _) = norm.batchesTracked.value {
          results["num_batches_tracked_after_2"] = Tensor([Float(count[0])], [])
        }
      }
      return results
    }
  },
  ParityOperation("layers", "layernorm2d_channels") { item, check in
    let epsilon = try item.float("eps")
    try item.layer(check, shapes: ["in.x": "n c h w", "param.weight": "c", "param.bias": "c"]) { t in
      [
        "y": try t.input().layerNormalisedOverChannels(
          weight: try t.required("weight"), bias: try t.required("bias"), epsilon: epsilon)
      ]
    }
  },
  ParityOperation("layers", "layernorm_last") { item, check in
    let epsilon = try item.float("eps")
    try item.layer(check, shapes: ["in.x": "... c", "param.weight": "c", "param.bias": "c"]) { t in
      [
        "y": try t.input().layerNormalised(
          weight: try t.required("weight"), bias: try t.required("bias"), epsilon: epsilon)
      ]
    }
  },
  ParityOperation("layers", "l2_normalize_channel") { item, check in
    let epsilon = try item.float("eps")
    try item.layer(check, shapes: ["in.x": "n c h w"]) { t in
      ["y": try t.input().normalisedOverChannels(epsilon: epsilon)]
    }
  },
]

extension ParityCase {
  /// How `second_batch` is made from the first: "x*0.5-1" is the factor 0.5 and the offset -1.
  fileprivate func secondBatch() throws -> (factor: Float, offset: Float) {
    let text = try text("second_batch", default: "x*1+0").filter { $0 != " " }
    guard let factor = try firstNumber(in: text, #"^x\*"# + numberPattern) else {
      throw ParityError("the attribute `second_batch` is \"\(text)\", but must read like x*0.5-1")
    }
    let offset = try firstNumber(in: text, #"^x\*"# + plainNumberPattern + numberPattern)
    return (Float(factor), Float(offset ?? 0))
  }
}
