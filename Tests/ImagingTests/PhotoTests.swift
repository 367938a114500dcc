import Imaging
import Testing

@Suite struct PhotoTests {
  static func portrait(_ side: Int) -> Raster {
    var photo = Raster(width: side, height: side, channels: 3, repeating: 1)
    for y in 0..<side {
      for x in 0..<side {
        let (u, v) = (Double(x) / Double(side) - 0.5, Double(y) / Double(side) - 0.5)
        guard u * u / 0.06 + v * v / 0.12 < 1 else { continue }
        for c in 0..<3 { photo[x, y, c] = Float(0.35 + 0.3 * (u + 0.5) + 0.05 * Double(c)) }
      }
    }
    return photo
  }

  @Test func borderScore() {
    #expect(Photos.borderScore(Self.portrait(200), border: 10) == 0)
    var half = Raster(width: 100, height: 100, channels: 3)
    for y in 0..<100 { for x in 50..<100 { for c in 0..<3 { half[x, y, c] = 1 } } }
    #expect(abs(Photos.borderScore(half) - 127.5) < 1e-6)
    // Only the border counts: a busy middle changes nothing.
    var busy = Raster(width: 100, height: 100, repeating: 0.5)
    busy[50, 50] = 1
    #expect(Photos.borderScore(busy, border: 40) < 1e-3)
    #expect(Photos.borderScore(Raster(width: 1, height: 1, repeating: 0.5)) < 1e-6)
  }

  @Test func faceMask() {
    var photo = Self.portrait(200)
    let whole = Photos.FaceMask().apply(to: photo)
    for c in 0..<3 {
      photo[100, 100, c] = 1  // a highlight
      photo[5, 5, c] = 0  // a speck
    }
    let mask = Photos.FaceMask().apply(to: photo)
    #expect(mask == whole && !mask[5, 5] && mask[100, 100])
    let tight = Photos.FaceMask.tight.apply(to: photo)
    #expect(tight.subtracting(mask).count == 0 && tight.count < mask.count)
    let small = Photos.FaceMask().apply(to: photo, width: 50, height: 40)
    #expect(small.width == 50 && small.height == 40 && small[25, 20])
    // The threshold is strict: 12 levels below white is background, 13 is face.
    for (level, expected) in [(243, 0), (242, 400)] as [(Float, Int)] {
      let flat = Raster(width: 20, height: 20, channels: 3, repeating: level / 255)
      #expect(Photos.FaceMask().apply(to: flat).count == expected)
    }
  }

  @Test func duplicates() throws {
    let photo = Self.portrait(128)
    let png = try ImageFile.read(ImageFile.encode(photo, as: .png16), name: "a").raster
    let tiff = try ImageFile.read(ImageFile.encode(photo, as: .tiff16), name: "b").raster
    #expect(Photos.contentDigest(png) == Photos.contentDigest(tiff))
    var other = png
    other.pixels[0] = 0.5
    #expect(Photos.contentDigest(png) != Photos.contentDigest(other))
    let jpeg = try ImageFile.read(ImageFile.encode(photo, as: .jpeg(quality: 60)), name: "c").raster
    let resized = Resize.area(jpeg, width: 90, height: 90)
    #expect(Photos.distance(Photos.differenceHash(photo), Photos.differenceHash(resized)) <= 10)
    let different = pattern(128, 128, channels: 3, levels: 255)
    #expect(Photos.distance(Photos.differenceHash(photo), Photos.differenceHash(different)) > 10)
  }

  @Test func colours() {
    #expect(ColourMap.viridis.hex(0) == "#440154" && ColourMap.viridis.hex(1) == "#fde725")
    #expect(ColourMap.diverging.hex(0.5) == "#f7f7f7" && ColourMap.grey.hex(.nan) == "#808080")
    // Lightness rises all the way, so the order is readable without colour.
    for map in [ColourMap.viridis, .magma, .grey] {
      let lightness = (0...50).map { i -> Double in
        let c = map.colour(Double(i) / 50)
        return 0.2126 * Double(c.red) + 0.7152 * Double(c.green) + 0.0722 * Double(c.blue)
      }
      #expect(zip(lightness, lightness.dropFirst()).allSatisfy { $0 <= $1 + 0.5 })
    }
    let error = ColourMap.errorMap(
      Raster(width: 2, height: 1, pixels: [0.5, 0.5]), Raster(width: 2, height: 1, pixels: [0.5, 0.6]), maximum: 0.1)
    #expect(error[0, 0, 0] == 0 && error[1, 0, 0] > 0.9)
  }
}
