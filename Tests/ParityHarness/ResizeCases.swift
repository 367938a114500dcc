import NN

let resizeOperations: [ParityOperation] = [
  ParityOperation("layers", "bicubic", "bilinear", "nearest") { item, check in
    guard let interpolation = Interpolation(rawValue: item.operation) else {
      throw ParityUnsupported("the interpolation \(item.operation)")
    }
    let corners = try item.bool("align_corners", default: false)
    try item.supportsOnly("antialias", false)
    try item.layer(check, shapes: ["in.x": "n c h w"]) { t in
      let x = try t.input()
      let size = try item.resizedSize(of: x, alignCorners: corners)
      return ["y": x.resized(height: size[0], width: size[1], interpolation, alignCorners: corners)]
    }
  }
]

extension ParityCase {
  /// From `size`, or from `scale_factor` (one number or a pair), rounded down.
  fileprivate func resizedSize(of x: Tensor, alignCorners: Bool) throws -> [Int] {
    if has("size") { return try ints("size", count: 2, in: 1...8192) }
    let factors =
      attributes["scale_factor"]?.arrayValue != nil
      ? try doubles("scale_factor", count: 2)
      : [Double](repeating: try double("scale_factor", in: 1e-4...256), count: 2)
    let exact = zip([x.h, x.w], factors).map { Double($0) * $1 }
    try require(
      exact.allSatisfy { $0 >= 1 && $0 <= 8192 }, "`scale_factor` makes \(x.h) x \(x.w) pixels \(exact), not 1 to 8192")
    let size = exact.map { Int($0) }
    // PyTorch places samples by the given factor unless told to recompute it; the library by the ratio of the sizes.
    let isRatio = zip(size, exact).allSatisfy { Double($0) == $1 }
    try supports(
      try isRatio || alignCorners || bool("recompute_scale_factor", default: false),
      "sampling by a `scale_factor` that is not the ratio of the sizes")
    return size
  }
}
