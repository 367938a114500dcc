import Basics

/// A guide that a network sees beside its input, at the output's size.
public enum GuideKind: String, Sendable, Hashable {
  /// RGB, three planes.
  case photo
  /// Relative depth of the image, made elsewhere, one plane.
  case relative

  public var channels: Int { self == .photo ? 3 : 1 }
}

/// The input of a super-resolution network.
public struct NetworkInput {
  /// A low-resolution depth map [n, 1, h, w] or photo [n, 3, h, w] in 0...1.
  public var image: Tensor
  /// For guided networks: [n, 1 or 3, H, W] in 0...1 at the output's size.
  public var guide: Tensor?
  /// Names of auxiliary outputs that somebody will use. A network makes those that cost something only when they are wanted.
  public var wanted: Set<String> = []
  /// Random numbers for this pass; nil outside training.
  public var random: RandomStreams?

  public init(image: Tensor, guide: Tensor? = nil) {
    self.image = image
    self.guide = guide
  }

  public func wants<Value>(_ key: AuxiliaryOutput<Value>) -> Bool { wanted.contains(key.name) }
}

/// Random numbers for one forward pass of a training: a stream for each purpose, equal after the training was resumed.
public struct RandomStreams: Sendable, Hashable {
  public var seed: UInt64
  /// Tells the passes of a training apart, such as `<epoch>/<step>/<part>`.
  public var pass: String

  public init(seed: UInt64, pass: String) { (self.seed, self.pass) = (seed, pass) }

  /// - Parameter purpose: such as `gates`.
  public func generator(_ purpose: String) -> SeededRandom { SeededRandom(seed: seed, stream: "\(purpose)/\(pass)") }
}
