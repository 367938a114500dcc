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

  /// The first channel alone, or the mean of the colours of a grey image stored as RGB.
  static func grey(_ file: StoredFile, label: String) throws -> Raster {
    let raster = try decode(file, label: label).raster
    return raster.channels == 1 ? raster : raster.meanOfChannels()
  }

  /// Three channels; grey is repeated.
  static func colour(_ file: StoredFile, label: String) throws -> Raster {
    let raster = try decode(file, label: label).raster
    return raster.channels == 3 ? raster : raster.repeatedChannels(3)
  }

  /// A mask file: foreground where the value is above one half.
  static func mask(_ file: StoredFile, label: String) throws -> Mask {
    let raster = try grey(file, label: label)
    return Mask(raster, above: 0.5)
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
