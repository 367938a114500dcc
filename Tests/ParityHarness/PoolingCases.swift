import NN

let poolingOperations: [ParityOperation] = [
  ParityOperation("layers", "maxpool2x2*") { item, check in
    try item.supportsOnly("kernel", 2)
    try item.supportsOnly("stride", 2)
    try item.supportsOnly("padding", 0)
    try item.supportsOnly("ceil_mode", false)
    try item.layer(check, shapes: ["in.x": "n c h w"]) { t in
      let x = try t.input()
      try item.require(x.h >= 2 && x.w >= 2, "`in.x` has the shape \(x.shape): no block of 2 x 2 pixels")
      return ["y": x.maxPooled2x2()]
    }
  },
  ParityOperation("layers", "adaptive_avg_pool*") { item, check in
    let size = try item.pooledSize()
    try item.layer(check, shapes: ["in.x": "n c h w"]) { t in
      let x = try t.input()
      return ["y": size == [1, 1] ? x.globalAverage() : x.adaptiveAverage(height: size[0], width: size[1])]
    }
  },
  ParityOperation("layers", "adaptive_max_pool*") { item, check in
    try item.supports(try item.pooledSize() == [1, 1], "adaptive maximum pooling to more than one pixel")
    try item.layer(check, shapes: ["in.x": "n c h w"]) { t in ["y": try t.input().globalMaximum()] }
  },
  unary("sgnet_stdv_channels", "n c h w") { x, _ in x.channelDeviation() },
  unary("sgnet_gradient_rgb", "n c h w") { x, _ in x.gradientMagnitude() },
]

extension ParityCase {
  /// `output`: one number for both sides, or rows and columns.
  fileprivate func pooledSize() throws -> [Int] {
    if attributes["output"]?.arrayValue != nil { return try ints("output", count: 2, in: 1...1024) }
    let side = try int("output", in: 1...1024)
    return [side, side]
  }
}
