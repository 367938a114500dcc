import Basics
import Foundation

/// Choice of experts by noisy logits, and a measure of how unevenly a batch uses them: the squared coefficients of variation of
/// the gates' sums and of the expected loads (Shazeer et al., ICLR 2017, appendix A).
package struct NoisyTopGating {
  /// For each sample its experts, in ascending order.
  package let choices: [[Int]]
  /// A single number; its gradient flows to logits and deviations.
  package let imbalance: Tensor

  /// - Parameters:
  ///   - logits, deviations: [samples, experts]; the noise's deviation is softplus(deviation) + 0.01.
  ///   - noise: one standard normal number for each.
  ///   - chosen: experts of a sample, fewer than there are.
  package init(logits: Tensor, deviations: Tensor, noise: [Double], chosen: Int) {
    let (samples, experts) = (logits.shape[0], logits.shape[1])
    precondition(
      deviations.shape == logits.shape && noise.count == samples * experts && chosen < experts,
      "\(chosen) of \(experts) experts, deviations \(deviations.shape), \(noise.count) numbers of noise")
    let (clean, raw) = (logits.contiguous(), deviations.contiguous())
    let rows = (0..<samples).map { sample in
      let range = sample * experts..<(sample + 1) * experts
      return Row(
        clean: range.map { Double(clean.reader[$0]) }, raw: range.map { Double(raw.reader[$0]) },
        noise: Array(noise[range]),
        chosen: chosen)
    }
    choices = rows.map { $0.order.prefix(chosen).sorted() }
    func sums(_ values: (Row) -> [Double]) -> [Double] {
      rows.reduce(into: [Double](repeating: 0, count: experts)) { sums, row in
        for (expert, value) in values(row).enumerated() { sums[expert] += value }
      }
    }
    let importance = Variation(sums(\.gates))
    let load = Variation(sums { row in (0..<experts).map { row.chance($0) } })
    let shape = logits.shape
    imbalance = Tensor([Float(importance.value + load.value)], []).recorded([clean, raw]) { gradient, _ in
      let upstream = Double(gradient.item)
      let parts = rows.map { $0.gradients(gates: importance.gradient, chances: load.gradient) }
      func joined(_ part: ((clean: [Double], raw: [Double])) -> [Double]) -> Tensor {
        Tensor(parts.flatMap(part).map { Float($0 * upstream) }, shape)
      }
      return [joined(\.clean), joined(\.raw)]
    }
  }

  /// Variance over mean², with Bessel's correction, and its gradient.
  private struct Variation {
    let value: Double
    let gradient: [Double]

    init(_ values: [Double]) {
      let count = Double(values.count)
      let mean = values.reduce(0, +) / count
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
      let square = mean * mean + 1e-10
      value = variance / square
      gradient = values.map {
        2 * ($0 - mean) / (count - 1) / square - variance * 2 * mean / count / (square * square)
      }
    }
  }

  /// One sample.
  private struct Row {
    let clean: [Double], raw: [Double], noise: [Double]
    let deviation: [Double], noisy: [Double]
    /// Experts by falling noisy logit, the first of equal ones first.
    let order: [Int]
    let chosen: Int

    init(clean: [Double], raw: [Double], noise: [Double], chosen: Int) {
      (self.clean, self.raw, self.noise, self.chosen) = (clean, raw, noise, chosen)
      deviation = raw.map { ($0 > 20 ? $0 : log1p(exp($0))) + 0.01 }
      let noisy = clean.indices.map { [deviation] in clean[$0] + deviation[$0] * noise[$0] }
      self.noisy = noisy
      order = noisy.indices.sorted { noisy[$0] == noisy[$1] ? $0 < $1 : noisy[$0] > noisy[$1] }
    }

    /// Softmax of the chosen noisy logits, 0 for the others.
    var gates: [Double] {
      var result = [Double](repeating: 0, count: noisy.count)
      let top = order.prefix(chosen)
      let total = top.reduce(0) { $0 + exp(noisy[$1] - noisy[order[0]]) }
      for expert in top { result[expert] = exp(noisy[expert] - noisy[order[0]]) / total }
      return result
    }

    /// The expert whose noisy logit another noise would have to pass: for a chosen one the best of the others, else the last
    /// of the chosen.
    private func rival(_ expert: Int) -> Int {
      order.prefix(chosen).contains(expert) ? order[chosen] : order[chosen - 1]
    }

    private func distance(_ expert: Int) -> Double { (clean[expert] - noisy[rival(expert)]) / deviation[expert] }

    /// The chance that an expert is chosen when its own noise is drawn again.
    func chance(_ expert: Int) -> Double { 0.5 * erfc(-distance(expert) / 2.0.squareRoot()) }

    /// From the gradients of gates and chances to those of the logits and of the deviations' arguments.
    func gradients(gates upstream: [Double], chances: [Double]) -> (clean: [Double], raw: [Double]) {
      var clean = [Double](repeating: 0, count: noisy.count)
      var (noisyPart, spread) = (clean, clean)
      let gates = self.gates
      let dot = gates.indices.reduce(0) { $0 + gates[$1] * upstream[$1] }
      for expert in gates.indices {
        noisyPart[expert] += gates[expert] * (upstream[expert] - dot)
        let distance = distance(expert)
        let slope = chances[expert] * exp(-0.5 * distance * distance) / (2 * Double.pi).squareRoot() / deviation[expert]
        clean[expert] += slope
        noisyPart[rival(expert)] -= slope
        spread[expert] -= slope * distance
      }
      for expert in gates.indices {
        clean[expert] += noisyPart[expert]
        spread[expert] += noisyPart[expert] * noise[expert]
        spread[expert] *= raw[expert] > 20 ? 1 : 1 / (1 + exp(-raw[expert]))
      }
      return (clean, spread)
    }
  }
}
