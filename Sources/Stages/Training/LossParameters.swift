import NN
import Pipeline

extension Train {
  /// A term whose truth are normals of the dataset: its weight and where they come from.
  struct NormalsLoss: StageParameters {
    enum Source: String, ParameterChoice { case none, splat, dsine }
    var weight = 0.0
    var source = Source.none

    static let fields: [ParameterField<Self>] = [
      .init("weight", \.weight, LossTerm.normals.doc, type: .double(LossTerm.normals.weights)),
      .init("source", \.source, "Which normals of the dataset are the truth."),
    ]
    func validate() -> [String] {
      weight > 0 && source == .none ? ["the loss has the weight \(weight), but its `source` is none"] : []
    }
    var isActive: Bool { weight > 0 && source != .none }
  }

  /// The weights of the terms of the loss and their settings: one field for each, from the rows of `LossCatalogue`.
  struct Loss: StageParameters {
    private var plain = TrainerConfiguration.Loss()
    private var ofNormals: [LossTerm: NormalsLoss] = [:]

    /// Terms that every key names, also with the weight 0: keys are older than the rule that others are left out of the key
    /// where they have their standard weight. No term joins them.
    private static let inEveryKey: Set<LossTerm> = [
      .l1, .gradient, .normals, .sobel, .sobelMagnitude, .charbonnier, .mse, .ssim, .psnr, .frequency, .gradientMap,
      .deep,
      .redegradation, .gateBalance,
    ]

    static let fields: [ParameterField<Self>] = LossCatalogue.terms.flatMap { term in
      let own = inEveryKey.contains(term)
      let weight: ParameterField<Self> =
        term.needsNormals
        ? .init(
          term.name, \Self.[normals: term],
          "\(term.doc) A weight above 0 gives the network the head for it.",
          entersKey: { own || $0 != NormalsLoss() })
        : .init(
          term.name, \Self.[weight: term], term.doc, type: .double(term.weights),
          entersKey: { own || $0 != term.standard })
      return [weight]
        + term.settings.map { setting in
          .init(
            setting.name, \Self.[setting: setting], setting.doc, type: .double(setting.range),
            entersKey: { own || $0 != setting.standard })
        }
    }

    subscript(weight term: LossTerm) -> Double {
      get { plain[term] }
      set { plain[term] = newValue }
    }
    subscript(setting setting: LossSetting) -> Double {
      get { plain[setting] }
      set { plain[setting] = newValue }
    }
    subscript(normals term: LossTerm) -> NormalsLoss {
      get { ofNormals[term] ?? NormalsLoss() }
      set { ofNormals[term] = newValue == NormalsLoss() ? nil : newValue }
    }

    /// The weights of terms that count.
    var configuration: TrainerConfiguration.Loss {
      var result = plain
      for (term, normals) in ofNormals where normals.isActive { result[term] = normals.weight }
      return result
    }

    /// The normals of the dataset that the loss needs, such as `splat`.
    var normalsSource: String? { ofNormals.values.first(where: \.isActive)?.source.rawValue }

    func validate() -> [String] {
      let sources = Set(ofNormals.values.filter(\.isActive).map(\.source.rawValue))
      return (configuration.isEmpty ? ["all weights of `loss` are 0"] : [])
        + (sources.count > 1
          ? ["the terms of the loss name different normals: \(sources.sorted().joined(separator: ", "))"] : [])
    }
  }
}
