import Basics
import NN
import Testing

@Suite struct TrainingLossTests {
  typealias Loss = TrainerConfiguration.Loss
  /// Terms that see the image alone; the others have tests with their networks.
  static let terms = LossCatalogue.terms.filter { $0.outputs.isEmpty }

  private func noise(_ shape: [Int], seed: UInt64) -> Tensor {
    var random = SeededRandom(seed: seed)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform(0.1, 0.9)) }, shape)
  }

  private func batch(channels: Int, mask: [Float]?) throws -> Batch {
    let target = noise([1, channels, 16, 16], seed: 4).values
    return try Batch([
      TrainingSample(
        name: "a", height: 16, width: 16, scale: 1, channels: channels, image: target, target: target, mask: mask)
    ])
  }

  /// What a prediction says outside the mask changes no term, and gets no gradient.
  @Test(arguments: terms) func nothingOutsideTheMaskCounts(_ term: LossTerm) throws {
    let loss = Loss([term: 1])
    let mask = (0..<256).map { Float($0 % 16 < 8 ? 1 : 0) }
    let batch = try batch(channels: 1, mask: mask)
    let prediction = noise([1, 1, 16, 16], seed: 5).values
    var changed = prediction
    for i in changed.indices where mask[i] == 0 { changed[i] += 0.3 }
    var gradient: [Float] = []
    let x = Tensor(prediction, [1, 1, 16, 16]).variable { gradient = $0.values }
    let value = try loss.value(NetworkOutput(image: x), batch)
    value.backward()
    let other = try loss.value(NetworkOutput(image: Tensor(changed, [1, 1, 16, 16])), batch)
    #expect(value.item == other.item)
    #expect(zip(gradient, mask).allSatisfy { $1 == 1 || $0 == 0 })
    #expect(gradient.contains { $0 != 0 } && gradient.allSatisfy(\.isFinite))
    // And it is the loss: 0, or least, at the truth.
    let best = try loss.value(NetworkOutput(image: batch.target), batch).item
    #expect(best < value.item)
  }

  /// Photos: three channels count like three maps.
  @Test func photosAreMeanedOverTheirChannels() throws {
    let batch = try batch(channels: 3, mask: nil)
    let prediction = noise([1, 3, 16, 16], seed: 5)
    let value = try Loss([.l1: 1]).value(NetworkOutput(image: prediction), batch).item
    var expected = 0.0
    for (p, t) in zip(prediction.values, batch.target.values) { expected += Double(abs(p - t)) / 768 }
    #expect(abs(Double(value) - expected) < 1e-6)
  }

  /// A mask of ones is no mask.
  @Test(arguments: terms) func aFullMaskChangesNothing(_ term: LossTerm) throws {
    let loss = Loss([term: 1])
    let prediction = NetworkOutput(image: noise([1, 1, 16, 16], seed: 5))
    let full = try loss.value(prediction, try batch(channels: 1, mask: [Float](repeating: 1, count: 256))).item
    let none = try loss.value(prediction, try batch(channels: 1, mask: nil)).item
    #expect(abs(full - none) <= 1e-6 * abs(none))
  }

  @Test func whatIsMissingIsNamed() throws {
    let output = NetworkOutput(image: noise([1, 1, 16, 16], seed: 5))
    let batch = try batch(channels: 1, mask: nil)
    let cases: [(loss: Loss, word: String)] = [
      (Loss([.deep: 1]), "`scales`: dsdmsr"), (Loss([.gradientMap: 1]), "`gradient_map`: sgnet"),
      (Loss([.redegradation: 1]), "`redegradation`: dornet"),
      (Loss([.normals: 1]), "`normals`: depth-upres-unet with `predict_normal: true`"), (Loss([:]), "weight 0"),
    ]
    for (loss, word) in cases {
      let error = try #require(throws: TrainingError.self) { try loss.value(output, batch) }
      #expect(error.description.contains(word))
    }
  }

  @Test func smallMapsAreRefused() throws {
    let small = try Batch([
      TrainingSample(
        name: "a", height: 8, width: 20, scale: 1, image: [Float](repeating: 0, count: 160),
        target: [Float](repeating: 0, count: 160))
    ])
    let error = #expect(throws: TrainingError.self) {
      try Loss([.ssim: 1]).value(NetworkOutput(image: noise([1, 1, 8, 20], seed: 5)), small)
    }
    #expect(error?.description == "the loss `ssim` needs maps of 11 x 11 pixels or more, not 20 x 8")
  }

  /// A term of somebody else's counts like those of the catalogue.
  @Test func aTermOutsideTheCatalogueIsAdded() throws {
    let own = LossTerm("own", "Weight of twice the L1.") { $0.meanOverMask { $0.l1Loss($1).affine(2) } }
    let batch = try batch(channels: 1, mask: nil)
    let output = NetworkOutput(image: noise([1, 1, 16, 16], seed: 5))
    let plain = try Loss([.l1: 1]).value(output, batch).item
    #expect(abs(try Loss([.l1: 1, own: 0.5]).value(output, batch).item - 2 * plain) < 1e-6)
  }

  /// Every `LossTerm` that a file of the folder declares is a row: one that is forgotten here would silently not exist.
  @Test func everyTermIsARow() throws {
    var declared: Set<String> = []
    for (_, text) in try sources("Losses") {
      for match in text.matches(of: /static let \w+ = LossTerm\(\s*"(\w+)"/) { declared.insert(String(match.1)) }
    }
    #expect(declared.count >= 14 && declared == Set(LossCatalogue.terms.map(\.name)))
  }
}
