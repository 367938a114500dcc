/// The accuracies under a threshold of papers on depth estimation.
enum RatioAccuracy {
  /// Shares of the pixels (with both values above 0) whose ratio max(p / t, t / p) is below 1.25, 1.25^2, 1.25^3; NaN where
  /// no pixel counts.
  static func deltas(_ a: Raster, _ b: Raster, mask: Mask?) -> [Double] {
    var hits = [0, 0, 0]
    var count = 0
    for i in 0..<a.pixels.count where mask.map({ $0.bits[i / a.channels] != 0 }) ?? true {
      let (p, t) = (a.pixels[i], b.pixels[i])
      guard p > 0, t > 0 else { continue }
      let ratio = max(p / t, t / p)
      count += 1
      if ratio < 1.25 { hits[0] += 1 }
      if ratio < 1.5625 { hits[1] += 1 }
      if ratio < 1.953125 { hits[2] += 1 }
    }
    return hits.map { count == 0 ? .nan : Double($0) / Double(count) }
  }
}
