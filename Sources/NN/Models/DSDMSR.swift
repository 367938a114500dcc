/// A network that improves a one-channel map at its own size.
protocol DSDMSRUnit: Module {
  func refine(_ x: Tensor) -> Tensor
  /// The same as nodes of an ONNX graph.
  func refine(into graph: OnnxGraph, _ x: OnnxGraph.Value) -> OnnxGraph.Value
}

/// Deeply supervised depth super-resolution: at each level four units predict the four polyphase views of a map twice as
/// large; a last unit fuses all levels.
///
/// Input [n, 1, h, w], output [n, 1, s h, s w] with s 8 or 16, the fused map, and the maps of 2, 4, 8 (and 16) times the
/// input's side as `scales`. Parity: models/dsdmsr_*. Paper: Song, Dai, Qin, arXiv 1808.08688, IEEE TCSVT 2019.
public final class DSDMSR: Network {
  static let kind = ModelKind(
    "dsdmsr", title: "DSDMSR", summary: "Four units a level predict interleaved views; supervised at every level.",
    options: [
      .int("scale", 8, among: [8, 16], "Output side over input side."),
      .choice("unit", "srcnn", among: Unit.allCases.map(\.rawValue), "`srcnn`, or `vdsr` (ten layers)."),
      .int("channels", 64, 1...4096, "Channels of VDSR units."),
    ],
    outputs: [ModelOutput(.scales)], onnx: .graph(),
    source: "Song, Dai, Qin, arXiv 1808.08688; asrimanth/DSDMSR-PyTorch",
    licence: "none stated; built from the published description",
    sizes: [
      ModelSize(parameters: 744_653), ModelSize("VDSR units", ["unit": "vdsr"], parameters: 3_848_832),
      ModelSize("x16", ["scale": 16], parameters: 973_777),
    ],
    examples: [["unit": "vdsr", "channels": 4]],
    make: { options, initialiser in
      DSDMSR(
        scale: options.int("scale"), unit: options.string("unit") == "vdsr" ? .vdsr : .srcnn,
        channels: options.int("channels"), initialiser)
    })

  public enum Unit: String, Sendable, CaseIterable { case srcnn, vdsr }

  public let scale: Int
  public var reach: Int? { fusion is VDSR ? 22 : 18 }
  /// For each level the units of (even, even), (even, odd), (odd, even), (odd, odd) rows and columns.
  let levels: [(factor: Int, units: [any DSDMSRUnit])]
  let fusion: any DSDMSRUnit

  public init(scale: Int = 8, unit: Unit = .srcnn, channels: Int = 64, _ initialiser: WeightInitialiser) {
    func make() -> any DSDMSRUnit {
      unit == .srcnn ? SRCNN(initialiser) : VDSR(channels: channels, layers: 10, isUnit: true, initialiser)
    }
    self.scale = scale
    levels = (scale == 16 ? [2, 4, 8, 16] : [2, 4, 8]).map { ($0, (0..<4).map { _ in make() }) }
    fusion = make()
  }

  public var members: [(name: String, member: Member)] {
    var members: [(name: String, member: Member)] = []
    for (factor, units) in levels {
      for (place, unit) in zip(["1_1", "1_2", "2_1", "2_2"], units) {
        members.append(("dcnn_unit_\(place)_x\(factor)", .module(unit)))
      }
    }
    return members + [("msf_dcnn", .module(fusion))]
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    var x = input.image
    var maps: [ScaleMap] = []
    var sum: Tensor?
    let (height, width) = (x.h * scale, x.w * scale)
    for (factor, units) in levels {
      x = Tensor.concatenated(units.map { $0.refine(x) }).pixelShuffled(2)
      maps.append(ScaleMap(factor: factor, map: x))
      let large = factor == scale ? x : x.resized(height: height, width: width, .bilinear)
      sum = sum.map { $0 + large } ?? large
    }
    var output = NetworkOutput(image: fusion.refine(sum ?? x))
    output[.scales] = maps
    return output
  }
}
