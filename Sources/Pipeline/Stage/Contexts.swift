import Basics
import Foundation

/// The engine's services to a running stage.
public protocol StageServices: Sendable {
  /// Stores a file's bytes and returns it.
  func store(_ data: Data) throws -> StoredFile
  /// Moves or copies a finished file into the store.
  func store(contentsOf url: URL) throws -> StoredFile
  func report(_ progress: StageProgress)
  /// One line for the stage's log.
  func log(_ line: String)
  /// One line that people see while the run goes on, and that stays in the run's record.
  func note(_ line: String)
  /// True once the run is asked to stop: save a checkpoint and throw `CancellationError`.
  var isStopping: Bool { get }
}

extension StageServices {
  public func note(_ line: String) { log(line) }
}

/// The inputs, outputs and services of a stage that runs as a whole.
public final class StageContext: Sendable {
  public let inputs: [String: [LabelledArtifact]]
  /// Files of each external source: path below the source (forward slashes) and the file.
  public let sources: [String: [(path: String, file: StoredFile)]]
  public let seed: UInt64
  public let threads: Int
  private let scratchPlace: URL
  public let services: any StageServices
  public let outputs: OutputCollector

  public init(
    inputs: [String: [LabelledArtifact]], sources: [String: [(path: String, file: StoredFile)]], seed: UInt64,
    threads: Int, scratch: URL, services: any StageServices, outputs: OutputCollector
  ) {
    self.inputs = inputs
    self.sources = sources
    self.seed = seed
    self.threads = threads
    scratchPlace = scratch
    self.services = services
    self.outputs = outputs
  }

  /// A folder under the stage's key that survives failures, for checkpoints. Made when it is first asked for: most stages
  /// never do.
  public var scratch: URL {
    // Where it cannot be made, whoever writes into it says why.
    try? FileSystem.makeDirectories(scratchPlace.path)
    return scratchPlace
  }

  /// The artifact of an input of arity `.one`.
  public func input(_ port: String) throws -> Artifact {
    guard let artifact = inputs[port]?.first?.artifact else { throw StageFailure("input `\(port)` is not connected") }
    return artifact
  }

  /// The artifact of an input of arity `.optional`.
  public func optionalInput(_ port: String) -> Artifact? { inputs[port]?.first?.artifact }

  public func write(_ data: Data, to path: String, port: String) throws {
    outputs.add(file: try services.store(data), at: path, port: port)
  }

  public func write(_ text: String, to path: String, port: String) throws {
    try write(Data(text.utf8), to: path, port: port)
  }

  /// Adds a finished file (for example one written by a library) to an output.
  public func add(contentsOf url: URL, to path: String, port: String) throws {
    outputs.add(file: try services.store(contentsOf: url), at: path, port: port)
  }

  /// Adds a sample, whose files may be those of an input (nothing is copied).
  public func add(_ sample: Sample, port: String) { outputs.add(sample: sample, port: port) }

  public func store(_ data: Data) throws -> StoredFile { try services.store(data) }

  /// Tells on what hardware the result was made, where that is not this machine alone: work that goes on from a checkpoint.
  /// - Parameter hardware: in the order of the work.
  public func record(madeOn hardware: [HardwareClass]) { outputs.record(madeOn: hardware) }
}

/// One sample of a `SampleStage`.
public final class SampleContext: Sendable {
  public let name: String
  /// This sample in each sample input that has it.
  public let samples: [String: Sample]
  /// Inputs of layout `.files`, and the rest of `.many` inputs.
  public let inputs: [String: [LabelledArtifact]]
  /// The sample's file when the driver is an external source.
  public let source: StoredFile?
  /// Path of that file below its source.
  public let sourcePath: String?
  /// External files found, by role.
  public let external: [String: StoredFile]
  /// Already derived from the stage's seed and the sample's name.
  public let seed: UInt64
  public let services: any StageServices
  public let outputs: OutputCollector

  public init(
    name: String, samples: [String: Sample], inputs: [String: [LabelledArtifact]], source: StoredFile?,
    sourcePath: String?, external: [String: StoredFile], seed: UInt64, services: any StageServices,
    outputs: OutputCollector
  ) {
    self.name = name
    self.samples = samples
    self.inputs = inputs
    self.source = source
    self.sourcePath = sourcePath
    self.external = external
    self.seed = seed
    self.services = services
    self.outputs = outputs
  }

  /// The file of this sample in an input.
  /// - Throws: `BadSample` naming the port and the role when it is not there.
  public func file(_ role: String, of port: String) throws -> StoredFile {
    guard let sample = samples[port] else { throw BadSample("`\(name)` is not among the samples of input `\(port)`") }
    guard let file = sample.files[role] else { throw BadSample("`\(name)` has no `\(role)` in input `\(port)`") }
    return file
  }

  /// Writes a file of this sample on an output.
  public func write(_ data: Data, as role: String, port: String) throws {
    outputs.add(file: try services.store(data), as: role, sample: name, port: port)
  }

  /// Passes a file of an input on unchanged; nothing is copied.
  public func pass(_ file: StoredFile, as role: String, port: String) {
    outputs.add(file: file, as: role, sample: name, port: port)
  }

  /// Adds small facts to this sample's record on an output.
  public func record(_ facts: [String: JSON], port: String) { outputs.add(record: facts, sample: name, port: port) }
}

/// All samples of a `SampleStage` once they are done.
public final class CollectContext: Sendable {
  /// The results by output port, in natural order; decisions here change what the port delivers.
  public let outputs: OutputCollector
  /// Samples rejected so far, with the reason.
  public let rejected: [String: String]
  public let services: any StageServices
  public let seed: UInt64

  public init(outputs: OutputCollector, rejected: [String: String], services: any StageServices, seed: UInt64) {
    self.outputs = outputs
    self.rejected = rejected
    self.services = services
    self.seed = seed
  }

  public func samples(_ port: String) -> [Sample] { outputs.samples(port) }
  /// Drops a sample from every output and records why.
  public func reject(_ sample: String, _ reason: String) { outputs.reject(sample, reason) }
  public func write(_ data: Data, to path: String, port: String) throws {
    outputs.add(file: try services.store(data), at: path, port: port)
  }
  public func write(_ text: String, to path: String, port: String) throws {
    try write(Data(text.utf8), to: path, port: port)
  }
}
