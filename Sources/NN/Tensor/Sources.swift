import CKernels

// Images as kernels read them, whether their values are stored or not.

extension LentMemory {
  /// The values of images as a kernel reads them; channels-last.
  mutating func source(_ tensor: Tensor) -> ck_source {
    switch tensor.pending {
    case .normalised(let block, let normalisation)?: return normalisation.source(block, in: &self)
    case .half(let block)?: return block.source(channels: tensor.c, in: &self)
    default:
      var source = ck_source()
      (source.x, source.xs, source.c) = (
        read(tensor), Int64(tensor.pixelStride), Int64(tensor.paddedChannels)
      )
      return source
    }
  }

  /// The source of each part, at most `CK_PARTS` of them.
  mutating func sources(_ tensor: Tensor) -> [ck_source] {
    if case .joined(let parts)? = tensor.pending, parts.count <= Int(CK_PARTS) {
      return parts.map { source($0) }
    }
    return [source(tensor)]
  }

  /// Channels-last values that lie in memory, and the elements from pixel to pixel; `tensor` is `stored(half:)`.
  mutating func stored(_ tensor: Tensor, half wanted: Bool) -> (
    pointer: UnsafePointer<Float>, stride: Int64
  ) {
    if case .half(let block)? = tensor.pending, wanted {
      return (UnsafePointer(half(block.storage, offset: block.offset)), Int64(block.stride))
    }
    return (read(tensor), Int64(tensor.pixelStride))
  }
}

extension Tensor {
  /// Whether kernels read these images as bfloat16.
  var isReadAsHalf: Bool {
    switch pending {
    case .normalised(let block, _)?: block.isReadAsHalf
    case .half?: true
    default: false
    }
  }

  /// The channels of each part of images that lie side by side; empty for others.
  var joinedChannels: [Int] {
    if case .joined(let parts)? = pending { return parts.map(\.c) }
    return []
  }

  /// These channels-last values in memory: in bfloat16 or in float32, converted where they are not.
  func stored(half wanted: Bool) -> Tensor {
    if case .half? = pending, wanted { return self }
    guard wanted else {
      _ = storage
      return self
    }
    let place = ImagePlace(shape, half: true)
    Kernels.run { kernels, memory in
      var source = memory.source(self)
      kernels.read_source(
        Kernels.threads, Int64(pixels), &source, memory.write(place), place.stride, place.half)
    }
    return place.tensor
  }
}
