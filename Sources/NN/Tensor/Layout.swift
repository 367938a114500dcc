/// How the elements of a tensor lie in memory.
public enum Layout: Hashable, Sendable {
  /// Row-major, no gaps: the last axis is the fastest. Any rank.
  case contiguous
  /// Rank 4, `[n, c, h, w]` by shape: pixel after pixel in the order n, h, w, each pixel `stride` floats after the last.
  /// The channels of a pixel are adjacent and padded with zeros to a multiple of 16; the tensor may be a part of a wider
  /// one (`stride` larger than its padded channels).
  case channelsLast(stride: Int)
}
