extension Raster {
  /// round(clamp(v, 0, 1) * 255); NaN becomes 0.
  public func quantised8() -> [UInt8] {
    pixels.withUnsafeBufferPointer { source in
      [UInt8](unsafeUninitializedCapacity: source.count) { target, count in
        for i in 0..<source.count { target[i] = UInt8(max(0, min(source[i], 1)) * 255 + 0.5) }
        count = source.count
      }
    }
  }

  /// round(clamp(v, 0, 1) * 65535); NaN becomes 0. Values read from a 16-bit file come back exactly.
  public func quantised16() -> [UInt16] {
    pixels.withUnsafeBufferPointer { source in
      [UInt16](unsafeUninitializedCapacity: source.count) { target, count in
        for i in 0..<source.count { target[i] = UInt16(max(0, min(source[i], 1)) * 65535 + 0.5) }
        count = source.count
      }
    }
  }

  /// 16-bit samples as floats in 0...1.
  public init(width: Int, height: Int, channels: Int = 1, samples16: [UInt16]) {
    self.init(width: width, height: height, channels: channels, pixels: samples16.map { Float($0) / 65535 })
  }

  /// 8-bit samples as floats in 0...1.
  public init(width: Int, height: Int, channels: Int = 1, samples8: [UInt8]) {
    self.init(width: width, height: height, channels: channels, pixels: samples8.map { Float($0) / 255 })
  }

  /// round(clamp(v) * levels) / levels: what an integer file with that many levels keeps.
  public func quantised(levels: Float) -> Raster {
    mapped { (max(0, min($0, 1)) * levels + 0.5).rounded(.down) / levels }
  }

  /// Every value through `transform`.
  public func mapped(_ transform: (Float) -> Float) -> Raster {
    var result = self
    result.pixels.withUnsafeMutableBufferPointer { values in
      for i in 0..<values.count { values[i] = transform(values[i]) }
    }
    return result
  }

  /// Whether every value is a number in `range`; otherwise how many are not, the first of them and what the values span.
  /// Float files can hold anything (metres, NaN for unknown): whoever expects 0...1 asks here before using them.
  public func problem(outside range: ClosedRange<Float>) -> String? {
    var (unknown, outside) = (0, 0)
    var (low, high) = (Float.infinity, -Float.infinity)
    var first: (index: Int, value: Float)?
    for (i, value) in pixels.enumerated() {
      if !value.isFinite {
        unknown += 1
      } else {
        (low, high) = (min(low, value), max(high, value))
        if range.contains(value) { continue }
        outside += 1
      }
      if first == nil { first = (i, value) }
    }
    guard let first else { return nil }
    let pixel = first.index / channels
    let place = "the first, \(first.value), at x \(pixel % width), y \(pixel / width)"
    let span = low <= high ? "; the others reach from \(low) to \(high)" : ""
    return unknown > 0
      ? "\(unknown) of \(pixels.count) values are no numbers (\(place))\(span)"
      : "\(outside) of \(pixels.count) values lie outside \(range.lowerBound)...\(range.upperBound) (\(place)); "
        + "they reach from \(low) to \(high)"
  }

  /// Values limited to 0...1.
  public func clamped() -> Raster { mapped { min(max($0, 0), 1) } }

  /// Channel `index` alone.
  public func channel(_ index: Int) -> Raster {
    precondition(index >= 0 && index < channels, "channel \(index) of \(channels)")
    if channels == 1 { return self }
    let planes = [Float](unsafeUninitializedCapacity: width * height) { target, count in
      for i in 0..<width * height { target[i] = pixels[i * channels + index] }
      count = width * height
    }
    return Raster(width: width, height: height, pixels: planes)
  }

  /// One raster of as many channels as there are single-channel `planes` of equal size.
  public init(planes: [Raster]) {
    precondition(!planes.isEmpty, "no planes to interleave")
    let (width, height, channels) = (planes[0].width, planes[0].height, planes.count)
    precondition(
      planes.allSatisfy { $0.width == width && $0.height == height && $0.channels == 1 }, "planes differ in size")
    var pixels = [Float](repeating: 0, count: width * height * channels)
    for (c, plane) in planes.enumerated() {
      for i in 0..<width * height { pixels[i * channels + c] = plane.pixels[i] }
    }
    self.init(width: width, height: height, channels: channels, pixels: pixels)
  }

  /// The mean of the channels with the weights of ITU-R BT.601; a single channel as it is.
  public var luminance: Raster {
    guard channels >= 3 else { return channel(0) }
    var pixels = [Float](repeating: 0, count: width * height)
    for i in 0..<width * height {
      pixels[i] =
        0.299 * self.pixels[i * channels] + 0.587 * self.pixels[i * channels + 1] + 0.114
        * self.pixels[i * channels + 2]
    }
    return Raster(width: width, height: height, pixels: pixels)
  }

  /// The rectangle with its upper left corner at (x, y).
  public func cropped(x: Int, y: Int, width newWidth: Int, height newHeight: Int) -> Raster {
    precondition(
      x >= 0 && y >= 0 && newWidth >= 0 && newHeight >= 0 && x + newWidth <= width && y + newHeight <= height,
      "crop \(newWidth) x \(newHeight) at (\(x), \(y)) leaves the image of \(width) x \(height)")
    var result: [Float] = []
    result.reserveCapacity(newWidth * newHeight * channels)
    for row in y..<y + newHeight {
      let start = (row * width + x) * channels
      result.append(contentsOf: pixels[start..<start + newWidth * channels])
    }
    return Raster(width: newWidth, height: newHeight, channels: channels, pixels: result)
  }

  /// The largest centred square.
  public func centreSquare() -> Raster {
    let side = min(width, height)
    return cropped(x: (width - side) / 2, y: (height - side) / 2, width: side, height: side)
  }

  /// Turns and mirrors an image stored with EXIF orientation 1...8 upright.
  func oriented(_ orientation: Int) -> Raster {
    guard (2...8).contains(orientation) else { return self }
    let swapped = orientation >= 5
    let (w, h) = swapped ? (height, width) : (width, height)
    var result = Raster(width: w, height: h, channels: channels)
    for y in 0..<h {
      for x in 0..<w {
        let (sx, sy) =
          switch orientation {
          case 2: (width - 1 - x, y)
          case 3: (width - 1 - x, height - 1 - y)
          case 4: (x, height - 1 - y)
          case 5: (y, x)
          case 6: (y, height - 1 - x)
          case 7: (width - 1 - y, height - 1 - x)
          default: (width - 1 - y, x)
          }
        for c in 0..<channels {
          result.pixels[(y * w + x) * channels + c] = pixels[(sy * width + sx) * channels + c]
        }
      }
    }
    return result
  }
}
