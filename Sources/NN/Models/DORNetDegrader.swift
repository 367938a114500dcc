import Basics
import Foundation

/// The result of DORNet's training-only part for one batch.
public struct Redegradation {
  /// The restored depth degraded again, [n, 1, h, w] at the output's size.
  public var depth: Tensor
  /// The network's input at the output's size, which `depth` should resemble; no gradient flows into it.
  public var query: Tensor
  /// How unevenly the experts are chosen, a single number.
  public var imbalance: Tensor
}

extension AuxiliaryOutput where Value == Redegradation {
  /// The result degraded again; made only when it is wanted, with the random numbers of the pass.
  public static var redegradation: Self { Self("redegradation") }
}

/// The training-only part of DORNet: degrades the restored depth again with kernels that experts make from the degradation's
/// summary. Source: yanzq95/DORNet (`DR`, `DecMoE`, `DAB`); the gating is that of Shazeer et al., "Outrageously Large Neural
/// Networks", ICLR 2017. What differs from the source is in docs/MODELS.md.
final class DORNetDegrader: Module {
  /// Sides of the experts' kernels.
  static let kernels = [3, 5, 7, 9]
  /// Experts chosen for a sample.
  static let chosen = 3

  private let block: DORNetResidualBlock
  private let summary: (weight: Parameter, bias: Parameter)
  private let mixers: [Conv2d]
  private let gate: Parameter
  private let noise: Parameter
  private let experts: [[(weight: Parameter, bias: Parameter)]]
  private let last: Conv2d
  let members: [(name: String, member: Member)]

  init(_ n: Int, _ initialiser: WeightInitialiser) {
    func linear(_ inputs: Int, _ outputs: Int) -> (weight: Parameter, bias: Parameter) {
      (
        Parameter(initialiser.standard([outputs, inputs], fanIn: inputs)),
        Parameter(initialiser.standard([outputs], fanIn: inputs))
      )
    }
    func named(_ prefix: String, _ layer: (weight: Parameter, bias: Parameter)) -> [(name: String, member: Member)] {
      [("\(prefix).weight", .parameter(layer.weight)), ("\(prefix).bias", .parameter(layer.bias))]
    }
    block = DORNetResidualBlock(1, n, initialiser)
    summary = linear(n, 4 * n)
    mixers = (0..<Self.chosen).map { _ in Conv2d(1, 1, kernelSize: 1, initialiser) }
    gate = Parameter(.zeros([4 * n, Self.kernels.count]))
    noise = Parameter(.zeros([4 * n, Self.kernels.count]))
    experts = Self.kernels.map { [linear(4 * n, n), linear(n, $0 * $0)] }
    last = Conv2d(1, 1, kernelSize: 1, initialiser)

    var all: [(name: String, member: Member)] = [("c1", .module(block))] + named("fc1", summary)
    for (i, mixer) in mixers.enumerated() { all.append(("dab_list.\(i).conv", .module(mixer))) }
    all += [
      ("DecoderMoE.w_gate", .parameter(gate)), ("DecoderMoE.w_noise", .parameter(noise)),
      ("DecoderMoE.mean", .buffer(Buffer(.float(.zeros([1]))))),
      ("DecoderMoE.std", .buffer(Buffer(.float(.filled([1], 1))))),
    ]
    for (i, expert) in experts.enumerated() {
      all += named("DecoderMoE.experts.\(i).mlp.0", expert[0]) + named("DecoderMoE.experts.\(i).mlp.2", expert[1])
    }
    members = all + [("conv", .module(last))]
  }

  /// - Parameters:
  ///   - query: the network's input at the output's size, [n, 1, h, w], at least 16 x 16.
  ///   - restored: the network's output.
  ///   - degradation: the encoder's summary, [n, 4c, 1, 1].
  ///   - passesGradient: whether the gradient reaches the kernels and the restored depth; the source stops it there.
  ///   - random: draws the noise of the gates.
  func callAsFunction(
    _ query: Tensor, restored: Tensor, degradation: Tensor, passesGradient: Bool, random: SeededRandom
  ) -> Redegradation {
    let (n, h, w) = (restored.n, restored.h, restored.w)
    var random = random
    let small = query.detached().resized(height: h / 8, width: w / 8, .bicubic, alignCorners: true)
    let maps = block(small)
    let features = (maps.globalMaximum() + maps.globalAverage()).reshaped([n, maps.c])
      .linear(summary.weight.tensor, bias: summary.bias.tensor)
    let gating = NoisyTopGating(
      logits: features.matrixProduct(gate.tensor), deviations: features.matrixProduct(noise.tensor),
      noise: (0..<n * Self.kernels.count).map { _ in random.normal() }, chosen: Self.chosen)

    // Every expert filters every sample; where it is not the sample's choice the result counts 0.
    let image = (passesGradient ? restored : restored.detached()).reshaped([1, n, h, w])
    let vector = (passesGradient ? degradation : degradation.detached()).reshaped([n, degradation.c])
    let filtered = zip(Self.kernels, experts).map { side, layers -> Tensor in
      let middle = vector.linear(layers[0].weight.tensor, bias: layers[0].bias.tensor).leakyReLU(0.1)
      let kernel = middle.linear(layers[1].weight.tensor, bias: layers[1].bias.tensor)
      return image.convolved(
        (passesGradient ? kernel : kernel.detached()).reshaped([n, 1, side, side]),
        ConvolutionGeometry(kernel: side, padding: side / 2, groups: n))
    }
    var sum: Tensor?
    for (slot, mixer) in mixers.enumerated() {
      var own: Tensor?
      for (expert, result) in filtered.enumerated() {
        let share = gating.choices.map { $0[slot] == expert ? Float(1) : 0 }
        guard share.contains(1) else { continue }
        let part = result.scaledChannels(Tensor(share, [1, n, 1, 1]))
        own = own.map { $0 + part } ?? part
      }
      guard let own else { preconditionFailure("every sample has \(Self.chosen) experts") }
      let mixed = mixer(own.reshaped([n, 1, h, w]).leakyReLU(0.1))
      sum = sum.map { $0 + mixed } ?? mixed
    }
    guard let sum else { preconditionFailure("\(Self.chosen) experts are chosen") }
    return Redegradation(depth: last(sum), query: query.detached(), imbalance: gating.imbalance)
  }
}
