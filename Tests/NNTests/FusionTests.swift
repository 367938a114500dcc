import Foundation
import NN
import Testing

/// Every fused operation against the composition of plain ones that it replaces, and the map of them.
@Suite struct FusionTests {
  /// Layers that the fused operations run, for 32 channels.
  final class Layers: Module {
    let first: Conv2d
    /// Without a bias, whose gradient in front of a batch's statistics is rounding alone.
    let unbiased: Conv2d
    let second: Conv2d
    let wide: Conv2d
    let head: Conv2d
    let norm = BatchNorm2d(Layers.channels)
    let block: NAFBlock
    static let channels = 32

    init(_ initialiser: WeightInitialiser) {
      let c = Self.channels
      first = Conv2d(c, c, kernelSize: 3, padding: 1, initialiser)
      unbiased = Conv2d(c, c, kernelSize: 3, padding: 1, bias: false, initialiser)
      second = Conv2d(c, c, kernelSize: 3, padding: 1, initialiser)
      wide = Conv2d(c, 4 * c, kernelSize: 3, padding: 1, initialiser)
      head = Conv2d(c, 1, kernelSize: 1, initialiser)
      block = NAFBlock(c, initialiser)
      for (_, parameter) in block.namedParameters + norm.namedParameters {
        parameter.assign(initialiser.uniform(parameter.shape, bound: 0.5))
      }
    }

    var members: [(name: String, member: Member)] {
      [
        ("first", .module(first)), ("unbiased", .module(unbiased)), ("second", .module(second)),
        ("wide", .module(wide)), ("head", .module(head)),
        ("norm", .module(norm)), ("block", .module(block)),
      ]
    }
  }

  struct Fusion: Sendable, CustomTestStringConvertible {
    /// The function or type, as in the table of docs/ARCHITECTURE.md.
    var name: String
    var fused: @Sendable (Tensor, Layers) -> Tensor
    var composed: @Sendable (Tensor, Layers) -> Tensor
    var testDescription: String { name }
  }

  static let fusions: [Fusion] = [
    Fusion(name: "convolvedNormalisedReLU") { x, layers in
      x.convolvedNormalisedReLU(layers.unbiased, layers.norm)
    } composed: { x, layers in
      x.composedNormalisedReLU(layers.unbiased, layers.norm)
    },
    Fusion(name: "convolvedNormalisedReLUAndPooled") { x, layers in
      both(x.convolvedNormalisedReLUAndPooled(layers.unbiased, layers.norm))
    } composed: { x, layers in
      both(x.composedNormalisedReLUAndPooled(layers.unbiased, layers.norm))
    },
    Fusion(name: "convolvedNormalisedReLUAndProjected") { x, layers in
      x.convolvedNormalisedReLUAndProjected(layers.unbiased, layers.norm, by: layers.head)
    } composed: { x, layers in
      x.composedNormalisedReLUAndProjected(layers.unbiased, layers.norm, by: layers.head)
    },
    Fusion(name: "residualBlock") { x, layers in
      x.residualBlock(layers.first, layers.second, factor: 0.5)
    } composed: { x, layers in
      x.composedResidualBlock(layers.first, layers.second, factor: 0.5)
    },
    Fusion(name: "convolvedShuffled") { x, layers in
      x.convolvedShuffled(layers.wide)
    } composed: { x, layers in
      x.composedShuffled(layers.wide)
    },
    Fusion(name: "FusedNAFBlock") { x, layers in
      layers.block(x)
    } composed: { x, layers in
      layers.block.composed(x)
    },
  ]

  private static func both(_ result: (whole: Tensor, pooled: Tensor)) -> Tensor {
    result.whole + result.pooled.resized(height: result.whole.h, width: result.whole.w, .nearest)
  }

  enum Mode: String, CaseIterable, Sendable { case training, evaluation, inference }

  /// Values, and the gradients of the input and of every parameter; composed with convolutions as defined.
  @Test(arguments: KernelTests.instructionSets, fusions)
  func fusedEqualsComposed(_ set: ComputeOptions.Instructions, _ fusion: Fusion) {
    for mode in Mode.allCases {
      func run(_ convolution: ComputeOptions.Convolution) -> KernelTests.Outcome {
        let layers = Layers(WeightInitialiser(seed: 9))
        layers.setTraining(mode == .training)
        let body = convolution == .fast ? fusion.fused : fusion.composed
        return NN.with(ComputeOptions(threads: 2, convolution: convolution, instructions: set)) {
          guard mode != .inference else {
            let x = KernelTests.random([2, Layers.channels, 10, 12], 5, "x")
            let values = NN.withoutGradients { body(x, layers).values }
            return KernelTests.Outcome(output: values, gradients: [])
          }
          var result = KernelTests.outcome([[2, Layers.channels, 10, 12]]) { body($0[0], layers) }
          result.gradients += layers.namedParameters.map { $0.parameter.gradient?.values ?? [] }
          return result
        }
      }
      let (expected, kinks) = Kinks.recorded { run(.reference) }
      let (found, moved) = kinks.imposed { run(.fast) }
      #expect(moved.isComplete && moved.farthest < 1000, "\(mode)")
      KernelTests.expectSame(found, expected, limit: 2e-4)
    }
  }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Every file of `NN/Fused` has its row, every row names what exists and is tested above.
  @Test func theMapIsComplete() throws {
    let map = try String(contentsOf: Self.root.appending(path: "docs/ARCHITECTURE.md"), encoding: .utf8)
    let section = try #require(map.components(separatedBy: "## Fused operations\n").dropFirst().first)
    let table = try #require(section.components(separatedBy: "\n\n").first { $0.contains("plain composition |") })
    let rows = table.split(separator: "\n").dropFirst(2).map { row in
      row.split(separator: "|").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `")) }
    }
    #expect(rows.map { $0[1] } == Self.fusions.map(\.name))

    let folder = Self.root.appending(path: "Sources/NN/Fused")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    // NAFBlock is the composition of the block that FusedNAFBlock runs.
    #expect(Set(files) == Set(rows.map { $0[0] } + ["NAFBlock.swift"]))

    var sources: [String: String] = [:]
    let all = FileManager.default.enumerator(
      at: Self.root.appending(path: "Sources/NN"), includingPropertiesForKeys: nil)
    while let file = all?.nextObject() as? URL {
      if file.pathExtension == "swift" {
        sources[file.lastPathComponent] = try String(contentsOf: file, encoding: .utf8)
      }
    }
    func declares(_ text: String, _ name: String) -> Bool {
      ["func \(name)(", "struct \(name) ", "class \(name): ", "class \(name) "].contains { text.contains($0) }
    }
    for row in rows {
      let (file, fused, composed, user) = (
        row[0], row[1], row[2].split(separator: ".").last.map(String.init) ?? "", row[3]
      )
      #expect(declares(sources[file] ?? "", fused), "\(file) does not declare \(fused)")
      #expect(
        declares((sources[file] ?? "") + (sources["NAFBlock.swift"] ?? ""), composed), "nothing declares \(composed)")
      let users = sources.values.filter {
        declares($0, user) && ($0.contains(".\(fused)(") || $0.contains("\(fused)."))
      }
      #expect(!users.isEmpty, "\(user) does not use \(fused)")
    }
  }
}
