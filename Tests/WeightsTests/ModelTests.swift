import Basics
import Foundation
import NN
import Testing

@Suite struct ModelTests {
  /// Published or measured counts of parameters (buffers are not parameters), from the rows.
  static let sizes: [(description: JSON, parameters: Int)] = ModelCatalogue.kinds.flatMap { kind in
    kind.sizes.map { (kind.description($0.options), $0.parameters) }
  }

  @Test("has the published number of parameters", arguments: sizes)
  func parameterCounts(_ description: JSON, _ count: Int) throws {
    let network = try ModelCatalogue.outline(description)
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

  /// Small forms of every kind, to run forwards and backwards, from the rows.
  static let small: [JSON] = ModelCatalogue.kinds.flatMap { kind in kind.examples.map(kind.description) }

  @Test("every kind runs, enlarges by its scale, and gives finite gradients", arguments: small)
  func runs(_ description: JSON) throws {
    let network = try ModelCatalogue.make(description, seed: 3)
    let (height, width) = (12, 8)
    var random = SeededRandom(seed: 5)
    func noise(_ shape: [Int]) -> Tensor {
      Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform()) }, shape)
    }
    let (kind, _) = try ModelCatalogue.read(description)
    #expect(network.guideKind == kind.guide)
    var input = NetworkInput(
      image: noise([2, network.imageChannels, height, width]),
      guide: kind.guide.map { noise([2, $0.channels, height * network.scale, width * network.scale]) })
    input.wanted = Set(kind.outputs.map(\.name))
    input.random = RandomStreams(seed: 1, pass: "test")
    let output = network(input)
    #expect(output.image.shape == [2, network.imageChannels, height * network.scale, width * network.scale])
    let expected = kind.outputs.filter { $0.option.map { description[$0] == true } ?? true }.map(\.name)
    #expect(output.auxiliaryNames == expected.sorted(), "the row names the auxiliary outputs")
    (output.image * noise(output.image.shape)).sum().backward()
    let gradients = network.namedParameters.compactMap { $0.parameter.gradient }
    #expect(!gradients.isEmpty)
    #expect(gradients.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    #expect(gradients.contains { $0.values.contains { $0 != 0 } })
  }

  /// Every type that is a `Network` has a row, and the examples of the row make it: one that is forgotten fails here.
  @Test func everyNetworkHasARow() throws {
    let made = Set(
      try ModelCatalogue.kinds.flatMap { kind in
        try kind.examples.map { String(describing: Swift.type(of: try ModelCatalogue.outline(kind.description($0)))) }
      })
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let folder = root.appending(path: "Sources/NN/Models")
    var declared: Set<String> = []
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(".swift") {
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      for match in text.matches(of: /(?:class|struct|extension) (\w+)[^{\n]*[:,] *Network\b/) {
        declared.insert(String(match.1))
      }
    }
    #expect(declared.count >= 13 && declared == made)
  }

  @Test("the row says which options take photos", arguments: ModelCatalogue.kinds.map(\.type))
  func photos(_ type: String) throws {
    let kind = try #require(ModelCatalogue.kind(type))
    let standard = try ModelCatalogue.outline(kind.description([:])).imageChannels
    let photos = try kind.photos.map { try ModelCatalogue.outline(kind.description($0)).imageChannels }
    #expect(photos == (kind.photos == nil ? nil : 3) && [1, 3].contains(standard))
    #expect(kind.photos != nil || standard == 1)
  }

  /// The outline has the names and shapes of the network, and nothing was drawn for it.
  @Test("an outline has the shapes of the network", arguments: small)
  func outline(_ description: JSON) throws {
    func shapes(_ network: any Network) -> [String: [Int]] {
      Dictionary(uniqueKeysWithValues: network.namedParameters.map { ($0.name, $0.parameter.shape) })
    }
    #expect(try shapes(ModelCatalogue.outline(description)) == shapes(ModelCatalogue.make(description)))
  }

  @Test("an output pixel depends on nothing beyond the stated reach", arguments: small)
  func reach(_ description: JSON) throws {
    let network = try ModelCatalogue.make(description, seed: 3)
    guard let reach = network.reach else { return }
    network.setTraining(false)
    let side = 96
    var random = SeededRandom(seed: 5)
    let channels = network.imageChannels
    let values = (0..<channels * side * side).map { _ in Float(random.uniform(0.2, 0.8)) }
    var gradient: [Float] = []
    let x = Tensor(values, [1, channels, side, side]).variable { gradient = $0.values }
    let centre = side / 2
    // The fast convolutions leave rounding noise in the rest of a tile, where the exact gradient is zero.
    NN.with(ComputeOptions(convolution: .direct)) {
      let y = network(NetworkInput(image: x)).image
      var pick = [Float](repeating: 0, count: y.count)
      pick[centre * network.scale * y.w + centre * network.scale] = 1
      (y * Tensor(pick, y.shape)).sum().backward()
    }
    for (i, value) in gradient.enumerated() where value != 0 {
      let distance = max(abs(i / side % side - centre), abs(i % side - centre))
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

  static let broken: [(JSON, String)] = [
    (["type": "sgnet", "chanels": 24], "model `sgnet` has no option `chanels`; it has: channels, scale"),
    (["type": "sgnet", "channels": 8], "model `sgnet`: `channels` must be 16...4096, not 8"),
    (["type": "sgnet", "channels": "8"], "model `sgnet`: `channels` must be an integer, not `8`"),
    (["type": "dsdmsr", "scale": 4], "model `dsdmsr`: `scale` must be one of 8, 16, not 4"),
    (["type": "dsdmsr", "unit": "srcn"], "model `dsdmsr`: `unit` must be one of srcnn, vdsr, not `srcn`"),
    (["type": "edsr-light", "zero_head": 1], "model `edsr-light`: `zero_head` must be true or false, not 1"),
    (["type": "swinir", "depths": [0]], "model `swinir`: `depths` must be a list of integers 1...1000, not [0]"),
    (
      ["type": "swinir", "heads": [5, 5]], "model `swinir`: `heads` needs a divisor of `channels` for each of `depths`"
    ),
    (["type": "dornet", "channels": 6], "model `dornet`: `channels` must be a multiple of 4 and at least `reduction`"),
    (["type": "edsrr"], "unknown model `edsrr`"), (["blocks": 3], "a model is described by a map with a `type`"),
  ]

  @Test("says what is wrong with a description", arguments: broken)
  func problems(_ description: JSON, _ text: String) {
    let error = #expect(throws: ModelError.self) { try ModelCatalogue.make(description) }
    #expect(error?.description.hasPrefix(text) == true, "\(error?.description ?? "")")
  }

  @Test("stochastic depth drops branches in training only, and the same ones for the same input")
  func stochasticDepth() throws {
    let network = try ModelCatalogue.make(
      ["type": "swinir", "channels": 16, "depths": [4], "heads": [2], "drop_path": 0.9], seed: 1)
    let x = Tensor((0..<64).map { Float($0) / 64 }, [1, 1, 8, 8])
    let first = network(NetworkInput(image: x)).image.values
    #expect(network(NetworkInput(image: x)).image.values == first)
    network.setTraining(false)
    #expect(network(NetworkInput(image: x)).image.values != first)
  }
}
