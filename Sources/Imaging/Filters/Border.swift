import Basics

/// How an image goes on beyond its edge.
public enum Border: Hashable, Sendable {
  /// dcb|abcd|cba: OpenCV's default.
  case reflect101
  /// cba|abcd|dcb: SciPy's "reflect".
  case symmetric
  /// aaa|abcd|ddd
  case replicate

  /// The coordinate inside 0 ..< count that stands for `i`.
  func index(_ i: Int, _ count: Int) -> Int {
    if i >= 0 && i < count { return i }
    if count == 1 { return 0 }
    switch self {
    case .replicate: return min(max(i, 0), count - 1)
    case .reflect101:
      let period = 2 * (count - 1)
      let m = ((i % period) + period) % period
      return m < count ? m : period - m
    case .symmetric:
      let period = 2 * count
      let m = ((i % period) + period) % period
      return m < count ? m : period - 1 - m
    }
  }

  /// `raster` with `radius` pixels added on every side.
  func padded(_ raster: Raster, radius: Int) -> Raster {
    let (width, height, channels) = (raster.width, raster.height, raster.channels)
    let wide = width + 2 * radius
    let columns = (0..<wide).map { index($0 - radius, width) * channels }
    return Raster.build(
      width: wide, height: height + 2 * radius, channels: channels, from: raster.pixels,
      work: wide * (height + 2 * radius) * channels
    ) { band, source, target in
      for y in band {
        let from = source.pointer + index(y - radius, height) * width * channels
        let to = target.pointer + y * wide * channels
        for i in 0..<width * channels { to[radius * channels + i] = from[i] }
        for x in 0..<radius {
          for c in 0..<channels {
            to[x * channels + c] = from[columns[x] + c]
            to[(radius + width + x) * channels + c] = from[columns[radius + width + x] + c]
          }
        }
      }
    }
  }
}
