import Basics

/// A key and the text it is the digest of: canonical JSON, so that every part carries its type and name, and `explain` can
/// say which part differs.
///
/// A key holds: format, stage type and version, typed parameters with defaults, the seed where the stage uses it, contents
/// of inputs and of the user's files, and the salt. It never holds: resources, retries, executor, paths, locale, the
/// order in which things were declared or found.
public struct StageKey: Hashable, Sendable {
  public var preimage: JSON
  public var digest: Digest

  init(_ preimage: JSON) {
    self.preimage = preimage
    digest = Digest.of(preimage.canonical)
  }

  /// Raised when keys of older versions must not be found any more.
  static let format = 1
}

/// An input as it enters a key.
struct InputDigest: Hashable, Sendable {
  var instance: String
  var labels: [String: JSON]
  var digest: Digest
}

/// Builds keys.
enum KeyBuilder {
  /// The part that all keys of an instance share.
  /// - Parameter hardware: nil unless it decides the bytes and the pipeline asks for exact arithmetic.
  static func base(_ instance: StageInstance, salt: String?, hardware: HardwareClass? = nil) -> [String: JSON] {
    var members: [String: JSON] = [
      "format": .int(StageKey.format), "stage": .string(instance.type.type.rawValue),
      "version": .int(instance.type.version), "parameters": instance.keyParameters,
    ]
    if instance.type.usesSeed { members["seed"] = .string(String(instance.seed ?? 0)) }
    members["salt"] = salt.map(JSON.string)
    members["hardware"] = hardware.map { .string($0.rawValue) }
    return members
  }

  /// Inputs by port. A stage sees the names and labels of the artifacts of a `.many` port, so they enter.
  static func inputs(_ instance: StageInstance, _ inputs: [String: [InputDigest]]) -> JSON {
    .object(
      Dictionary(
        uniqueKeysWithValues: inputs.map { port, artifacts in
          let many = instance.arity(of: port) == .many
          let items = artifacts.map { input -> JSON in
            var members: [String: JSON] = ["digest": .string(input.digest.hex)]
            if many {
              members["instance"] = .string(input.instance)
              members["labels"] = .object(input.labels)
            }
            return .object(members)
          }
          return (port, .array(items))
        }))
  }

  /// The key of a stage as a whole.
  static func stage(
    _ instance: StageInstance, salt: String?, hardware: HardwareClass?, inputs: [String: [InputDigest]],
    sources: [String: Digest],
    external: Digest?
  ) -> StageKey {
    var members = base(instance, salt: salt, hardware: hardware)
    members["scope"] = "stage"
    members["inputs"] = Self.inputs(instance, inputs)
    if !sources.isEmpty { members["sources"] = .object(sources.mapValues { .string($0.hex) }) }
    members["external"] = external.map { .string($0.hex) }
    if instance.type is any SampleStage.Type { members["on_bad_sample"] = .string(instance.onBadSample.rawValue) }
    return StageKey(.object(members))
  }

  /// The key that the samples of a stage share: everything but the sample.
  static func group(
    _ instance: StageInstance, salt: String?, hardware: HardwareClass?, wholeInputs: [String: [InputDigest]]
  ) -> StageKey {
    var members = base(instance, salt: salt, hardware: hardware)
    members["scope"] = "samples"
    members["inputs"] = Self.inputs(instance, wholeInputs)
    return StageKey(.object(members))
  }

  /// The key of one sample within its group.
  static func sample(
    group: Digest, name: String, samples: [String: Digest], source: (path: String, digest: Digest)?,
    external: [String: Digest]
  ) -> (key: Digest, preimage: JSON) {
    var members: [String: JSON] = [
      "sample": .string(name), "samples": .object(samples.mapValues { .string($0.hex) }),
      "external": .object(external.mapValues { .string($0.hex) }),
    ]
    if let source { members["source"] = ["path": .string(source.path), "digest": .string(source.digest.hex)] }
    let own = JSON.object(members)
    return (sample(group: group, own: own), own)
  }

  /// - Parameter own: the sample's own part, as `explain` shows it.
  static func sample(group: Digest, own: JSON) -> Digest { Digest.of("\(group.hex) \(own.canonical)") }
}

extension StageInstance {
  /// The declared port; nil for the free inputs of `command`.
  func port(_ name: String) -> InputPort? { type.inputs.first { $0.name == name } }

  /// The free inputs of `command` may name several artifacts.
  func arity(of port: String) -> InputPort.Arity { self.port(port)?.arity ?? .many }
}
