/// Where a kernel writes images, and the tensor they become: float32, or bfloat16 where that is asked for.
struct ImagePlace {
  let tensor: Tensor
  let stride: Int64
  let half: Int32

  init(_ shape: [Int], half isHalf: Bool = NN.options.precision == .bf16) {
    if isHalf {
      let block = HalfBlock(shape)
      tensor = Tensor(shape: shape, recipe: .half(block))
      (stride, half) = (Int64(block.stride), 1)
    } else {
      tensor = .emptyChannelsLast(shape)
      (stride, half) = (Int64(tensor.pixelStride), 0)
    }
  }

  /// Contiguous planes of one channel, float32.
  init(single shape: [Int]) {
    tensor = .empty(shape)
    (stride, half) = (1, 0)
  }
}

extension LentMemory {
  mutating func write(_ place: ImagePlace) -> UnsafeMutablePointer<Float> {
    if case .half(let block)? = place.tensor.pending {
      return half(block.storage, offset: block.offset)
    }
    return write(place.tensor)
  }
  mutating func write(_ place: ImagePlace?) -> UnsafeMutablePointer<Float>? {
    place.map { write($0) }
  }
}
