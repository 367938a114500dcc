/// A whole network.
public protocol Network: Module {
  /// Output side over input side.
  var scale: Int { get }
  /// The input's sides must be multiples of this.
  var sizeMultiple: Int { get }
  /// What it wants beside its input; nil: nothing.
  var guideKind: GuideKind? { get }
  /// Channels of the input and of the output: 1 for depth, 3 for photos.
  var imageChannels: Int { get }
  /// How far an output pixel can see to any side, in input pixels; nil when it sees the whole image (global pooling,
  /// attention over channels). Known for networks that can be applied tile by tile.
  var reach: Int? { get }
  func callAsFunction(_ input: NetworkInput) -> NetworkOutput
}

extension Network {
  public var sizeMultiple: Int { 1 }
  public var guideKind: GuideKind? { nil }
  public var needsGuide: Bool { guideKind != nil }
  public var imageChannels: Int { 1 }
  public var reach: Int? { nil }
}
