import Basics
import Foundation
import Imaging
import Testing

@Suite struct FilterTests {
  static let sizes = [(1, 1), (1, 6), (5, 1), (2, 3), (17, 11)]

  @Test(arguments: sizes, [1, 3]) func constantsStayConstant(size: (Int, Int), channels: Int) {
    let flat = Raster(width: size.0, height: size.1, channels: channels, repeating: 0.37)
    for output in [
      Filters.gaussian(flat, sigma: 1.5), Filters.gaussian(flat, sigma: 2, border: .symmetric),
      Filters.bilateral(flat, diameter: 9, sigmaColor: 0.1, sigmaSpace: 3), Filters.median(flat, radius: 2),
      Filters.box(flat, side: 5), Resize.cubic(flat, width: size.0, height: size.1),
    ] {
      #expect(output.pixels.allSatisfy { abs($0 - 0.37) < 1e-5 })
    }
    for output in [Filters.sobel(flat, .x), Filters.scharr(flat, .y), Filters.laplacian(flat)] {
      #expect(output.pixels.allSatisfy { abs($0) < 1e-5 })
    }
  }

  @Test(arguments: sizes) func resizingKeepsConstantsAndSize(size: (Int, Int)) {
    let flat = Raster(width: size.0, height: size.1, channels: 3, repeating: 0.25)
    for (width, height) in [(1, 1), (3, 7), (40, 2), (size.0, size.1)] {
      for output in [
        Resize.cubic(flat, width: width, height: height), Resize.linear(flat, width: width, height: height),
        Resize.area(flat, width: width, height: height), Resize.nearest(flat, width: width, height: height),
        Resize.cubicAntialiased(flat, width: width, height: height),
      ] {
        #expect(output.width == width && output.height == height && output.channels == 3)
        #expect(output.pixels.allSatisfy { abs($0 - 0.25) < 1e-6 })
      }
    }
  }

  @Test(arguments: sizes) func sameSizeIsIdentity(size: (Int, Int)) {
    let raster = pattern(size.0, size.1, channels: 3, levels: 255)
    for output in [
      Resize.cubic(raster, width: size.0, height: size.1), Resize.linear(raster, width: size.0, height: size.1),
      Resize.area(raster, width: size.0, height: size.1), Resize.nearest(raster, width: size.0, height: size.1),
      Resize.cubicAntialiased(raster, width: size.0, height: size.1),
    ] {
      #expect(zip(output.pixels, raster.pixels).allSatisfy { abs($0 - $1) < 1e-6 })
    }
  }

  @Test func derivativesOfARamp() {
    var ramp = Raster(width: 9, height: 7)
    for y in 0..<7 { for x in 0..<9 { ramp[x, y] = Float(3 * x - 2 * y) } }
    #expect(Filters.sobel(ramp, .x)[4, 3] == 24 && Filters.sobel(ramp, .y)[4, 3] == -16)
    #expect(Filters.scharr(ramp, .x)[4, 3] == 96 && Filters.scharr(ramp, .y)[4, 3] == -64)
    #expect(Filters.sobel(ramp, .x)[0, 3] == 0)  // the reflected border has no slope across it
    #expect(Filters.laplacian(ramp)[4, 3] == 0)
  }

  @Test func medianRemovesASpeck() {
    var raster = Raster(width: 5, height: 5, repeating: 0.5)
    raster[2, 2] = 1
    #expect(Filters.median(raster).pixels.allSatisfy { $0 == 0.5 })
    let row = Raster(width: 5, height: 1, pixels: [1, 5, 2, 4, 3])
    #expect(Filters.median(row).pixels == [1, 2, 4, 3, 3])
  }

  @Test func bilateralKeepsAnEdgeThatAGaussianBlurs() {
    var step = Raster(width: 20, height: 6)
    for y in 0..<6 { for x in 10..<20 { step[x, y] = 1 } }
    let kept = Filters.bilateral(step, diameter: 9, sigmaColor: 0.1, sigmaSpace: 3)
    #expect(kept[9, 3] < 0.01 && kept[10, 3] > 0.99)
    #expect(Filters.gaussian(step, sigma: 3)[9, 3] > 0.3)
  }

  @Test func threadsDoNotChangeResults() {
    let raster = pattern(301, 257, channels: 3, levels: 65535)
    let one = ThreadBudget.with(1) {
      (
        Filters.gaussian(raster, sigma: 2), Resize.cubic(raster, width: 97, height: 500),
        Filters.bilateral(raster, diameter: 5, sigmaColor: 0.2, sigmaSpace: 2)
      )
    }
    let many = ThreadBudget.with(8) {
      (
        Filters.gaussian(raster, sigma: 2), Resize.cubic(raster, width: 97, height: 500),
        Filters.bilateral(raster, diameter: 5, sigmaColor: 0.2, sigmaSpace: 2)
      )
    }
    #expect(one == many)
  }
}
