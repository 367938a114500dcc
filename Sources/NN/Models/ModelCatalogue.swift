import Basics

/// All kinds of networks: one row each.
public enum ModelCatalogue {
  public static let catalogue = Catalogue<ModelKind>([
    DepthUpResUNet.kind, EDSRLight.kind, SRResNet.kind, MSRResNet.kind, EDSR.kind, SwinIR.kind, SGNet.kind, DORNet.kind,
    SRCNN.kind, VDSR.kind, DSDMSR.kind, NAFNet.kind, RelativeDepthFusion.kind,
  ])

  public static var kinds: [ModelKind] { catalogue.rows }
  public static func kind(_ type: String) -> ModelKind? { catalogue[type] }

  /// The title of a type; of a type that is not in the catalogue, the type itself.
  public static func title(_ type: String) -> String { kind(type)?.title ?? type }

  /// The kind and the options of a description such as `{"type": "depth-upres-unet", "base_channels": 32}`.
  /// - Throws: `ModelError` for an unknown type, option or value.
  public static func read(_ description: JSON) throws -> (kind: ModelKind, options: ModelOptions) {
    guard var fields = description.objectValue, let type = fields["type"]?.stringValue else {
      throw ModelError("a model is described by a map with a `type`, not by \(description.canonical)")
    }
    guard let kind = kind(type) else {
      throw ModelError("unknown model `\(type)`; known: \(kinds.map(\.type).sorted().joined(separator: ", "))")
    }
    fields["type"] = nil
    if let version = fields.removeValue(forKey: "version"), version.intValue != kind.version {
      throw ModelError(
        "model `\(type)` is version \(kind.version) in this program; version \(version.canonical) is asked for")
    }
    return (kind, try kind.options(of: fields))
  }

  /// Builds the network of a description with weights drawn from `seed`.
  /// - Throws: `ModelError` for an unknown type, option or value.
  public static func make(_ description: JSON, seed: UInt64 = 0) throws -> any Network {
    try make(description, WeightInitialiser(seed: seed))
  }

  /// The network of a description with all weights zero, which takes no time: for its names, shapes and sizes.
  /// - Throws: `ModelError` for an unknown type, option or value.
  public static func outline(_ description: JSON) throws -> any Network {
    try make(description, WeightInitialiser(drawing: false))
  }

  private static func make(_ description: JSON, _ initialiser: WeightInitialiser) throws -> any Network {
    let (kind, options) = try read(description)
    return kind.make(options, initialiser)
  }

  /// The networks that give an auxiliary output, for messages: ``a network that gives `scales`: dsdmsr``.
  package static func giving(_ output: String) -> String {
    let able = kinds.compactMap { kind in
      kind.outputs.first { $0.name == output }.map { found in
        kind.type + (found.option.map { " with `\($0): true`" } ?? "")
      }
    }
    return "a network that gives `\(output)`\(able.isEmpty ? ", and none does" : ": " + able.joined(separator: " or "))"
  }
}
