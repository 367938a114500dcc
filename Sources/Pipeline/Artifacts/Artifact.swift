import Basics
import Foundation

/// One sample of a collection: a few files by role name (`depth.png`) and a small record.
public struct Sample: Hashable, Sendable {
  public var name: String
  public var files: [String: StoredFile]
  /// Small facts about the sample (scores, sizes, the split side). Part of its content.
  public var record: [String: JSON]

  public init(name: String, files: [String: StoredFile] = [:], record: [String: JSON] = [:]) {
    self.name = name
    self.files = files
    self.record = record
  }
}

/// The content that a port delivered. `samples` are in natural order of their names; `files` are used by ports of layout
/// `.files`.
public struct Artifact: Hashable, Sendable {
  public var kind: ArtifactKind
  /// Digest of the whole content.
  public var digest: Digest
  public var samples: [Sample]
  public var files: [String: StoredFile]
  /// Samples that did not make it, with the reason.
  public var rejected: [String: String]

  public init(
    kind: ArtifactKind, digest: Digest, samples: [Sample] = [], files: [String: StoredFile] = [:],
    rejected: [String: String] = [:]
  ) {
    self.kind = kind
    self.digest = digest
    self.samples = samples
    self.files = files
    self.rejected = rejected
  }
}

/// An artifact of a `.many` input with the instance that made it.
public struct LabelledArtifact: Hashable, Sendable {
  /// Stage instance, such as `lr@bicubic`.
  public var instance: String
  /// The matrix values of that instance, such as `["kind": "bicubic"]`.
  public var labels: [String: JSON]
  public var artifact: Artifact

  public init(instance: String, labels: [String: JSON], artifact: Artifact) {
    self.instance = instance
    self.labels = labels
    self.artifact = artifact
  }
}
