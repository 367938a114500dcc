/// A set of pixels: one byte each, 0 or 1, row-major.
public struct Mask: Hashable, Sendable {
  public let width: Int
  public let height: Int
  /// height * width bytes, each 0 or 1.
  public var bits: [UInt8]

  public init(width: Int, height: Int, bits: [UInt8]) {
    precondition(bits.count == width * height, "\(width) x \(height) needs \(width * height) bits, not \(bits.count)")
    self.width = width
    self.height = height
    self.bits = bits.map { $0 == 0 ? 0 : 1 }
  }

  public init(width: Int, height: Int, repeating value: Bool = false) {
    self.width = width
    self.height = height
    bits = [UInt8](repeating: value ? 1 : 0, count: width * height)
  }

  /// The pixels of channel 0 above `threshold`.
  public init(_ raster: Raster, above threshold: Float = 0.5) {
    self.init(width: raster.width, height: raster.height)
    let channels = raster.channels
    raster.pixels.withUnsafeBufferPointer { source in
      bits.withUnsafeMutableBufferPointer { target in
        for i in 0..<target.count { target[i] = source[i * channels] > threshold ? 1 : 0 }
      }
    }
  }

  public subscript(x: Int, y: Int) -> Bool {
    get { bits[y * width + x] != 0 }
    set { bits[y * width + x] = newValue ? 1 : 0 }
  }

  /// The number of set pixels.
  public var count: Int {
    bits.withUnsafeBufferPointer { buffer in
      var total = 0
      for value in buffer { total += Int(value) }
      return total
    }
  }

  /// 1 where set, 0 elsewhere: stored as `.png8` this is the 0/255 picture.
  public var raster: Raster {
    Raster(width: width, height: height, pixels: bits.map { Float($0) })
  }

  public var inverted: Mask { combined(self) { a, _ in 1 - a } }

  public func intersection(_ other: Mask) -> Mask { combined(other) { $0 & $1 } }
  public func union(_ other: Mask) -> Mask { combined(other) { $0 | $1 } }
  public func subtracting(_ other: Mask) -> Mask { combined(other) { $0 & (1 - $1) } }

  private func combined(_ other: Mask, _ operation: (UInt8, UInt8) -> UInt8) -> Mask {
    precondition(
      width == other.width && height == other.height,
      "masks of \(width) x \(height) and \(other.width) x \(other.height)")
    var result = self
    other.bits.withUnsafeBufferPointer { b in
      result.bits.withUnsafeMutableBufferPointer { a in
        for i in 0..<a.count { a[i] = operation(a[i], b[i]) }
      }
    }
    return result
  }

  /// The smallest rectangle that holds every set pixel; nil when none is set.
  public var bounds: (x: Int, y: Int, width: Int, height: Int)? {
    var (left, right, top, bottom) = (width, -1, height, -1)
    bits.withUnsafeBufferPointer { buffer in
      for y in 0..<height {
        for x in 0..<width where buffer[y * width + x] != 0 {
          left = min(left, x)
          right = max(right, x)
          top = min(top, y)
          bottom = y
        }
      }
    }
    return right < 0 ? nil : (left, top, right - left + 1, bottom - top + 1)
  }

  /// Nearest-neighbour change of size (OpenCV INTER_NEAREST).
  public func resized(width newWidth: Int, height newHeight: Int) -> Mask {
    Mask(Resize.nearest(raster, width: newWidth, height: newHeight))
  }
}

extension Raster {
  /// The raster with `value` in every channel of the pixels outside `mask`.
  public func masked(_ mask: Mask, background value: Float = 0) -> Raster {
    precondition(mask.width == width && mask.height == height, "mask and image differ in size")
    var result = self
    mask.bits.withUnsafeBufferPointer { bits in
      result.pixels.withUnsafeMutableBufferPointer { pixels in
        for i in 0..<bits.count where bits[i] == 0 {
          for c in 0..<channels { pixels[i * channels + c] = value }
        }
      }
    }
    return result
  }
}
