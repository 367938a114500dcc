import CKernels

/// How the values of an image follow from others in one cheap pass. Operations that know recipes read the others directly
/// (`withSources`); for all others the values are made.
enum Recipe {
  /// max(0, block * scale + shift): what a batch normalisation with ReLU makes of the result of a convolution.
  case normalised(Tensor, ChannelNormalisation)
  /// Images side by side along the channels, each part a multiple of 16 and channels-last.
  case joined([Tensor])

  /// The same without values that somebody made in between.
  func kept() -> Recipe {
    switch self {
    case .normalised: self
    case .joined(let parts): .joined(parts.map { $0.kept() })
    }
  }

  func make(_ shape: [Int]) -> Storage {
    let lanes = Tensor.padded(shape[1])
    let result = Tensor.empty(shape, .channelsLast(stride: lanes))
    switch self {
    case .normalised(let block, let normalisation):
      var source = normalisation.source(block)
      FastConvolution.kernels.read_source(
        FastConvolution.threads, Int64(result.pixels), &source, result.data, Int64(lanes))
    case .joined(let parts):
      var start = 0
      for part in parts {
        part.withSource { source in
          FastConvolution.kernels.read_source(
            FastConvolution.threads, Int64(result.pixels), source, result.data + start, Int64(lanes))
        }
        start += part.c
      }
    }
    return result.storage
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
    if case .normalised(let block, let normalisation)? = pending {
      source = normalisation.source(block)
    } else {
      source = ck_source()
      (source.x, source.xs, source.c) = (UnsafePointer(data), Int64(pixelStride), Int64(paddedChannels))
    }
    return withExtendedLifetime(self) { body(&source) }
  }

  /// The source of each part, at most `CK_PARTS` of them.
  var sources: [ck_source] {
    if case .joined(let parts)? = pending, parts.count <= Int(CK_PARTS) {
      return parts.map { $0.withSource { $0.pointee } }
    }
    return [withSource { $0.pointee }]
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
