import Basics
import Foundation
import NN
import Testing

@Suite struct ModelTests {
  /// Published or measured counts of parameters (buffers are not parameters).
  static let counts: [(JSON, Int)] = [
    (["type": "depth-upres-unet"], 7_765_409), (["type": "depth-upres-unet", "predict_normal": true], 7_774_820),
    (["type": "depth-upres-unet", "base_channels": 24], 4_369_849), (["type": "edsr-light"], 1_515_265),
    (["type": "srresnet"], 1_528_724),
    (["type": "msrresnet", "input_channels": 3, "output_channels": 3], 1_517_571),
    (["type": "msrresnet", "input_channels": 3, "output_channels": 3, "blocks": 20], 1_812_995),
    (["type": "msrresnet", "input_channels": 3, "output_channels": 3, "blocks": 24], 2_108_419),
    (["type": "msrresnet"], 1_515_265), (["type": "msrresnet", "blocks": 20], 1_810_689),
    (["type": "msrresnet", "blocks": 24], 2_106_113), (["type": "edsr"], 1_517_571),
    (["type": "edsr", "channels": 256, "blocks": 32, "residual_scale": 0.1], 43_089_923),
    (["type": "swinir"], 228_832), (["type": "sgnet"], 9_215_821), (["type": "sgnet", "channels": 16], 4_157_561),
    (["type": "sgnet", "channels": 20], 6_434_218), (["type": "dornet"], 3_054_992),
    (["type": "dornet", "channels": 24, "reduction": 4], 457_082), (["type": "srcnn"], 57_281),
    (["type": "srcnn", "image_channels": 3], 69_251), (["type": "vdsr"], 664_704),
    (["type": "vdsr", "layers": 10], 296_064), (["type": "dsdmsr"], 744_653),
    (["type": "dsdmsr", "unit": "vdsr"], 3_848_832), (["type": "dsdmsr", "scale": 16], 973_777),
    (["type": "nafnet", "image_channels": 3], 29_159_715),
    (
      [
        "type": "nafnet", "image_channels": 3, "encoder_blocks": [1, 1, 1, 28], "middle_blocks": 1,
        "decoder_blocks": [1, 1, 1, 1],
      ], 17_111_907
    ),
    // SwinIR M for classical super-resolution, as published for x4 with patches of 48.
    (
      [
        "type": "swinir", "image_channels": 3, "image_size": 48, "depths": [6, 6, 6, 6, 6, 6], "channels": 180,
        "heads": [6, 6, 6, 6, 6, 6], "upsampler": "pixelshuffle",
      ], 11_900_199
    ),
  ]

  @Test("has the published number of parameters", arguments: counts)
  func parameterCounts(_ description: JSON, _ count: Int) throws {
    let network = try ModelCatalogue.make(description)
    #expect(network.parameterCount == count)
    let names = network.state.map(\.name)
    #expect(Set(names).count == names.count, "state names are unique")
  }

  @Test("has the reference's number of state entries")
  func entries() throws {
    for (description, entries) in [
      (["type": "edsr-light"] as JSON, 74), (["type": "srresnet"], 258), (["type": "swinir"], 130),
      (["type": "sgnet"], 1213),
      (["type": "dornet"], 337),
    ] {
      #expect(try ModelCatalogue.make(description).state.count == entries, "\(description.canonical)")
    }
  }

  @Test("the two-encoder network has about 29 M parameters")
  func relativeDepth() throws {
    let count = try ModelCatalogue.make(["type": "relative-depth-fusion"]).parameterCount
    #expect((28_500_000..<29_500_000).contains(count), "\(count)")
  }

  /// Small forms of every kind, to run forwards and backwards.
  static let small: [JSON] = [
    ["type": "depth-upres-unet", "base_channels": 4], ["type": "edsr-light", "channels": 8, "blocks": 1],
    ["type": "srresnet", "channels": 8, "blocks": 1], ["type": "msrresnet", "channels": 8, "blocks": 1],
    ["type": "edsr", "channels": 8, "blocks": 1, "image_channels": 1],
    ["type": "swinir", "channels": 16, "depths": [2], "heads": [2]], ["type": "sgnet", "channels": 16],
    ["type": "dornet", "channels": 24, "reduction": 4], ["type": "srcnn"],
    ["type": "vdsr", "channels": 8, "layers": 4], ["type": "dsdmsr", "unit": "vdsr", "channels": 4],
    ["type": "nafnet", "channels": 4, "encoder_blocks": [1, 1], "decoder_blocks": [1, 1], "middle_blocks": 1],
    [
      "type": "relative-depth-fusion", "channels": 4, "encoder_blocks": [1, 1], "decoder_blocks": [1, 1],
      "middle_blocks": 1,
    ],
  ]

  @Test("every kind runs, enlarges by its scale, and gives finite gradients", arguments: small)
  func runs(_ description: JSON) throws {
    let network = try ModelCatalogue.make(description, seed: 3)
    let (height, width) = (12, 8)
    var random = SeededRandom(seed: 5)
    func noise(_ shape: [Int]) -> Tensor {
      Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform()) }, shape)
    }
    let depth = noise([2, 1, height, width])
    let guide = network.needsGuide ? noise([2, 3, height * network.scale, width * network.scale]) : nil
    let output = network(NetworkInput(depth: depth, guide: guide))
    #expect(output.depth.shape == [2, 1, height * network.scale, width * network.scale])
    (output.depth * noise(output.depth.shape)).sum().backward()
    let gradients = network.namedParameters.compactMap { $0.parameter.gradient }
    #expect(!gradients.isEmpty)
    #expect(gradients.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    #expect(gradients.contains { $0.values.contains { $0 != 0 } })
  }

  @Test("every kind of the catalogue is among the small forms")
  func complete() {
    #expect(Set(Self.small.compactMap { $0["type"]?.stringValue }) == Set(ModelCatalogue.kinds.map(\.type)))
  }

  @Test("an output pixel depends on nothing beyond the stated reach", arguments: small)
  func reach(_ description: JSON) throws {
    let network = try ModelCatalogue.make(description, seed: 3)
    guard let reach = network.reach else { return }
    network.setTraining(false)
    let side = 96
    var random = SeededRandom(seed: 5)
    let values = (0..<side * side).map { _ in Float(random.uniform(0.2, 0.8)) }
    var gradient: [Float] = []
    let x = Tensor(values, [1, 1, side, side]).variable { gradient = $0.values }
    let centre = side / 2
    // The fast convolutions leave rounding noise in the rest of a tile, where the exact gradient is zero.
    NN.with(ComputeOptions(convolution: .direct)) {
      let y = network(NetworkInput(depth: x)).depth
      var pick = [Float](repeating: 0, count: y.count)
      pick[centre * network.scale * y.w + centre * network.scale] = 1
      (y * Tensor(pick, y.shape)).sum().backward()
    }
    for (i, value) in gradient.enumerated() where value != 0 {
      let distance = max(abs(i / side - centre), abs(i % side - centre))
      #expect(distance <= reach, "a dependence \(distance) pixels away, stated \(reach)")
    }
    #expect(gradient.contains { $0 != 0 })
  }

  @Test("counts the U-Net's work as known: 385 GFLOP for 256 to 1024")
  func profile() throws {
    let profile = try ModelProfile(["type": "depth-upres-unet"], height: 256, width: 256)
    #expect(abs(2 * profile.multiplyAdds / 385e9 - 1) < 0.02, "\(2 * profile.multiplyAdds)")
    // At a small size it is the weights, once as they are and once packed, four times as large.
    let small = try ModelProfile(["type": "depth-upres-unet", "base_channels": 16], height: 4, width: 4)
    #expect(small.memory > 4.5 * Double(4 * small.parameters))
    #expect(profile.memory > small.memory)
  }

  @Test("an unknown option is refused with the list of options")
  func unknownOption() {
    let error = #expect(throws: ModelError.self) { try ModelCatalogue.make(["type": "sgnet", "chanels": 24]) }
    #expect(error?.description.contains("chanels") == true)
  }

  @Test("stochastic depth drops branches in training only, and the same ones for the same input")
  func stochasticDepth() throws {
    let network = try ModelCatalogue.make(
      ["type": "swinir", "channels": 16, "depths": [4], "heads": [2], "drop_path": 0.9], seed: 1)
    let x = Tensor((0..<64).map { Float($0) / 64 }, [1, 1, 8, 8])
    let first = network(NetworkInput(depth: x)).depth.values
    #expect(network(NetworkInput(depth: x)).depth.values == first)
    network.setTraining(false)
    #expect(network(NetworkInput(depth: x)).depth.values != first)
  }
}
