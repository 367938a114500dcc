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
      FastConvolution.kernels.read_source(
        FastConvolution.threads, Int64(result.pixels), source, result.data + start, Int64(lanes), 0)
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

  var pointer: UnsafeMutablePointer<Float> {
    // Kernels take one type of pointer and a flag.
    (UnsafeMutableRawPointer(storage.pointer) + 2 * offset).assumingMemoryBound(to: Float.self)
  }

  func source(channels: Int) -> ck_source {
    var source = ck_source()
    (source.x, source.xs, source.half) = (UnsafePointer(pointer), Int64(stride), 1)
    source.c = Int64(Tensor.padded(channels))
    return source
  }
}

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

/// Sums over a gradient that the backward pass of the normalisation `of` needs.
struct GradientStatistics {
  let of: ChannelNormalisation
  let sums: [Double]
}

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
      FastConvolution.kernels.read_source(
        FastConvolution.threads, Int64(pixels), $0, place.pointer, place.stride, place.half)
    }
    return (place.pointer, place.stride, place.tensor)
  }

  /// The normalisation whose result this is, as long as it is not stored.
  var pendingNormalisation: (block: Tensor, normalisation: ChannelNormalisation)? {
    if case .normalised(let block, let normalisation)? = pending { return (block, normalisation) }
    return nil
  }

  /// Calls `body` with a place for the statistics of the gradient of this tensor, when it is a pending normalisation,
  /// and leaves them with the gradient that `body` returns.
  func collectingStatistics(_ body: (UnsafePointer<ck_statistics>?) -> Tensor) -> Tensor {
    guard let (block, normalisation) = pendingNormalisation else { return body(nil) }
    var sums = [Double](repeating: 0, count: 2 * block.paddedChannels)
    let gradient = sums.withUnsafeMutableBufferPointer { buffer in
      var statistics = normalisation.statistics(block, into: buffer.baseAddress!)  // there are channels
      return body(&statistics)
    }
    gradient.statistics = GradientStatistics(of: normalisation, sums: sums)
    return gradient
  }
}
