import Foundation

/// Perceptually ordered colours for maps of numbers: linear between anchor colours.
public enum ColourMap: String, Hashable, Sendable, CaseIterable {
  /// Dark violet to yellow (S. van der Walt, N. Smith, matplotlib 2015; CC0 data).
  case viridis
  /// Black over red to light yellow, from the same family: for errors.
  case magma
  /// Blue over white to red (ColorBrewer RdBu, reversed): for signed differences, 0.5 in the middle.
  case diverging
  case grey

  private var anchors: [UInt32] {
    switch self {
    case .viridis:
      [0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725]
    case .magma:
      [0x000004, 0x180f3d, 0x440f76, 0x721f81, 0x9e2f7f, 0xcd4071, 0xf1605d, 0xfd9668, 0xfeca8d, 0xfcfdbf]
    case .diverging:
      [
        0x053061, 0x2166ac, 0x4393c3, 0x92c5de, 0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xf4a582, 0xd6604d, 0xb2182b, 0x67001f,
      ]
    case .grey: [0x000000, 0xffffff]
    }
  }

  /// The colour of `value`, clamped to 0...1; NaN is mid grey.
  public func colour(_ value: Double) -> (red: UInt8, green: UInt8, blue: UInt8) {
    if value.isNaN { return (128, 128, 128) }
    let anchors = anchors
    let position = max(0, min(value, 1)) * Double(anchors.count - 1)
    let low = min(Int(position), anchors.count - 2)
    let share = position - Double(low)
    func channel(_ shift: UInt32) -> UInt8 {
      let a = Double(anchors[low] >> shift & 255)
      let b = Double(anchors[low + 1] >> shift & 255)
      return UInt8((a + (b - a) * share).rounded())
    }
    return (channel(16), channel(8), channel(0))
  }

  /// #rrggbb
  public func hex(_ value: Double) -> String {
    let c = colour(value)
    return String(format: "#%02x%02x%02x", c.red, c.green, c.blue)
  }

  /// One channel as RGB: `range` maps to 0...1; pixels outside `mask` become `background`.
  public func apply(
    _ raster: Raster, range: ClosedRange<Float> = 0...1, mask: Mask? = nil, background: Float = 1
  ) -> Raster {
    precondition(raster.channels == 1, "colours are for one channel, not \(raster.channels)")
    let table = (0...1023).map { colour(Double($0) / 1023) }
    let span = range.upperBound - range.lowerBound
    var pixels = [Float](repeating: background, count: raster.pixels.count * 3)
    for i in 0..<raster.pixels.count where mask.map({ $0.bits[i] != 0 }) ?? true {
      let value = span > 0 ? (raster.pixels[i] - range.lowerBound) / span : 0
      let c = value.isNaN ? (red: 128, green: 128, blue: 128) : table[Int(max(0, min(value, 1)) * 1023 + 0.5)]
      pixels[3 * i] = Float(c.red) / 255
      pixels[3 * i + 1] = Float(c.green) / 255
      pixels[3 * i + 2] = Float(c.blue) / 255
    }
    return Raster(width: raster.width, height: raster.height, channels: 3, pixels: pixels)
  }

  /// |prediction - truth| as magma from 0 to `maximum`.
  public static func errorMap(_ prediction: Raster, _ truth: Raster, maximum: Float, mask: Mask? = nil) -> Raster {
    precondition(
      prediction.width == truth.width && prediction.height == truth.height && prediction.channels == 1
        && truth.channels == 1, "prediction and truth differ in size")
    var difference = prediction
    for i in 0..<difference.pixels.count { difference.pixels[i] = abs(difference.pixels[i] - truth.pixels[i]) }
    return ColourMap.magma.apply(difference, range: 0...max(maximum, 1e-12), mask: mask)
  }
}
