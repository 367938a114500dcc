/// An image or map of 32-bit floats: row-major, channels interleaved (h, w, c). Values of image files lie in 0...1.
/// Pixel (x, y) has its centre at (x + 0.5, y + 0.5).
public struct Raster: Hashable, Sendable {
  public let width: Int
  public let height: Int
  /// 1 for depth, masks and opacity; 3 for RGB and normals.
  public let channels: Int
  /// height * width * channels values.
  public var pixels: [Float]

  public init(width: Int, height: Int, channels: Int = 1, pixels: [Float]) {
    precondition(
      pixels.count == width * height * channels,
      "\(width) x \(height) x \(channels) needs \(width * height * channels) values, not \(pixels.count)")
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }

  public init(width: Int, height: Int, channels: Int = 1, repeating value: Float = 0) {
    self.init(
      width: width, height: height, channels: channels,
      pixels: [Float](repeating: value, count: width * height * channels))
  }

  public subscript(x: Int, y: Int, channel: Int = 0) -> Float {
    get { pixels[(y * width + x) * channels + channel] }
    set { pixels[(y * width + x) * channels + channel] = newValue }
  }
}
