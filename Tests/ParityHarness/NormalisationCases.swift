import NN

let normalisationOperations: [ParityOperation] = [
  ParityOperation("layers", "batchnorm2d_eval", "batchnorm2d_train") { item, check in
    let training = item.operation == "batchnorm2d_train"
    let stored = try item.tensors()
    let norm = BatchNorm2d(
      stored["in.x"]?.shape[1] ?? 0, epsilon: Float(try item.double("eps")),
      momentum: Float(try item.double("momentum", default: 0.1)))
    norm.runningMean.value = .float(Tensor(try item.tensor(stored, "in.running_mean")))
    norm.runningVariance.value = .float(Tensor(try item.tensor(stored, "in.running_var")))
    let counted = try item.int("num_batches_tracked_before", default: 0)
    norm.batchesTracked.value = .int([Int64(counted)], shape: [])
    norm.setTraining(training)
    try item.layer(check, module: norm) { t in
      var results = ["y": norm(try t.input())]
      if training {
        results["running_mean_after_1"] = norm.runningMean.tensor
        results["running_var_after_1"] = norm.runningVariance.tensor
        // The second batch is x/2 - 1; its output is not used, so its gradient is not either.
        _ = NN.withoutGradients { norm(Tensor(stored["in.x"]!).affine(0.5, -1)) }  // present: it was used above
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
    try item.layer(check) { t in
      let epsilon = Float(try item.double("eps"))
      return [
        "y": try t.input().layerNormalisedOverChannels(
          weight: try t.required("weight"), bias: try t.required("bias"), epsilon: epsilon)
      ]
    }
  },
  ParityOperation("layers", "layernorm_last") { item, check in
    try item.layer(check) { t in
      let epsilon = Float(try item.double("eps"))
      return [
        "y": try t.input().layerNormalised(
          weight: try t.required("weight"), bias: try t.required("bias"), epsilon: epsilon)
      ]
    }
  },
  ParityOperation("layers", "l2_normalize_channel") { item, check in
    try item.layer(check) { t in
      ["y": try t.input().normalisedOverChannels(epsilon: Float(try item.double("eps")))]
    }
  },
]

extension ParityCase {
  func tensor(_ stored: [String: StoredTensor], _ name: String) throws -> StoredTensor {
    guard let tensor = stored[name] else { throw ParityError("\(path) has no tensor `\(name)`") }
    return tensor
  }
}
