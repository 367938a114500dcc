/// The content of an artifact by name: a port accepts only its own kind. Stages define kinds as static members.
public struct ArtifactKind: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  public var rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { rawValue = value }
  public var description: String { rawValue }
}

/// A named input of a stage.
public struct InputPort: Hashable, Sendable {
  public enum Arity: String, Hashable, Sendable {
    case one
    case optional
    /// Any number of artifacts, each under the instance that made it (`lr@*.pairs`).
    case many
  }

  public var name: String
  /// The kinds accepted; empty accepts any.
  public var kinds: [ArtifactKind]
  public var arity: Arity
  /// True when a sample stage reads this artifact only through `FileReference.input`: then the
  /// files found enter a sample's key, not the whole artifact, and one changed file runs one sample.
  public var lookup: Bool
  public var doc: String

  public init(_ name: String, _ kinds: ArtifactKind..., arity: Arity = .one, lookup: Bool = false, doc: String) {
    self.name = name
    self.kinds = kinds
    self.arity = arity
    self.lookup = lookup
    self.doc = doc
  }
}

/// A named output of a stage.
public struct OutputPort: Hashable, Sendable {
  public enum Layout: String, Hashable, Sendable {
    /// A set of named samples, each with a few files and a small JSON record.
    case samples
    /// A folder of files.
    case files
  }

  public var name: String
  public var kind: ArtifactKind
  public var layout: Layout
  public var doc: String

  public init(_ name: String, _ kind: ArtifactKind, _ layout: Layout, doc: String) {
    self.name = name
    self.kind = kind
    self.layout = layout
    self.doc = doc
  }
}
