import Basics
import Foundation

/// A kind of step that a pipeline file can use. One Swift type, one file, one row in the catalogue.
///
/// A stage is a pure function of its parameters, its inputs, the declared external files and (where `usesSeed`) its seed.
/// It reads nothing else: no environment, clock, current directory or global random numbers. Its output bytes do not
/// depend on the number of threads.
public protocol Stage: Sendable {
  associatedtype Parameters: StageParameters

  static var type: StageType { get }
  /// Part of the key: raise it when the same input gives other bytes.
  static var version: Int { get }
  /// One sentence for `pipeline stages`.
  static var summary: String { get }
  static var inputs: [InputPort] { get }
  static var outputs: [OutputPort] { get }
  /// Whether the resolved `seed` of the stage enters its key and context.
  static var usesSeed: Bool { get }
  /// Stages that wait for a person or an outside program unless the file says otherwise.
  static var gate: GateDefault? { get }
  /// True for `command`, whose inputs are whatever the file names.
  static var acceptsAnyInput: Bool { get }
  /// The outputs under these parameters; the same as `outputs` for nearly every stage.
  static func outputs(for parameters: Parameters) -> [OutputPort]

  init()

  /// Files and folders of the user's that the stage reads. The engine hashes them; their contents enter the key.
  func sources(_ parameters: Parameters) -> [ExternalSource]

  /// Does the work. Called in a worker process.
  func run(_ context: StageContext, _ parameters: Parameters) async throws
}

extension Stage {
  public static var usesSeed: Bool { false }
  public static var gate: GateDefault? { nil }
  public static var acceptsAnyInput: Bool { false }
  public static func outputs(for parameters: Parameters) -> [OutputPort] { outputs }
  public func sources(_ parameters: Parameters) -> [ExternalSource] { [] }
}

/// A stage that works on one sample at a time. Each sample is cached on its own: one new photo among 10,000 runs one
/// sample. The engine calls `run(sample:)` for the samples that have no valid result, from several threads at once, then
/// `finish` once with all results.
public protocol SampleStage: Stage {
  /// Where the samples come from.
  static var over: SampleDriver { get }

  /// Files of the user's that belong to one sample (one FaceLift output, one normal map). Used by gated stages; a required
  /// file that is absent makes the sample missing, and the gate waits for it.
  func externalFiles(for sample: String, _ parameters: Parameters) -> [ExternalFile]

  /// Works on one sample.
  /// - Throws: `BadSample` when the sample itself is at fault (`on_bad_sample` then decides); any other error fails the
  ///   stage.
  func run(sample: SampleContext, _ parameters: Parameters) throws

  /// Decides over all samples together (duplicates, thresholds) and writes outputs of layout `.files`.
  func finish(_ context: CollectContext, _ parameters: Parameters) throws
}

/// What a `SampleStage` maps over.
public enum SampleDriver: Hashable, Sendable {
  /// The samples of an input port; other sample inputs are matched by name.
  case input(String)
  /// The files of an external source, one sample for each file; named by the path below the source without its
  /// extension. Two files with the same name are a `BadSample` each.
  case source(String)
}

extension SampleStage {
  public func externalFiles(for sample: String, _ parameters: Parameters) -> [ExternalFile] { [] }
  public func finish(_ context: CollectContext, _ parameters: Parameters) throws {}

  /// Sample stages are driven sample by sample; the engine never calls this.
  public func run(_ context: StageContext, _ parameters: Parameters) async throws {
    preconditionFailure("\(Self.type) runs sample by sample")
  }
}
