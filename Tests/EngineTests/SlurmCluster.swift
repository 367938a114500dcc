import Foundation
import Pipeline

/// A throw-away Slurm cluster on this machine; ends with the value.
final class SlurmCluster {
  private static let program =
    "\(ProcessInfo.processInfo.environment["SHARED_DIR"] ?? "../shared")/tools/slurm-test-cluster"

  static let isPossible: Bool = {
    guard access(program, X_OK) == 0 else { return false }
    let places = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    return ["slurmctld", "slurmd", "munged", "sbatch"].allSatisfy { name in
      (places + ["/usr/sbin", "/sbin"]).contains { access("\($0)/\(name)", X_OK) == 0 }
    }
  }()

  private let folder: String

  /// - Throws: `StageFailure` with what the tool said when it does not start.
  init() throws {
    // Sockets lie in it, whose paths must be short.
    folder = "/tmp/stc-\(UInt32.random(in: 0 ... .max))"
    try tool("start")
  }

  deinit {
    try? tool("stop")  // nothing could be done about it
    try? FileManager.default.removeItem(atPath: folder)
  }

  var environment: [String: String] { ["SLURM_CONF": folder + "/slurm.conf"] }

  func tool(_ verb: String, _ name: String? = nil) throws {
    let (status, output) = Self.run([Self.program, verb] + [name, folder].compactMap { $0 }, environment: [:])
    if status != 0 { throw StageFailure("slurm-test-cluster \(verb): \(output)") }
  }

  @discardableResult
  func command(_ words: String...) -> String { Self.run(words, environment: environment).output }

  /// All jobs there were.
  func jobs() -> [(id: String, state: String, node: String)] {
    command("squeue", "--noheader", "--states=all", "--format=%A %T %N").split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ").map(String.init)
      return fields.count >= 2 ? (fields[0], fields[1], fields.count > 2 ? fields[2] : "") : nil
    }
  }

  /// Nothing of this process stays open in the daemons that the tool starts, and output goes to a file: they would keep a
  /// pipe open. (`Process` waits for them, because they inherit what it listens to.)
  private static func run(_ words: [String], environment: [String: String]) -> (status: Int32, output: String) {
    let log = FileManager.default.temporaryDirectory.path + "/stc-log-\(UInt32.random(in: 0 ... .max))"
    defer { unlink(log) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let argv: [UnsafeMutablePointer<CChar>?] = (["env"] + words).map { strdup($0) } + [nil]
    let envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var pid: pid_t = 0
    guard posix_spawn(&pid, "/usr/bin/env", &actions, nil, argv, envp) == 0 else { return (127, "not started") }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    let output = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""  // nothing was written
    return (status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + status & 0x7f, output)
  }
}
