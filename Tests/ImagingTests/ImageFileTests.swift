import Basics
import Foundation
import Imaging
import Testing

/// Every pixel another value, for any size.
func pattern(_ width: Int, _ height: Int, channels: Int, levels: Int) -> Raster {
  var random = SeededRandom(seed: 7)
  return Raster(
    width: width, height: height, channels: channels,
    pixels: (0..<width * height * channels).map { _ in Float(random.index(below: levels + 1)) / Float(levels) })
}

@Suite struct ImageFileTests {
  static let sizes = [(1, 1), (1, 7), (5, 1), (13, 9), (64, 31)]

  @Test(arguments: sizes, [1, 3]) func roundTripsAreExact(size: (Int, Int), channels: Int) throws {
    let cases: [(ImageFile.Encoding, Int, Int, DecodedImage.Format)] = [
      (.png8, 255, 8, .png), (.png16, 65535, 16, .png), (.tiff16, 65535, 16, .tiff),
    ]
    for (encoding, levels, depth, format) in cases {
      let raster = pattern(size.0, size.1, channels: channels, levels: levels)
      let image = try ImageFile.read(try ImageFile.encode(raster, as: encoding), name: "test")
      #expect(image.raster == raster, "\(encoding)")
      #expect(image.bitDepth == depth)
      #expect(image.format == format)
      #expect(!image.hasAlpha)
    }
  }

  @Test func floatTIFFKeepsEveryBit() throws {
    var raster = pattern(37, 70, channels: 1, levels: 1000)
    raster.pixels[3] = -1234.5678
    raster.pixels[4] = .infinity
    raster.pixels[5] = Float.leastNonzeroMagnitude
    let image = try ImageFile.read(try ImageFile.encode(raster, as: .tiffFloat), name: "test")
    #expect(image.raster == raster)
    #expect(image.bitDepth == 32)
  }

  @Test func quantisationClampsAndRounds() throws {
    let raster = Raster(width: 5, height: 1, pixels: [-1, 2, .nan, 0.5, 100.4 / 255])
    #expect(raster.quantised8() == [0, 255, 0, 128, 100])
    let image = try ImageFile.read(try ImageFile.encode(raster, as: .png8), name: "test")
    #expect(image.raster.pixels == [0, 1, 0, 128 / 255, 100 / 255])
  }

  @Test func encodingTwiceGivesTheSameBytes() throws {
    let raster = pattern(40, 40, channels: 3, levels: 255)
    for encoding: ImageFile.Encoding in [.png8, .png16, .tiff16, .tiffFloat, .jpeg(quality: 80)] {
      #expect(try ImageFile.encode(raster, as: encoding) == ImageFile.encode(raster, as: encoding))
    }
  }

  @Test func jpegIsCloseOnSmoothImages() throws {
    var raster = Raster(width: 33, height: 21, channels: 3)
    for y in 0..<21 { for x in 0..<33 { for c in 0..<3 { raster[x, y, c] = Float(x + y + 4 * c) / 64 } } }
    let image = try ImageFile.read(try ImageFile.encode(raster, as: .jpeg(quality: 95)), name: "test")
    #expect(image.format == .jpeg && image.bitDepth == 8)
    let worst = zip(image.raster.pixels, raster.pixels).map { abs($0 - $1) }.max() ?? 1
    #expect(worst < 0.04)
  }

  @Test func errorsNameTheFileAndTheReason() throws {
    let missing = URL(fileURLWithPath: "/nonexistent/a b.png")
    #expect { try ImageFile.read(missing) } throws: { error in
      let text = "\(error)"
      return text.contains("/nonexistent/a b.png") && text.contains("No such file")
    }
    #expect { try ImageFile.read(Data(), name: "x.png") } throws: { ($0 as? ImageError)?.reason == .empty }
    #expect { try ImageFile.read(Data("hello world".utf8), name: "x.png") } throws: {
      ($0 as? ImageError)?.reason == .notAnImage && "\($0)".contains("68 65 6c 6c 6f")
    }
    let big = try ImageFile.encode(Raster(width: 100, height: 100), as: .png8)
    #expect { try ImageFile.read(big, name: "x.png", pixelLimit: 9999) } throws: {
      ($0 as? ImageError)?.reason == .tooLarge
    }
  }

  @Test(arguments: [ImageFile.Encoding.png8, .png16, .tiff16, .tiffFloat, .jpeg(quality: 90)])
  func everyTruncationIsAnError(encoding: ImageFile.Encoding) throws {
    let whole = try ImageFile.encode(pattern(23, 17, channels: 3, levels: 255), as: encoding)
    for length in 0..<whole.count {
      do {
        _ = try ImageFile.read(whole.prefix(length), name: "cut.img")
        // A TIFF's directory stands at its end; a JPEG may lack only its end marker. Nothing else may pass.
        Issue.record("\(encoding): \(length) of \(whole.count) bytes were accepted")
        return
      } catch let error as ImageError {
        #expect(error.file == "cut.img")
        // TIFF keeps its directory at the end: without it the file contradicts its own header.
        let expected: Set<ImageError.Reason> =
          length == 0 ? [.empty] : length < 4 ? [.notAnImage, .truncated, .corrupt] : [.truncated, .corrupt]
        #expect(expected.contains(error.reason), "\(length) bytes: \(error)")
        if encoding == .png8 && length > 100 { #expect(error.reason == .truncated, "\(length) bytes: \(error)") }
      }
    }
  }

  @Test(arguments: [ImageFile.Encoding.png8, .png16, .tiff16, .tiffFloat, .jpeg(quality: 90)])
  func flippedBytesNeverCrash(encoding: ImageFile.Encoding) throws {
    let whole = try ImageFile.encode(pattern(19, 11, channels: 1, levels: 255), as: encoding)
    var random = SeededRandom(seed: 11)
    var errors = 0
    for _ in 0..<2000 {
      var damaged = whole
      for _ in 0...random.index(below: 3) {
        damaged[random.index(below: damaged.count)] = UInt8(random.index(below: 256))
      }
      do {
        let image = try ImageFile.read(damaged, name: "x", pixelLimit: 1 << 20)
        #expect(image.raster.pixels.count == image.raster.width * image.raster.height * image.raster.channels)
      } catch is ImageError {
        errors += 1
      }
    }
    #expect(errors > 100)
  }
}
