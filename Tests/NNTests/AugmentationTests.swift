import Basics
import NN
import Testing

@Suite struct AugmentationTests {
  /// A tilted plane with its normals: depth z = a x + b y, so that (a, b) turns with the picture.
  private func plane(_ a: Float, _ b: Float, side: Int = 4) -> TrainingSample {
    let high = 2 * side
    func depth(_ side: Int) -> [Float] {
      let middle = Float(side - 1) / 2
      return (0..<side * side).map { index -> Float in
        let x = (Float(index % side) - middle) / Float(side)
        let y = (Float(index / side) - middle) / Float(side)
        return 0.5 + a * x + b * y
      }
    }
    let area = high * high
    let normal = [a, b, -1].flatMap { [Float](repeating: $0, count: area) }
    let photo = (0..<3 * area).map { Float($0 % 7) / 10 }
    return TrainingSample(
      name: "plane", height: side, width: side, scale: 2, image: depth(side), target: depth(high),
      mask: (0..<area).map { Float($0 % 3) / 2 }, normal: normal, guide: photo)
  }

  /// Slopes of a map measured on its pixels.
  private func slopes(_ plane: [Float], _ side: Int) -> (x: Float, y: Float) {
    ((plane[1] - plane[0]) * Float(side), (plane[side] - plane[0]) * Float(side))
  }

  @Test(arguments: 1...3) func normalsTurnWithTheirPixels(quarters: Int) {
    var sample = plane(0.3, -0.2)
    sample.turn(quarters: quarters)
    let expected = slopes(sample.target, 8)
    let normal = sample.normal ?? []
    #expect(abs(normal[0] - expected.x) < 1e-5 && abs(normal[64] - expected.y) < 1e-5 && normal[128] == -1)
    let low = slopes(sample.image, 4)
    #expect(abs(low.x - expected.x) < 1e-5 && abs(low.y - expected.y) < 1e-5)
  }

  @Test func fourQuartersAreNone() {
    let original = plane(0.3, -0.2)
    var sample = original
    sample.turn(quarters: 1)
    #expect(sample.target != original.target)
    for _ in 0..<3 { sample.turn(quarters: 1) }
    #expect(sample.target == original.target && sample.image == original.image && sample.guide == original.guide)
    #expect(sample.mask == original.mask && sample.normal == original.normal)
    var half = original
    half.turn(quarters: 2)
    var twice = original
    twice.turn(quarters: 1)
    twice.turn(quarters: 1)
    #expect(half.target == twice.target && half.normal == twice.normal)
    var back = original
    back.turn(quarters: 1)
    back.turn(quarters: 3)
    #expect(back.target == original.target)
  }

  @Test func mapsThatAreNotSquareKeepTheirSides() {
    let sample = TrainingSample(
      name: "wide", height: 2, width: 3, scale: 1, image: (0..<6).map(Float.init), target: (0..<6).map(Float.init))
    var orders = Set<[Float]>()
    for index in 0..<40 {
      var random = SeededRandom(seed: 1, stream: "\(index)")
      let turned = Augmentation(turns: true).applied(to: sample, &random)
      #expect(turned.height == 2 && turned.width == 3)
      orders.insert(turned.target)
    }
    #expect(orders == [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]])
  }

  @Test func lightChangesPhotosAndNeverDepth() {
    let sample = plane(0.3, -0.2)
    let augmentation = Augmentation(brightness: 0.7...1.3, contrast: 0.7...1.3)
    var random = SeededRandom(seed: 3)
    let result = augmentation.applied(to: sample, &random)
    #expect(result.image == sample.image && result.target == sample.target && result.normal == sample.normal)
    #expect(result.guide != sample.guide && result.guide?.allSatisfy { (0...1).contains($0) } == true)
    // Relative depth is no photo either.
    var relative = sample
    relative.guide = sample.target
    #expect(augmentation.applied(to: relative, &random).guide == sample.target)
  }

  /// Input and truth of a photo get the same light: reducing and lighting can be exchanged.
  @Test func inputAndTruthOfPhotosAreLitAlike() {
    let (low, high) = (3 * 4, 3 * 16)
    let sample = TrainingSample(
      name: "photo", height: 2, width: 2, scale: 2, channels: 3, image: [Float](repeating: 0.4, count: low),
      target: [Float](repeating: 0.4, count: high))
    var random = SeededRandom(seed: 3)
    let result = Augmentation(brightness: 0.5...0.9, contrast: 0.5...0.9).applied(to: sample, &random)
    #expect(Set(result.image + result.target).count == 1 && result.image[0] < 0.4)
  }

  @Test func oldSettingsDrawAsBefore() {
    let sample = makeExamples(1, seed: 1).samples[0]
    var random = SeededRandom(seed: 9, stream: "augment/0/1")
    let result = Augmentation(patch: 8, flipsHorizontally: true).applied(to: sample, &random)
    // The draws of a patch and a flip, by hand.
    var same = SeededRandom(seed: 9, stream: "augment/0/1")
    var expected = sample
    for _ in 0..<8 {
      let (y, x) = (same.index(below: 9), same.index(below: 9))
      let cut = sample.cropped(y: y, x: x, height: 8, width: 8)
      expected = cut
      var (sum, count) = (Float(0), 0)
      for row in stride(from: 0, to: 32, by: 4) {
        for column in stride(from: 0, to: 32, by: 4) {
          sum += cut.mask?[row * 32 + column] ?? 0
          count += 1
        }
      }
      if sum / Float(count) >= 0.25 { break }
    }
    if same.next() >> 63 == 1 {
      expected.image = (0..<64).map { expected.image[$0 / 8 * 8 + 7 - $0 % 8] }
    }
    #expect(result.image == expected.image)
  }
}
