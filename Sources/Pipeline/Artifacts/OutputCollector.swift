import Basics
import Synchronization

/// Gathers what a stage writes, from any thread, until the engine seals it into artifacts.
public final class OutputCollector: Sendable {
  private struct State {
    var samples: [String: [String: Sample]] = [:]
    var files: [String: [String: StoredFile]] = [:]
    var rejected: [String: String] = [:]
    var hardware: [HardwareClass]?
  }

  private let state = Mutex(State())

  public init() {}

  public func add(file: StoredFile, at path: String, port: String) {
    state.withLock { $0.files[port, default: [:]][path] = file }
  }

  public func add(file: StoredFile, as role: String, sample: String, port: String) {
    state.withLock { $0.samples[port, default: [:]][sample, default: Sample(name: sample)].files[role] = file }
  }

  public func add(record: [String: JSON], sample: String, port: String) {
    state.withLock {
      $0.samples[port, default: [:]][sample, default: Sample(name: sample)].record.merge(record) { _, new in new }
    }
  }

  public func add(sample: Sample, port: String) {
    state.withLock { $0.samples[port, default: [:]][sample.name] = sample }
  }

  /// Drops a sample from every port and records why.
  public func reject(_ sample: String, _ reason: String) {
    state.withLock {
      for port in $0.samples.keys { $0.samples[port]?[sample] = nil }
      $0.rejected[sample] = reason
    }
  }

  func record(madeOn hardware: [HardwareClass]) { state.withLock { $0.hardware = hardware } }
  /// Nil where the stage told nothing.
  package var hardware: [HardwareClass]? { state.withLock { $0.hardware } }

  /// The samples of a port in natural order.
  public func samples(_ port: String) -> [Sample] {
    state.withLock { Array(($0.samples[port] ?? [:]).values) }.sorted { naturallyPrecedes($0.name, $1.name) }
  }

  public func files(_ port: String) -> [String: StoredFile] { state.withLock { $0.files[port] ?? [:] } }
  /// Ports that got anything.
  var ports: Set<String> { state.withLock { Set($0.samples.keys).union($0.files.keys) } }
  public var rejected: [String: String] { state.withLock { $0.rejected } }
}
