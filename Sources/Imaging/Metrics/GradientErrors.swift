/// How the slopes of two maps differ.
enum GradientErrors {
  /// Mean absolute difference of the forward differences in x and y, where both pixels count.
  static func l1(_ a: Raster, _ b: Raster, mask: Mask?) -> Double {
    let (width, height, channels) = (a.width, a.height, a.channels)
    var sum = 0.0
    var count = 0
    for y in 0..<height {
      for x in 0..<width where mask?[x, y] ?? true {
        for (inside, step) in [(x + 1 < width, 1), (y + 1 < height, width)] where inside {
          if let mask, mask.bits[y * width + x + step] == 0 { continue }
          for c in 0..<channels {
            let i = (y * width + x) * channels + c
            let j = i + step * channels
            sum += Double(abs((a.pixels[j] - a.pixels[i]) - (b.pixels[j] - b.pixels[i])))
          }
          count += channels
        }
      }
    }
    return count == 0 ? 0 : sum / Double(count)
  }

  /// Sobel gradient magnitude divided by 8, so that it is the slope for each pixel.
  static func magnitude(_ raster: Raster) -> Raster {
    let dx = Filters.sobel(raster, .x)
    let dy = Filters.sobel(raster, .y)
    var result = dx
    for i in 0..<result.pixels.count {
      result.pixels[i] = (dx.pixels[i] * dx.pixels[i] + dy.pixels[i] * dy.pixels[i]).squareRoot() / 8
    }
    return result
  }
}
