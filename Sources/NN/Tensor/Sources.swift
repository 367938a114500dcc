import CKernels

// What kernels read of images, whether their values are stored or not.

extension Tensor {
  /// Calls `body` with what a kernel reads to get these values; channels-last.
  func withSource<Result>(_ body: (UnsafePointer<ck_source>) -> Result) -> Result {
    var source: ck_source
    switch pending {
    case .normalised(let block, let normalisation)?: source = normalisation.source(block)
    case .half(let block)?: source = block.source(channels: c)
    default:
      source = ck_source()
      (source.x, source.xs, source.c) = (UnsafePointer(data), Int64(pixelStride), Int64(paddedChannels))
    }
    return withExtendedLifetime(self) { body(&source) }
  }

  /// The channels of each part of images that lie side by side; empty for others.
  var joinedChannels: [Int] {
    if case .joined(let parts)? = pending { return parts.map(\.c) }
    return []
  }

  /// The source of each part, at most `CK_PARTS` of them.
  var sources: [ck_source] {
    if case .joined(let parts)? = pending, parts.count <= Int(CK_PARTS) {
      return parts.map { $0.withSource { $0.pointee } }
    }
    return [withSource { $0.pointee }]
  }

  /// These channels-last values in memory: in bfloat16 or in float32, converted where they are not.
  func stored(half wanted: Bool) -> (pointer: UnsafeMutablePointer<Float>, stride: Int64, owner: Tensor) {
    if case .half(let block)? = pending, wanted { return (block.pointer, Int64(block.stride), self) }
    guard wanted else { return (data, Int64(pixelStride), self) }
    let place = ImagePlace(shape, half: true)
    withSource {
      Kernels.current.read_source(
        Kernels.threads, Int64(pixels), $0, place.pointer, place.stride, place.half)
    }
    return (place.pointer, place.stride, place.tensor)
  }
}
