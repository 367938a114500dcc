import Basics
import Foundation
import Synchronization

/// Everything that decides what a run does, besides the files it looks at. A proof that all is up to date belongs to one
/// request.
public final class RunRequest: Sendable {
  /// Names the request; the program itself is a part of it.
  let digest: Digest
  let store: Store
  private let read = Mutex<Observations?>(nil)

  /// - Parameters:
  ///   - file: the pipeline file as it was written.
  ///   - directory: where relative paths start.
  ///   - targets: as they were written.
  ///   - publish: nil when the file decides.
  public init(
    file: String, overrides: [String] = [], profile: String? = nil, targets: [String] = [], salt: String? = nil,
    publish: PublishMode? = nil, outputsFolder: String, store: Store,
    directory: String = FileManager.default.currentDirectoryPath
  ) {
    self.store = store
    let program = FileSystem.status("/proc/self/exe").map { "\($0)" } ?? CommandLine.arguments[0]
    let json: JSON = [
      "format": 1, "program": .string(program), "file": .string(file), "directory": .string(directory),
      "home": .string(NSHomeDirectory()), "overrides": .array(overrides.map(JSON.string)),
      "profile": profile.map(JSON.string) ?? .null, "targets": .array(targets.map(JSON.string)),
      "salt": salt.map(JSON.string) ?? .null, "publish": publish.map { .string($0.rawValue) } ?? .null,
      "outputs": .string(outputsFolder), "store": .string(store.root),
    ]
    digest = Digest.of(json)
  }

  /// The observations made while the pipeline file was read; nil when they are not known.
  var specification: Observations? { read.withLock { $0 } }

  /// Reads the pipeline file and notes what was read for it.
  public func reading<T, Problem: Error>(_ body: () throws(Problem) -> T) throws(Problem) -> T {
    let observations = Observations(clock: store.temporary.fileSystemTime())
    read.withLock { $0 = observations }
    let result = observations.watch { () -> Result<T, Problem> in
      do throws(Problem) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// The answer of the last run, when all it looked at is unchanged and everything was up to date; nil when somebody has
  /// to look. Tells `observe` what a run would.
  public func answer(threads: Int = MachineResources.cpus, observe: (RunEvent) -> Void) -> RunAnswer? {
    let start = ContinuousClock.now
    guard var answer = UpToDateProof.check(digest, in: store, threads: threads) else { return nil }
    answer.summary.seconds = start.duration(to: .now).seconds
    observe(.runStarted(id: nil, pipeline: answer.pipeline, instances: answer.instances.count))
    for (instance, samples) in answer.instances { observe(.upToDate(instance: instance, samples: samples)) }
    observe(.runFinished(answer.summary))
    return answer
  }
}

/// That there is nothing to do.
public struct RunAnswer: Sendable {
  public var pipeline: String
  public var summary: RunSummary
  /// Ids of what is up to date, with the number of samples where there are samples.
  var instances: [(id: String, samples: Int?)]
}
