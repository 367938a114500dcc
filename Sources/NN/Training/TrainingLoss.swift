import Basics

extension TrainerConfiguration {
  /// Weights of the terms of the loss; a weight of 0 leaves its term out.
  public struct Loss: Sendable, Hashable {
    private var weights: [LossTerm: Double] = [:]
    private var settings: [LossSetting: Double] = [:]

    /// The standard weights of the catalogue's terms.
    public init() {
      self.init(Dictionary(uniqueKeysWithValues: LossCatalogue.terms.map { ($0, $0.standard) }))
    }

    /// These terms and no others.
    public init(_ weights: [LossTerm: Double]) { for (term, weight) in weights { self[term] = weight } }

    public subscript(term: LossTerm) -> Double {
      get { weights[term] ?? 0 }
      set { weights[term] = newValue == 0 ? nil : newValue }
    }

    public subscript(setting: LossSetting) -> Double {
      get { settings[setting] ?? setting.standard }
      set { settings[setting] = newValue == setting.standard ? nil : newValue }
    }

    /// The terms that count, in the catalogue's order, then those outside it by name.
    public var terms: [(term: LossTerm, weight: Double)] {
      let known = LossCatalogue.terms
      let others = weights.keys.filter { !known.contains($0) }.sorted { $0.name < $1.name }
      return (known + others).compactMap { term in weights[term].map { (term, $0) } }
    }

    /// Whether there is anything to learn from.
    public var isEmpty: Bool { weights.isEmpty }

    /// Names of the auxiliary outputs that the network must give.
    public var outputs: Set<String> { Set(terms.flatMap(\.term.outputs)) }

    /// The weighted sum of the terms for one batch.
    /// - Throws: `TrainingError` when the network or the batch lacks what a term needs.
    public func value(_ output: NetworkOutput, _ batch: Batch) throws -> Tensor {
      try BatchLoss(output, batch, self).total
    }

    /// - Throws: `TrainingError` when the maps of a batch are too small for a term.
    func check(_ batch: Batch) throws {
      for (term, _) in terms where batch.target.h < term.side || batch.target.w < term.side {
        throw TrainingError(
          "the loss `\(term.name)` needs maps of \(term.side) x \(term.side) pixels or more, not "
            + "\(batch.target.w) x \(batch.target.h)")
      }
    }

    fileprivate func input(_ output: NetworkOutput, _ batch: Batch) -> LossInput {
      LossInput(output, batch, settings: settings)
    }

    /// Canonical: equal losses, equal values.
    var json: JSON {
      [
        "weights": .object(Dictionary(uniqueKeysWithValues: weights.map { ($0.name, .double($1)) })),
        "settings": .object(Dictionary(uniqueKeysWithValues: settings.map { ($0.name, .double($1)) })),
      ]
    }
  }
}

/// The loss of one batch: named terms, each already multiplied by its weight.
struct BatchLoss {
  private(set) var terms: [(name: String, value: Tensor)] = []

  /// The sum of the terms in their order.
  var total: Tensor { terms.dropFirst().reduce(terms[0].value) { $0 + $1.value } }

  /// - Throws: `TrainingError` when the network or the batch lacks what a term needs.
  init(_ output: NetworkOutput, _ batch: Batch, _ loss: TrainerConfiguration.Loss) throws {
    guard !loss.isEmpty else { throw TrainingError("all terms of the loss have the weight 0") }
    try loss.check(batch)
    let input = loss.input(output, batch)
    for (term, weight) in loss.terms {
      input.term = term.name
      terms.append((term.name, try term.value(input).affine(Float(weight))))
    }
  }
}
