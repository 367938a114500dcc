import Foundation
import Imaging
import Testing

/// Small files of the rarer kinds, made with Pillow, libpng and libtiff. Sample (x, y, c) is (7x + 13y + 31c) mod 251.
@Suite struct FileKindTests {
  static func read(_ name: String) throws -> DecodedImage {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    return try ImageFile.read(folder.appending(path: name))
  }

  static func sample(_ x: Int, _ y: Int, _ c: Int = 0) -> Int { (x * 7 + y * 13 + c * 31) % 251 }

  static func expectSamples(
    _ image: DecodedImage, _ width: Int, _ height: Int, _ channels: Int, _ value: (Int, Int, Int) -> Float
  ) {
    #expect(image.raster.width == width && image.raster.height == height && image.raster.channels == channels)
    guard image.raster.pixels.count == width * height * channels else { return }
    var wrong = 0
    for y in 0..<height {
      for x in 0..<width { for c in 0..<channels where image.raster[x, y, c] != value(x, y, c) { wrong += 1 } }
    }
    #expect(wrong == 0)
  }

  @Test func interlaced16BitPNG() throws {
    let image = try Self.read("interlaced16.png")
    #expect(image.bitDepth == 16)
    Self.expectSamples(image, 11, 9, 3) { x, y, c in Float(Self.sample(x, y, c) * 257 + x) / 65535 }
  }

  @Test func oneBitPNG() throws {
    let image = try Self.read("bit.png")
    #expect(image.bitDepth == 8 && image.raster.channels == 1)
    #expect(Set(image.raster.pixels).isSubset(of: [0, 1]))
  }

  @Test func palettePNGWithTransparency() throws {
    let image = try Self.read("palette.png")
    #expect(image.hasAlpha)
    let palette: [[Float]] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]]
    let alpha: [Float] = [255, 128, 0, 255]
    #expect(image.raster.channels == 3)
    var worst: Float = 0
    for y in 0..<7 {
      for x in 0..<9 {
        let index = Self.sample(x, y) % 4
        for c in 0..<3 {
          let expected = (palette[index][c] * alpha[index] / 255 + 255 - alpha[index]) / 255
          worst = max(worst, abs(image.raster[x, y, c] - expected))
        }
      }
    }
    #expect(worst < 1e-5)
  }

  @Test func alphaIsLaidOnWhite() throws {
    let colour = try Self.read("rgba.png")
    #expect(colour.hasAlpha && colour.raster.channels == 3 && colour.photo == colour.raster)
    #expect((0..<7).allSatisfy { colour.raster[0, $0, 1] == 1 })  // alpha 0
    let alpha = Float(28) / 255
    let expected = Float(Self.sample(1, 2, 1)) / 255 * alpha + 1 - alpha
    #expect(abs(colour.raster[1, 2, 1] - expected) < 1e-6)
    // Grey may be depth: its values stay, and only the picture that people see lies on white.
    let grey = try Self.read("la.png")
    #expect(grey.hasAlpha)
    Self.expectSamples(grey, 9, 7, 1) { x, y, _ in Float(Self.sample(x, y)) / 255 }
    let cover = try #require(grey.alpha)
    for y in 0..<7 {
      for x in 0..<9 {
        let value = grey.raster[x, y] * cover[x, y] + 1 - cover[x, y]
        #expect(abs(grey.photo[x, y, 0] - value) < 1e-6 && grey.photo[x, y, 2] == grey.photo[x, y, 0])
      }
    }
  }

  @Test func everyKindOfTransparencyLiesOnWhite() throws {
    let deep = try Self.read("rgba16.png")
    #expect(deep.hasAlpha && deep.bitDepth == 16)
    for y in 0..<7 {
      for c in 0..<3 {
        #expect(deep.raster[0, y, c] == 1 && deep.raster[1, y, c] == Float(Self.sample(1, y, c) * 257) / 65535)
        let alpha = Float(20000) / 65535
        #expect(abs(deep.raster[5, y, c] - (Float(Self.sample(5, y, c)) / 255 * alpha + 1 - alpha)) < 1e-6)
      }
    }
    // One colour declared transparent: that pixel alone is white.
    let key = try Self.read("grey_key.png").photo
    let colours = try Self.read("rgb16_key.png").photo
    for y in 0..<7 {
      for x in 0..<9 {
        #expect(key[x, y, 1] == (Self.sample(x, y) == Self.sample(3, 2) ? 1 : Float(Self.sample(x, y)) / 255))
        let isKey = Self.sample(x, y) == Self.sample(4, 3)
        #expect(colours[x, y, 2] == (isKey ? 1 : Float(Self.sample(x, y, 2) * 257) / 65535))
      }
    }
  }

  /// EXIF of a PNG, before the pixels or behind them.
  @Test(arguments: [true, false]) func exifTurnsPNGsUpright(isFirst: Bool) throws {
    var raster = Raster(width: 3, height: 2)
    raster.pixels = [0, 51, 102, 153, 204, 255].map { $0 / 255 }
    let plain = try ImageFile.encode(raster, as: .png8)
    // "MM", one entry: orientation (0x0112), short, 1 value, 6.
    let exif: [UInt8] = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
    let place = try #require(plain.range(of: Data((isFirst ? "IDAT" : "IEND").utf8))).lowerBound - 4
    let image = try ImageFile.read(
      plain[..<place] + Self.chunk("eXIf", exif) + plain[place...], name: "phone.png")
    #expect(image.raster.width == 2 && image.raster.height == 3)
    #expect(image.raster.pixels == [153, 0, 204, 51, 255, 102].map { $0 / 255 })
  }

  private static func chunk(_ type: String, _ bytes: [UInt8]) -> Data {
    let body = Array(type.utf8) + bytes
    var crc: UInt32 = 0xffff_ffff
    for byte in body {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    func big(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    return Data(big(UInt32(bytes.count)) + body + big(~crc))
  }

  /// Faults of headers that leave every pixel decodable, as cameras write them.
  @Test func harmlessFaultsOfJPEGHeadersAreRead() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    var bytes = [UInt8](try Data(contentsOf: folder.appending(path: "grey.jpg")))
    let whole = try ImageFile.read(Data(bytes), name: "grey.jpg").raster
    let scan = try #require(bytes.indices.dropLast().first { bytes[$0] == 0xff && bytes[$0 + 1] == 0xda })
    let end = scan + 2 + Int(bytes[scan + 2]) << 8 + Int(bytes[scan + 3])
    #expect(bytes[end - 3] == 0 && bytes[end - 2] == 63)
    bytes[end - 2] = 0  // spectral selection 0 to 0
    #expect(try ImageFile.read(Data(bytes), name: "camera.jpg").raster == whole)
  }

  @Test func unsupportedKindsOfJPEGAreNotCalledDamaged() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "grey.jpg")))
    let frame = try #require(bytes.indices.dropLast().first { bytes[$0] == 0xff && bytes[$0 + 1] == 0xc0 })
    var deep = bytes
    deep[frame + 4] = 12
    var lossless = bytes
    lossless[frame + 1] = 0xc3
    for (name, file) in [("deep.jpg", deep), ("lossless.jpg", lossless)] {
      #expect {
        _ = try ImageFile.read(Data(file), name: name)
      } throws: { ($0 as? ImageError)?.reason == .unsupported && "\($0)".contains(name) }
    }
  }

  /// A small file with thousands of scans over a large image would keep a reader busy for hours.
  @Test func scansOfProgressiveJPEGsAreLimited() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "progressive.jpg")))
    let starts = bytes.indices.dropLast().filter { bytes[$0] == 0xff && bytes[$0 + 1] == 0xda }
    let last = try #require(starts.last)
    let scan = bytes[last..<(bytes.count - 2)]
    let many = bytes[..<(bytes.count - 2)] + (0..<2000).flatMap { _ in scan } + bytes.suffix(2)
    #expect {
      _ = try ImageFile.read(Data(many), name: "scans.jpg")
    } throws: { "\($0)".contains("scans.jpg") && "\($0)".contains("scans in a progressive JPEG") }
  }

  @Test func tiledBigEndianTIFF() throws {
    let image = try Self.read("tiled16be.tif")
    #expect(image.bitDepth == 16)
    Self.expectSamples(image, 21, 18, 1) { x, y, _ in Float(Self.sample(x, y) * 257) / 65535 }
  }

  @Test func planarTIFF() throws {
    Self.expectSamples(try Self.read("planar8.tif"), 9, 7, 3) { x, y, c in Float(Self.sample(x, y, c)) / 255 }
    let float = try Self.read("tiledplanarfloat.tif")
    #expect(float.bitDepth == 32)
    Self.expectSamples(float, 18, 5, 3) { x, y, c in Float(x) + Float(y) * 0.5 + Float(c) * 100 }
  }

  @Test func otherTIFFs() throws {
    let rgba = try Self.read("rgba8.tif")
    #expect(rgba.hasAlpha && rgba.raster.channels == 3)
    Self.expectSamples(try Self.read("white8.tif"), 9, 7, 1) { x, y, _ in Float(255 - Self.sample(x, y)) / 255 }
    Self.expectSamples(try Self.read("float64.tif"), 9, 7, 1) { x, y, _ in Float(x) + Float(y) * 0.5 }
  }

  @Test func jpegsOfEveryKindShowTheSamePicture() throws {
    for name in ["progressive.jpg", "cmyk.jpg"] {
      let image = try Self.read(name)
      #expect(image.raster.width == 24 && image.raster.height == 16 && image.raster.channels == 3)
      #expect(abs(image.raster[2, 2, 0] - 60 / 255) < 0.03 && abs(image.raster[20, 2, 0] - 200 / 255) < 0.03)
      #expect(abs(image.raster[20, 13, 1]) < 0.03 && abs(image.raster[20, 2, 1] - 200 / 255) < 0.03)
    }
    let grey = try Self.read("grey.jpg")
    #expect(grey.raster.channels == 1 && abs(grey.raster[2, 2] - 60 / 255) < 0.03)
  }

  @Test func exifOrientationTurnsThePhotoUpright() throws {
    let image = try Self.read("exif6.jpg")
    // Orientation 6: the stored left column is the top row. Stored: red 60 on the left half, green only above.
    #expect(image.raster.width == 16 && image.raster.height == 24)
    #expect(abs(image.raster[12, 2, 0] - 60 / 255) < 0.03 && abs(image.raster[12, 20, 0] - 200 / 255) < 0.03)
    #expect(abs(image.raster[2, 20, 1]) < 0.03 && abs(image.raster[12, 20, 1] - 200 / 255) < 0.03)
  }

  @Test func fixturesCutAnywhereNeverCrash() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
      let whole = try Data(contentsOf: file)
      for length in stride(from: 0, to: whole.count, by: 3) {
        do {
          // Trailing bytes may be padding, so a late cut may pass; a crash or another error may not.
          _ = try ImageFile.read(whole.prefix(length), name: file.lastPathComponent)
        } catch let error as ImageError {
          #expect(error.file == file.lastPathComponent)
        }
      }
    }
  }

  @Test(.enabled(if: sharedFolder != nil, "needs the shared folder (SHARED_DIR)"))
  func brokenFolder() throws {
    let folder = try #require(sharedFolder).appending(path: "data/facelift-broken")
    #expect {
      try ImageFile.read(folder.appending(path: "depth_maps/truncated_png.png"))
    } throws: { error in
      (error as? ImageError)?.reason == .truncated && "\(error)".contains("truncated_png.png")
    }
    #expect(try ImageFile.read(folder.appending(path: "depth_maps/depth_8bit.png")).bitDepth == 8)
    let zero = try ImageFile.read(folder.appending(path: "depth_maps/depth_all_zero.png"))
    #expect(zero.bitDepth == 16 && zero.raster.pixels.allSatisfy { $0 == 0 })
    let strange = try ImageFile.read(folder.appending(path: "depth_maps/2 (7)_visage é_顔.png"))
    #expect(strange.raster.width == 256)
    let small = try ImageFile.read(folder.appending(path: "normal_maps/normal_wrong_size.png")).raster
    #expect(small.width == 192 && small.height == 128)
  }
}
