import CImageIO
import Foundation

/// An image file's pixels and what the file itself says about them.
public struct DecodedImage: Hashable, Sendable {
  public enum Format: String, Hashable, Sendable { case png, jpeg, tiff }
  /// One channel for grey, three for colour. Integer samples lie in 0...1 (value / 255 or / 65535); float TIFF as stored.
  /// Colour with transparency lies on white. Grey has its own values, since it may be depth; ``photo`` lays it on white.
  public var raster: Raster
  /// Transparency of a grey image, 0...1, where the file has it.
  public var alpha: Raster?
  /// 8, 16, or 32 for float: from the file's header, never guessed from the values.
  public var bitDepth: Int
  public var format: Format
  /// The file has an alpha channel or a transparent colour.
  public var hasAlpha: Bool

  public init(raster: Raster, alpha: Raster? = nil, bitDepth: Int, format: Format, hasAlpha: Bool = false) {
    self.raster = raster
    self.alpha = alpha
    self.bitDepth = bitDepth
    self.format = format
    self.hasAlpha = hasAlpha
  }

  /// As a person sees it: three channels, transparency laid on white.
  public var photo: Raster {
    guard raster.channels == 1 else { return raster }
    var picture = Raster(width: raster.width, height: raster.height, channels: 3)
    for i in raster.pixels.indices {
      let cover = alpha?.pixels[i] ?? 1
      // Where nothing shines through the value is exact.
      let value = cover == 1 ? raster.pixels[i] : raster.pixels[i] * cover + (1 - cover)
      for c in 0..<3 { picture.pixels[i * 3 + c] = value }
    }
    return picture
  }
}

/// Reads and writes image files. Damaged files throw ``ImageError``; nothing is ever half-read.
public enum ImageFile {
  /// Larger images are refused before memory is allocated: 2^28 pixels, for example 16384 x 16384.
  public static let pixelLimit = 1 << 28

  public enum Encoding: Hashable, Sendable {
    case png8, png16, tiff16, tiffFloat
    /// quality 1...100
    case jpeg(quality: Int)
  }

  /// zlib level of PNG: 2 with the "up" filter encodes a 16-bit 1024 x 1024 depth map about four times as fast as the
  /// library's default for files a few per cent larger.
  static let compressionLevel: Int32 = 2

  /// Reads the file at `url`.
  /// - Throws: ``ImageError`` naming the path.
  public static func read(_ url: URL, pixelLimit: Int = pixelLimit) throws -> DecodedImage {
    let path = url.path
    let data = try contents(of: path)
    return try read(data, name: path, pixelLimit: pixelLimit)
  }

  /// The whole file; through stdio, whose errors keep the system's own words.
  private static func contents(of path: String) throws -> Data {
    func failure() -> ImageError {
      ImageError(file: path, reason: .unreadable, detail: String(cString: strerror(errno)))
    }
    guard let file = fopen(path, "rb") else { throw failure() }
    defer { fclose(file) }
    var data = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      data.append(contentsOf: buffer[0..<count])
      if count < buffer.count {
        if ferror(file) != 0 { throw failure() }
        return data
      }
    }
  }

  /// Reads an image held in memory; `name` stands for it in errors.
  public static func read(_ data: Data, name: String, pixelLimit: Int = pixelLimit) throws -> DecodedImage {
    guard !data.isEmpty else { throw ImageError(file: name, reason: .empty, detail: "") }
    guard let format = format(of: data) else {
      let start = data.prefix(8).map { String(format: "%02x", $0) }.joined(separator: " ")
      throw ImageError(file: name, reason: .notAnImage, detail: "it begins with the bytes \(start)")
    }
    var image = cimage()
    defer { cimage_release(&image) }
    let code = data.withUnsafeBytes { bytes -> Int32 in
      let start = bytes.bindMemory(to: UInt8.self).baseAddress
      let limit = UInt64(max(0, pixelLimit))
      return switch format {
      case .png: cimage_read_png(start, bytes.count, limit, &image)
      case .jpeg: cimage_read_jpeg(start, bytes.count, limit, &image)
      case .tiff: cimage_read_tiff(start, bytes.count, limit, &image)
      }
    }
    guard code == Int32(CIMAGE_OK) else {
      let message = withUnsafeBytes(of: &image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw ImageError(code: code, file: name, message: message)
    }
    let (raster, alpha) = floats(image)
    let orientation = Int(image.orientation)
    return DecodedImage(
      raster: raster.oriented(orientation), alpha: alpha?.oriented(orientation), bitDepth: Int(image.bits),
      format: format, hasAlpha: image.channels == 2 || image.channels == 4)
  }

  /// The format by the first bytes; nil for anything else.
  public static func format(of data: Data) -> DecodedImage.Format? {
    if data.starts(with: [0x89, 0x50, 0x4e, 0x47]) { return .png }
    if data.starts(with: [0xff, 0xd8, 0xff]) { return .jpeg }
    let tiff: [[UInt8]] = [[0x49, 0x49, 42, 0], [0x4d, 0x4d, 0, 42], [0x49, 0x49, 43, 0], [0x4d, 0x4d, 0, 43]]
    return tiff.contains { data.starts(with: $0) } ? .tiff : nil
  }

  /// Encodes one or three channels. Integer formats store round(clamp(v, 0, 1) * max), NaN as 0. The bytes depend only on
  /// the pixels and the version of the library: no time stamps, no names.
  /// - Throws: ``ImageError`` for other channel counts, empty rasters, or no memory.
  public static func encode(_ raster: Raster, as encoding: Encoding) throws -> Data {
    func failure(_ detail: String) -> ImageError {
      ImageError(file: "image of \(raster.width) x \(raster.height)", reason: .unwritable, detail: detail)
    }
    guard raster.channels == 1 || raster.channels == 3 else {
      throw failure("\(raster.channels) channels; files hold 1 or 3")
    }
    guard raster.width > 0, raster.height > 0 else { throw failure("it has no pixels") }
    let (width, height) = (UInt32(raster.width), UInt32(raster.height))
    let channels = Int32(raster.channels)
    var output = cimage_data()
    defer { cimage_free(&output) }
    let code: Int32
    switch encoding {
    case .png8: code = cimage_write_png(raster.quantised8(), width, height, channels, 8, compressionLevel, &output)
    case .png16: code = cimage_write_png(raster.quantised16(), width, height, channels, 16, compressionLevel, &output)
    case .tiff16: code = cimage_write_tiff(raster.quantised16(), width, height, channels, 16, &output)
    case .tiffFloat: code = cimage_write_tiff(raster.pixels, width, height, channels, 32, &output)
    case .jpeg(let quality):
      guard (1...100).contains(quality) else { throw failure("JPEG quality \(quality); it must be 1...100") }
      guard raster.width < 65501, raster.height < 65501 else { throw failure("JPEG holds at most 65500 pixels a side") }
      code = cimage_write_jpeg(raster.quantised8(), width, height, channels, Int32(quality), &output)
    }
    guard code == Int32(CIMAGE_OK), let bytes = output.bytes else {
      throw failure(withUnsafeBytes(of: &output.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return Data(bytes: bytes, count: output.count)
  }

  /// Encodes and writes in one step, through a temporary file so that no half-written image is ever seen.
  public static func write(_ raster: Raster, to url: URL, as encoding: Encoding) throws {
    let data = try encode(raster, as: encoding)
    do {
      try data.write(to: url, options: .atomic)
    } catch {
      throw ImageError(file: url.path, reason: .unwritable, detail: error.localizedDescription)
    }
  }

  /// Samples of any kind to floats. Colour is laid on white at every depth; grey keeps its values beside its alpha.
  private static func floats(_ image: cimage) -> (raster: Raster, alpha: Raster?) {
    let (width, height) = (Int(image.width), Int(image.height))
    let stored = Int(image.channels)
    let channels = stored >= 3 ? 3 : 1
    let pixelCount = width * height
    let hasAlpha = stored != channels
    var alpha = hasAlpha ? Raster(width: width, height: height) : nil
    let pixels = [Float](unsafeUninitializedCapacity: pixelCount * channels) { target, count in
      count = pixelCount * channels
      guard let samples = image.samples else { return }
      func convert<Sample>(_ type: Sample.Type, _ value: (Sample) -> Float) {
        let source = samples.bindMemory(to: type, capacity: pixelCount * stored)
        if !hasAlpha {
          for i in 0..<count { target[i] = value(source[i]) }
          return
        }
        for i in 0..<pixelCount {
          let a = value(source[i * stored + channels])
          for c in 0..<channels {
            let v = value(source[i * stored + c])
            // Where alpha is 1 the value is exact.
            target[i * channels + c] =
              channels == 1
              ? (image.premultiplied != 0 && a > 0 ? v / a : v)
              : a == 1 ? v : image.premultiplied != 0 ? v + (1 - a) : v * a + (1 - a)
          }
          if channels == 1 { alpha?.pixels[i] = a }
        }
      }
      switch image.bits {
      case 8: convert(UInt8.self) { Float($0) / 255 }
      case 16: convert(UInt16.self) { Float($0) / 65535 }
      default: convert(Float.self) { $0 }
      }
    }
    return (Raster(width: width, height: height, channels: channels, pixels: pixels), channels == 1 ? alpha : nil)
  }
}
