import Basics
import CKernels

/// How the values of an image follow from others in one cheap pass. Operations that know recipes read the others directly
/// (`LentMemory.source`); for all others the values are made.
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

  /// This recipe without values that somebody made in between.
  func kept() -> Recipe {
    switch self {
    case .normalised, .half, .outer: self
    case .joined(let parts): .joined(parts.map { $0.kept() })
    }
  }

  func make(_ shape: [Int]) -> Storage {
    let lanes = Tensor.padded(shape[1])
    let result = Tensor.empty(shape, .channelsLast(stride: lanes))
    func write(at start: Int, _ source: (inout LentMemory) -> ck_source) {
      Kernels.run { kernels, memory in
        var source = source(&memory)
        kernels.read_source(
          Kernels.threads, Int64(result.pixels), &source, memory.write(result) + start,
          Int64(lanes), 0)
      }
    }
    switch self {
    case .normalised(let block, let normalisation):
      write(at: 0) { normalisation.source(block, in: &$0) }
    case .half(let block): write(at: 0) { block.source(channels: shape[1], in: &$0) }
    case .outer(let plane, let factors):
      let (from, by, to) = (plane.reader, factors.reader, result.writer)
      parallelChunks(result.pixels, of: 4096) { range in
        for pixel in range { for k in 0..<lanes { to[pixel * lanes + k] = from[pixel] * by[k] } }
      }
    case .joined(let parts):
      var start = 0
      for part in parts {
        write(at: start) { $0.source(part) }
        start += part.c
      }
    }
    return result.storage
  }
}
