/// Where a kernel writes images, and the tensor they become: float32, or bfloat16 where that is asked for.
struct ImagePlace {
  let tensor: Tensor
  let pointer: UnsafeMutablePointer<Float>
  let stride: Int64
  let half: Int32

  init(_ shape: [Int], half isHalf: Bool = NN.options.precision == .bf16) {
    if isHalf {
      let block = HalfBlock(shape)
      tensor = Tensor(shape: shape, recipe: .half(block))
      (pointer, stride, half) = (block.pointer, Int64(block.stride), 1)
    } else {
      tensor = .emptyChannelsLast(shape)
      (pointer, stride, half) = (tensor.data, Int64(tensor.pixelStride), 0)
    }
  }

  /// Contiguous planes of one channel, float32.
  init(single shape: [Int]) {
    tensor = .empty(shape)
    (pointer, stride, half) = (tensor.data, 1, 0)
  }
}
