import Basics
import CProcess
import Foundation
import Synchronization

/// Starts workers as forks of one process that is ready to work: loaded, linked and past what everything needs for the first
/// time, which takes many times as long as a fork.
///
/// Each worker is still a process and a group of its own, and a child of the runner: the server forks twice, the process in
/// between ends, and the runner has declared that it adopts orphans (`PR_SET_CHILD_SUBREAPER`). Nothing that a stage does
/// reaches the server or another worker.
final class ForkServer: Sendable {
  /// Takes the place of the job's path after the worker's command.
  static let argument = "--fork-server"
  /// The process's name, as `top` shows it.
  static let name = "fork-server"
  /// Seconds after which a server that does not answer is given up: more than a machine takes that has no memory left.
  private static let patience = 120

  let pid: pid_t
  private let socket: Int32
  private let lock = Mutex(())

  /// - Throws: `FileProblem` when the process cannot be started.
  init(command: [String], environment: [String: String]) throws {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw FileProblem("open a socket for", command[0], code: errno)
    }
    defer { close(ends[1]) }
    var patience = timeval(tv_sec: Self.patience, tv_usec: 0)
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    let code = process_adopt_orphans()
    let started =
      code == 0
      ? ProcessStart(
        command + [Self.argument], environment: environment, files: [ends[1], nil, nil], leadsGroup: true)()
      : .failure(StartError(code: code))
    switch started {
    case .success(let pid):
      self.pid = pid
      socket = ends[0]
    case .failure(let error):
      close(ends[0])
      throw FileProblem("start", command[0], code: error.code)
    }
  }

  deinit {
    close(socket)
    kill(pid, SIGKILL)
    while waitpid(pid, nil, 0) < 0, errno == EINTR {}
  }

  /// Forks a worker.
  /// - Parameters:
  ///   - job: where its job lies.
  ///   - instance: what it brings up to date; gives the process its name.
  ///   - files: become its standard input, output, error and the pipe for events.
  /// - Returns: its process id; nil when the server is gone or does not answer.
  /// - Throws: `FileProblem` when the system allows no more processes.
  func start(job: String, of instance: StageInstance, files: [Int32]) throws -> pid_t? {
    try lock.withLock { _ in
      let request = Array([instance.type.type.rawValue, instance.id, job].joined(separator: "\n").utf8)
      guard process_send(socket, request, request.count, files, Int32(files.count)) == 0 else { return nil }
      var answer: [Int32] = [0, 0]
      var count: Int32 = 0
      guard process_receive(socket, &answer, Self.answerSize, nil, &count, 0) == Self.answerSize else { return nil }
      guard answer[0] > 0 else { throw FileProblem("start a worker for", job, code: answer[1]) }
      return answer[0]
    }
  }

  /// Process id, or -1, and `errno`.
  private static let answerSize = 2 * MemoryLayout<Int32>.size
}

extension ForkServer {
  /// Forks this process for every job that comes through its standard input, which is a socket. Must be called before anything
  /// has started a thread: of a forked process only the calling thread lives on.
  /// - Returns: the job's path, in each new process. The server itself ends when the runner does.
  static func serve(_ catalogue: StageCatalogue) -> String {
    process_set_name(name)
    var request = [UInt8](repeating: 0, count: 2 * Int(PATH_MAX))
    var files = [Int32](repeating: -1, count: Int(PROCESS_MAX_FILES))
    var warmUp = WarmUp(catalogue: catalogue)
    while true {
      var count: Int32 = 0
      let size = process_receive(STDIN_FILENO, &request, request.count, &files, &count, firstOwnDescriptor)
      guard size > 0 else { _exit(0) }
      let words = String(decoding: request.prefix(size), as: UTF8.self)
        .split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard words.count == 3 else { _exit(1) }
      let (type, instance, job) = (StageType(rawValue: words[0]), words[1], words[2])
      warmUp(type, job)
      // With threads a fork could inherit a lock that nobody opens any more. The runner starts workers the long way then.
      guard process_threads() == 1 else { _exit(1) }
      let pid = process_fork_orphan()
      if pid == 0 {
        process_set_name(instance)
        // All sources are above all targets. What is duplicated stays open in programs that the worker starts.
        for (target, file) in files.prefix(Int(count)).enumerated() {
          dup2(file, Int32(target))
          close(file)
        }
        return job
      }
      let answer = [pid, errno]
      for file in files.prefix(Int(count)) { close(file) }
      guard process_send(STDIN_FILENO, answer, answerSize, nil, 0) == 0 else { _exit(0) }
    }
  }

  /// The worker gets 0 to 3.
  private static let firstOwnDescriptor: Int32 = 10
}

/// Does once, in the server, what costs time only the first time in a process: look-ups of conformances, symbols, algorithms.
/// Each fork has it behind it. Nothing here changes what a worker does, starts a thread, or asks for what differs from process
/// to process and is kept, such as the process's id.
private struct WarmUp {
  let catalogue: StageCatalogue
  private var known: Set<StageType> = []
  private var hasSpoken = false
  /// Bytes of a job that is read for this at most: what it leaves in memory, every fork inherits.
  private static let largest = 1 << 20

  init(catalogue: StageCatalogue) { self.catalogue = catalogue }

  mutating func callAsFunction(_ type: StageType, _ path: String) {
    // A job that cannot be read is reported by its worker.
    guard known.insert(type).inserted, let size = FileSystem.status(path)?.size, size <= Self.largest,
      let job = try? WorkerJob.read(path, catalogue)
    else { return }
    if !hasSpoken { speak(of: job) }
    hasSpoken = true
  }

  /// Runs through everything that every worker writes.
  private func speak(of job: WorkerJob) {
    let data = Manifest.encode(kind: "", layout: .files, samples: [], files: [:], rejected: [:])
    let made = StageResult.Made(
      instance: job.instance.id, run: job.run, time: Date().formatted(.iso8601), seconds: 0, samplesRun: 0,
      samplesReused: 0, host: Host.name)
    let digests: Set<Digest> = [Digest.of(data), job.key.digest]
    let output = ArtifactReference(
      kind: "", layout: .files, digest: digests.first ?? job.key.digest, size: 0, count: 0, rejected: 0, bytes: 0)
    let result = StageResult(
      key: job.key.digest, preimage: job.key.preimage, outputs: ["": output], made: made)
    let text = WorkerEvent.done(result, reused: false).json.canonical
    _ = try? WorkerEvent(record: JSON(parsing: Data(text.utf8)))
  }
}
