import Basics
import NN
import Testing

@Suite struct TiledInferenceTests {
  private func map(_ height: Int, _ width: Int) -> [Float] {
    var random = SeededRandom(seed: 11)
    return (0..<(height * width)).map { _ in Float(random.uniform()) }
  }

  @Test func tilesEqualTheWholeMap() throws {
    let description: JSON = ["type": "depth-upres-unet", "base_channels": 8]
    let network = try ModelCatalogue.make(description, seed: 5)
    let model = TrainedModel(network: network, description: description)
    let (height, width) = (176, 260)  // neither a multiple of the tile nor of the grid
    let input = map(height, width)
    let whole = try model.upscale(input, height: height, width: width, tile: 512)
    let tiled = try model.upscale(input, height: height, width: width, tile: 128)
    #expect(whole.count == 16 * height * width)
    let worst = zip(whole, tiled).map { abs($0 - $1) }.max()!
    #expect(worst < 2e-6, "largest difference \(worst)")
    // The test could not see a seam if the network did nothing beyond interpolation.
    let narrow = try? model.upscale(input, height: height, width: width, tile: 64)
    #expect(narrow == nil, "a tile of 64 does not hold the overlap and must be refused")
  }

  @Test func anySizeIsPaddedAndCropped() throws {
    let description: JSON = ["type": "depth-upres-unet", "base_channels": 8]
    let network = try ModelCatalogue.make(description, seed: 5)
    let model = TrainedModel(network: network, description: description)
    #expect(try model.upscale(map(7, 9), height: 7, width: 9).count == 28 * 36)
    #expect(try model.upscale(map(1, 1), height: 1, width: 1).count == 16)
  }
}
