import CKernels

/// Images in bfloat16, channels-last: `stride` elements from pixel to pixel, the first at `offset`.
struct HalfBlock {
  let storage: Storage
  var offset = 0
  let stride: Int

  init(_ shape: [Int]) {
    stride = Tensor.padded(shape[1])
    storage = Storage(count: (shape[0] * shape[2] * shape[3] * stride + 1) / 2)
  }

  /// The channels of this block from `first`.
  func from(_ first: Int) -> HalfBlock {
    var part = self
    part.offset += first
    return part
  }

  func source(channels: Int, in memory: inout LentMemory) -> ck_source {
    var source = ck_source()
    (source.x, source.xs, source.half) = (
      UnsafePointer(memory.half(storage, offset: offset)), Int64(stride), 1
    )
    source.c = Int64(Tensor.padded(channels))
    return source
  }
}
