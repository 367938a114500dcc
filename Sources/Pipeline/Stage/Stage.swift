import Basics
import Foundation

/// A stage type's name in pipeline files, such as `depth.degrade`.
public struct StageType: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  public var rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { rawValue = value }
  public var description: String { rawValue }
}

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

/// Whether a gate opens by itself once everything expected is there, or asks a person.
public enum GateApproval: String, ParameterChoice { case explicit, automatic }

/// How a gated stage type behaves when a file does not declare `gate:`.
public struct GateDefault: Hashable, Sendable {
  public var approve: GateApproval
  /// The share of expected samples that must be there, 0...1.
  public var coverage: Double
  /// What a person has to do, in one or two sentences.
  public var message: String

  public init(approve: GateApproval, coverage: Double = 1, message: String) {
    self.approve = approve
    self.coverage = coverage
    self.message = message
  }
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

/// A file or folder of the user's that a stage reads as a whole.
public struct ExternalSource: Hashable, Sendable {
  public var name: String
  /// An absolute path, or `input:<port>` or `input:<port>/<folder>`: the files (below that folder) of the artifact on
  /// that input port (layout `.files`, or each file of each sample as `<sample>/<role>`), so that a generated folder
  /// stands in for a user's. Declare that port `arity: .optional, lookup: true`.
  public var path: String
  /// Lower-case extensions that count; empty for all files. Ignored for a single file.
  public var extensions: [String]
  public var recursive: Bool

  public init(_ name: String, path: String, extensions: [String] = [], recursive: Bool = true) {
    self.name = name
    self.path = path
    self.extensions = extensions
    self.recursive = recursive
  }
}

/// A file of the user's that belongs to one sample.
public struct ExternalFile: Hashable, Sendable {
  /// Role, such as `depth`.
  public var role: String
  /// Paths to try, first found wins. Absolute, or `input:<port>/<relative path>`: a file inside the artifact (layout
  /// `.files`) on that input port.
  public var candidates: [String]
  public var required: Bool

  public init(_ role: String, candidates: [String], required: Bool = true) {
    self.role = role
    self.candidates = candidates
    self.required = required
  }
}

/// Thrown when a sample itself is at fault: names the file and the reason in a sentence a person can act on.
public struct BadSample: Error, Hashable, Sendable, CustomStringConvertible {
  public var reason: String
  public init(_ reason: String) { self.reason = reason }
  public var description: String { reason }
}

/// Thrown when a stage cannot do its work: what is wrong and how to mend it.
public struct StageFailure: Error, Hashable, Sendable, CustomStringConvertible {
  public var message: String
  public var help: String?
  public init(_ message: String, help: String? = nil) {
    self.message = message
    self.help = help
  }
  public var description: String { help.map { "\(message)\nhelp: \($0)" } ?? message }
}
