import Basics
import Foundation

/// Judgements about photographs: cleanliness of the border, the face mask, duplicates.
public enum Photos {
  /// The study's border score: the mean over channels of the standard deviation of the pixels within `border` of the edge,
  /// in 8-bit levels. Lower is a cleaner background.
  public static func borderScore(_ photo: Raster, border: Int = 40) -> Double {
    let (width, height, channels) = (photo.width, photo.height, photo.channels)
    if width == 0 || height == 0 { return 0 }
    var score = 0.0
    for c in 0..<channels {
      var (sum, squares, count) = (0.0, 0.0, 0.0)
      for y in 0..<height {
        let wholeRow = y < border || y >= height - border
        var x = 0
        while x < width {
          if !wholeRow && x == border && width - border > border { x = width - border }
          let value = Double(photo.pixels[(y * width + x) * channels + c]) * 255
          sum += value
          squares += value * value
          count += 1
          x += 1
        }
      }
      let mean = sum / count
      score += max(0, squares / count - mean * mean).squareRoot()
    }
    return score / Double(channels)
  }

  /// How the face mask is taken from a photo on white.
  public struct FaceMask: Hashable, Sendable {
    /// max over channels of (255 - value) above this is face, in 8-bit levels.
    public var threshold: Float = 12
    /// Sides of the elliptical closing and opening in pixels; 0: none.
    public var closing = 7
    public var opening = 3
    /// Final erosion in pixels, for the tight profile.
    public var erosion = 0

    public init() {}

    /// The tight profile of the consistency check: threshold 30, eroded by 5 pixels.
    public static var tight: FaceMask {
      var profile = FaceMask()
      profile.threshold = 30
      profile.erosion = 5
      return profile
    }

    /// Threshold, closing, opening, largest component, holes filled, erosion; then the nearest resize when a size is given.
    public func apply(to photo: Raster, width: Int? = nil, height: Int? = nil) -> Mask {
      var mask = Mask(width: photo.width, height: photo.height)
      for i in 0..<mask.bits.count {
        var darkest: Float = 1
        for c in 0..<photo.channels { darkest = min(darkest, photo.pixels[i * photo.channels + c]) }
        mask.bits[i] = (1 - darkest) * 255 > threshold + 0.5 / 255 ? 1 : 0
      }
      if closing > 0 { mask = Morphology.close(mask, ellipse: closing) }
      if opening > 0 { mask = Morphology.open(mask, ellipse: opening) }
      mask = mask.largestComponent().fillHoles()
      if erosion > 0 { mask = Morphology.erode(mask, ellipse: 2 * erosion + 1) }
      if let width, let height, width != mask.width || height != mask.height {
        mask = mask.resized(width: width, height: height)
      }
      return mask
    }
  }

  /// A digest of the size and the pixels at 16 bits: equal for the same picture in different files.
  public static func contentDigest(_ photo: Raster) -> Digest {
    var builder = DigestBuilder()
    builder.update("pixels \(photo.width) \(photo.height) \(photo.channels) ")
    photo.quantised16().withUnsafeBytes { builder.update($0) }
    return builder.finish()
  }

  /// The 64-bit difference hash: reduced to 9 x 8 grey pixels, one bit for each "brighter than its right neighbour".
  /// Pictures that look alike differ in few bits (``distance(_:_:)``; up to about 10 of 64 is a near duplicate).
  public static func differenceHash(_ photo: Raster) -> UInt64 {
    if photo.width == 0 || photo.height == 0 { return 0 }
    let small = Resize.area(photo.luminance, width: 9, height: 8)
    var hash: UInt64 = 0
    for y in 0..<8 {
      for x in 0..<8 { hash = hash << 1 | (small[x, y] > small[x + 1, y] ? 1 : 0) }
    }
    return hash
  }

  /// The number of differing bits.
  public static func distance(_ a: UInt64, _ b: UInt64) -> Int { (a ^ b).nonzeroBitCount }
}
