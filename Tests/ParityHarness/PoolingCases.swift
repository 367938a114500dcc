import NN

let poolingOperations: [ParityOperation] = [
  unary("maxpool2x2") { $0.maxPooled2x2() }, unary("adaptive_avg_pool_1") { $0.globalAverage() },
  unary("adaptive_max_pool_1") { $0.globalMaximum() }, unary("sgnet_stdv_channels") { $0.channelDeviation() },
  unary("sgnet_gradient_rgb") { $0.gradientMagnitude() },
  ParityOperation("layers", "adaptive_avg_pool_3x2") { item, check in
    let size = try item.ints("output")
    try item.layer(check) { t in ["y": try t.input().adaptiveAverage(height: size[0], width: size[1])] }
  },
]
