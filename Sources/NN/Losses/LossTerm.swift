import Basics

/// One term of the training loss: a value of this type in the file of its formula, and a row of `LossCatalogue`. The field
/// of `loss:` in a pipeline file, its schema, help and reference, and the column `loss_<name>` of the history follow from it.
public struct LossTerm: CatalogueRow {
  /// As files write it, such as `sobel_magnitude`.
  public let name: String
  /// The meaning of its weight in one sentence.
  public let doc: String
  /// Weights that a file may give it.
  public let weights: ClosedRange<Double>
  /// Its weight where a file names none; 0 leaves the term out.
  public let standard: Double
  /// Further numbers of the term, fields of `loss:` as well.
  public let settings: [LossSetting]
  public let needs: [LossNeed]
  let value: @Sendable (LossInput) throws -> Tensor

  /// - Parameter value: a single number, before its weight; the gradient flows to the network's outputs.
  public init(
    _ name: String, _ doc: String, weights: ClosedRange<Double> = 0...1000, standard: Double = 0,
    settings: [LossSetting] = [], needs: [LossNeed] = [], value: @escaping @Sendable (LossInput) throws -> Tensor
  ) {
    (self.name, self.doc, self.weights, self.standard) = (name, doc, weights, standard)
    (self.settings, self.needs, self.value) = (settings, needs, value)
  }

  public var needsNormals: Bool { needs.contains(.normalsOfTheTruth) }

  /// Names of the auxiliary outputs that a network must give.
  public var outputs: [String] {
    needs.compactMap { if case .output(let name) = $0 { name } else { nil } }
  }

  /// Smallest side of the truth in pixels.
  public var side: Int {
    needs.reduce(1) { if case .side(let side) = $1 { max($0, side) } else { $0 } }
  }
}

extension LossTerm: Hashable {
  public static func == (a: LossTerm, b: LossTerm) -> Bool { a.name == b.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// A number of a term besides its weight, such as the epsilon under a root.
public struct LossSetting: Hashable, Sendable {
  /// As files write it, below `loss:`.
  public let name: String
  public let doc: String
  public let standard: Double
  public let range: ClosedRange<Double>

  public init(_ name: String, _ doc: String, standard: Double, range: ClosedRange<Double>) {
    (self.name, self.doc, self.standard, self.range) = (name, doc, standard, range)
  }
}

/// A condition of a term, checked before the first forward pass.
public enum LossNeed: Hashable, Sendable {
  /// Normals of the dataset; files then write the term as a map with the weight and the source of the normals.
  case normalsOfTheTruth
  /// An auxiliary output of the network.
  case output(name: String)
  /// Truths of at least this many pixels a side.
  case side(Int)

  public static func output<Value>(_ key: AuxiliaryOutput<Value>) -> LossNeed { .output(name: key.name) }
}
