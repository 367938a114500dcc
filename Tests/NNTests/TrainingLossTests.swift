import Basics
import NN
import Testing

@Suite struct TrainingLossTests {
  typealias Loss = TrainerConfiguration.Loss
  static let terms: [(name: String, make: @Sendable () -> Loss)] = [
    ("l1", { Loss(l1: 1, gradient: 0) }), ("gradient", { Loss(l1: 0, gradient: 1) }),
    ("sobel", { only { $0.sobel = 1 } }), ("sobel_magnitude", { only { $0.sobelMagnitude = 1 } }),
    ("charbonnier", { only { $0.charbonnier = 1 } }), ("mse", { only { $0.mse = 1 } }),
    ("ssim", { only { $0.ssim = 1 } }), ("psnr", { only { $0.psnr = 1 } }),
    ("frequency", { only { $0.frequency = 1 } }),
  ]

  private static func only(_ change: (inout Loss) -> Void) -> Loss {
    var loss = Loss(l1: 0, gradient: 0)
    change(&loss)
    return loss
  }

  private func noise(_ shape: [Int], seed: UInt64) -> Tensor {
    var random = SeededRandom(seed: seed)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform(0.1, 0.9)) }, shape)
  }

  private func batch(channels: Int, mask: [Float]?) throws -> Batch {
    let target = noise([1, channels, 16, 16], seed: 4).values
    return try Batch([
      TrainingSample(
        name: "a", height: 16, width: 16, scale: 1, channels: channels, depth: target, target: target, mask: mask)
    ])
  }

  /// What a prediction says outside the mask changes no term, and gets no gradient.
  @Test(arguments: terms.map(\.name)) func nothingOutsideTheMaskCounts(_ name: String) throws {
    let loss = try #require(Self.terms.first { $0.name == name }).make()
    let mask = (0..<256).map { Float($0 % 16 < 8 ? 1 : 0) }
    let batch = try batch(channels: 1, mask: mask)
    let prediction = noise([1, 1, 16, 16], seed: 5).values
    var changed = prediction
    for i in changed.indices where mask[i] == 0 { changed[i] += 0.3 }
    var gradient: [Float] = []
    let x = Tensor(prediction, [1, 1, 16, 16]).variable { gradient = $0.values }
    let value = try loss.value(NetworkOutput(depth: x), batch)
    value.backward()
    let other = try loss.value(NetworkOutput(depth: Tensor(changed, [1, 1, 16, 16])), batch)
    #expect(value.item == other.item)
    #expect(zip(gradient, mask).allSatisfy { $1 == 1 || $0 == 0 })
    #expect(gradient.contains { $0 != 0 } && gradient.allSatisfy(\.isFinite))
    // And it is the loss: 0, or least, at the truth.
    let best = try loss.value(NetworkOutput(depth: batch.target), batch).item
    #expect(best < value.item)
  }

  /// Photos: three channels count like three maps.
  @Test func photosAreMeanedOverTheirChannels() throws {
    let batch = try batch(channels: 3, mask: nil)
    let prediction = noise([1, 3, 16, 16], seed: 5)
    let value = try Loss(l1: 1, gradient: 0).value(NetworkOutput(depth: prediction), batch).item
    var expected = 0.0
    for (p, t) in zip(prediction.values, batch.target.values) { expected += Double(abs(p - t)) / 768 }
    #expect(abs(Double(value) - expected) < 1e-6)
  }

  /// A mask of ones is no mask.
  @Test(arguments: terms.map(\.name)) func aFullMaskChangesNothing(_ name: String) throws {
    let loss = try #require(Self.terms.first { $0.name == name }).make()
    let prediction = NetworkOutput(depth: noise([1, 1, 16, 16], seed: 5))
    let full = try loss.value(prediction, try batch(channels: 1, mask: [Float](repeating: 1, count: 256))).item
    let none = try loss.value(prediction, try batch(channels: 1, mask: nil)).item
    #expect(abs(full - none) <= 1e-6 * abs(none))
  }

  @Test func whatIsMissingIsNamed() throws {
    let output = NetworkOutput(depth: noise([1, 1, 16, 16], seed: 5))
    let batch = try batch(channels: 1, mask: nil)
    let cases: [(change: (inout Loss) -> Void, word: String)] = [
      ({ $0.deep = 1 }, "dsdmsr"), ({ $0.gradientMap = 1 }, "sgnet"), ({ $0.normals = 1 }, "predict_normal"),
      ({ $0.l1 = 0 }, "weight 0"),
    ]
    for (change, word) in cases {
      var loss = Loss(l1: 0, gradient: 0)
      change(&loss)
      let error = try #require(throws: TrainingError.self) { try loss.value(output, batch) }
      #expect(error.description.contains(word))
    }
  }
}
