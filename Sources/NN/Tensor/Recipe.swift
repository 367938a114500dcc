import CKernels

/// How the values of an image follow from others in one cheap pass. Operations that know recipes read the others directly
/// (`withSource`); for all others the values are made.
enum Recipe {
  /// max(0, block * scale + shift): what a batch normalisation with ReLU makes of the result of a convolution.
  case normalised(Tensor, ChannelNormalisation)
  /// Images side by side along the channels, each part a multiple of 16 and channels-last.
  case joined([Tensor])
  /// Stored in bfloat16.
  case half(HalfBlock)
  /// plane * factors: one channel [n, 1, h, w] times a factor for each channel, padded. The gradient of a normalisation in
  /// front of a 1x1 convolution to one channel.
  case outer(plane: Tensor, factors: Tensor)

  /// The same without values that somebody made in between.
  func kept() -> Recipe {
    switch self {
    case .normalised, .half, .outer: self
    case .joined(let parts): .joined(parts.map { $0.kept() })
    }
  }

  func make(_ shape: [Int]) -> Storage {
    let lanes = Tensor.padded(shape[1])
    let result = Tensor.empty(shape, .channelsLast(stride: lanes))
    func write(_ source: UnsafePointer<ck_source>, at start: Int) {
      Kernels.current.read_source(
        Kernels.threads, Int64(result.pixels), source, result.data + start, Int64(lanes), 0)
    }
    switch self {
    case .normalised(let block, let normalisation):
      var source = normalisation.source(block)
      write(&source, at: 0)
    case .half(let block):
      var source = block.source(channels: shape[1])
      write(&source, at: 0)
    case .outer(let plane, let factors):
      let (from, by, to) = (plane.data, factors.data, result.data)
      parallelChunks(result.pixels, of: 4096) { range in
        for pixel in range { for k in 0..<lanes { to[pixel * lanes + k] = from[pixel] * by[k] } }
      }
    case .joined(let parts):
      var start = 0
      for part in parts {
        part.withSource { write($0, at: start) }
        start += part.c
      }
    }
    return result.storage
  }
}
