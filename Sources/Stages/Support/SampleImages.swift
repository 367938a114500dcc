import Foundation
import Imaging
import Pipeline

/// Reads the image files of samples. What is wrong with an image is the sample's fault, never the stage's.
enum SampleImage {
  /// - Parameter label: what a person calls this file, such as `depth_maps/face 1.png`.
  /// - Throws: `BadSample` naming the label and the reason.
  static func decode(_ file: StoredFile, label: String) throws -> DecodedImage {
    do {
      return try ImageFile.read(try Data(contentsOf: file.url, options: .alwaysMapped), name: label)
    } catch let error as ImageError {
      throw BadSample("\(error)")
    }
  }

  /// Decodes a file that a person brought. Integer files lie in 0...1; float files must.
  /// - Throws: `BadSample` also for values that are no numbers or outside `range`.
  static func decode(_ file: StoredFile, label: String, within range: ClosedRange<Float>) throws -> DecodedImage {
    let image = try decode(file, label: label)
    if image.bitDepth == 32, let problem = image.raster.problem(outside: range) {
      throw BadSample(
        "\(label): \(problem); bring them to 0...1 first, 1 at the nearest point and 0 where nothing is known")
    }
    return image
  }

  /// The first channel alone, or the mean of the colours of a grey image stored as RGB.
  /// - Throws: `BadSample` for a picture in colours, which holds no depth.
  static func grey(_ file: StoredFile, label: String) throws -> Raster {
    let raster = try decode(file, label: label).raster
    if raster.channels == 1 { return raster }
    guard raster.isGrey else {
      throw BadSample("\(label) is a picture in colours, not a map of values; export the values themselves as grey")
    }
    return raster.meanOfChannels()
  }

  /// Three channels; grey is repeated, transparency lies on white.
  static func colour(_ file: StoredFile, label: String) throws -> Raster { try decode(file, label: label).photo }

  /// A mask file: foreground where the value is above one half.
  static func mask(_ file: StoredFile, label: String) throws -> Mask {
    let raster = try decode(file, label: label).raster
    return Mask(raster.channels == 1 ? raster : raster.meanOfChannels(), above: 0.5)
  }

  /// 8-bit PNG, 0 or 255.
  static func encode(_ mask: Mask) throws -> Data { try ImageFile.encode(mask.raster, as: .png8) }
}

extension SampleContext {
  /// Decodes a file of this sample on an input.
  func image(_ role: String, of port: String) throws -> DecodedImage {
    try SampleImage.decode(try file(role, of: port), label: "\(role) of `\(name)`")
  }

  func grey(_ role: String, of port: String) throws -> Raster {
    try SampleImage.grey(try file(role, of: port), label: "\(role) of `\(name)`")
  }

  func colour(_ role: String, of port: String) throws -> Raster {
    try SampleImage.colour(try file(role, of: port), label: "\(role) of `\(name)`")
  }

  func mask(_ role: String, of port: String) throws -> Mask {
    try SampleImage.mask(try file(role, of: port), label: "\(role) of `\(name)`")
  }
}

extension Raster {
  /// Whether all channels agree, up to what lossy compression does to grey.
  var isGrey: Bool {
    let tolerance: Float = 4.5 / 255
    for pixel in 0..<(width * height) {
      let first = pixels[pixel * channels]
      for channel in 1..<max(1, channels) where abs(pixels[pixel * channels + channel] - first) > tolerance {
        return false
      }
    }
    return true
  }

  /// One channel: the mean over the channels.
  func meanOfChannels() -> Raster {
    var result = Raster(width: width, height: height)
    let scale = 1 / Float(channels)
    for pixel in 0..<(width * height) {
      var sum: Float = 0
      for channel in 0..<channels { sum += pixels[pixel * channels + channel] }
      result.pixels[pixel] = sum * scale
    }
    return result
  }

  /// The single channel written `count` times.
  func repeatedChannels(_ count: Int) -> Raster {
    var result = Raster(width: width, height: height, channels: count)
    for pixel in 0..<(width * height) {
      for channel in 0..<count { result.pixels[pixel * count + channel] = pixels[pixel * channels] }
    }
    return result
  }
}

extension Mask {
  /// By row-major position.
  subscript(pixel: Int) -> Bool { bits[pixel] != 0 }
}
