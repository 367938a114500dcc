import Basics
import Foundation
import Pipeline

/// A process that ended: how long it took and how much memory it held.
struct Timing {
  var seconds: Double
  /// Processor time of the process and what it waited for.
  var processor: Double
  var peakBytes: Int
  var status: Int32
}

/// Runs a program to its end, its output thrown away.
func time(_ words: [String], in folder: String) -> Timing {
  // This program does one thing at a time, so its own folder is nobody else's.
  _ = FileManager.default.changeCurrentDirectoryPath(folder)  // what is not there shows as a failed start
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
  var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  defer { argv.forEach { free($0) } }
  var environment: [UnsafeMutablePointer<CChar>?] =
    ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
  defer { environment.forEach { free($0) } }
  var pid: pid_t = 0
  let start = ContinuousClock.now
  guard posix_spawnp(&pid, words[0], &actions, nil, &argv, &environment) == 0 else {
    return Timing(seconds: .nan, processor: .nan, peakBytes: 0, status: 127)
  }
  var status: Int32 = 0
  var usage = rusage()
  while wait4(pid, &status, 0, &usage) < 0 && errno == EINTR {}
  func seconds(_ t: timeval) -> Double { Double(t.tv_sec) + Double(t.tv_usec) * 1e-6 }
  return Timing(
    seconds: start.duration(to: .now).inSeconds, processor: seconds(usage.ru_utime) + seconds(usage.ru_stime),
    peakBytes: Int(usage.ru_maxrss) * 1024, status: status)
}

/// The fastest of several.
func best(of times: Int = 5, _ words: [String], in folder: String) -> Timing {
  var found = time(words, in: folder)
  for _ in 1..<times {
    let next = time(words, in: folder)
    if next.seconds < found.seconds { found = next }
  }
  return found
}

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try body()
  return start.duration(to: .now).inSeconds
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

func row(_ name: String, _ value: String) {
  print(name.padding(toLength: 58, withPad: " ", startingAt: 0) + value)
  fflush(nil)  // a file shows each line as it comes
}

func text(_ seconds: Double) -> String {
  if seconds < 1e-3 { return String(format: "%.1f us", seconds * 1e6) }
  return seconds < 1 ? String(format: "%.1f ms", seconds * 1e3) : String(format: "%.2f s", seconds)
}

func text(_ timing: Timing) -> String {
  text(timing.seconds) + String(format: "  (processor %@, peak %d MB)", text(timing.processor), timing.peakBytes >> 20)
    + (timing.status == 0 ? "" : "  FAILED with status \(timing.status)")
}

/// This executable, and the `pipeline` beside it.
let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
let pipelineCommand = (own as NSString).deletingLastPathComponent + "/pipeline"
let hasNinja = ["/usr/bin/ninja", "/usr/local/bin/ninja"].contains { FileManager.default.isExecutableFile(atPath: $0) }

func write(_ text: String, _ path: String) throws {
  try FileManager.default.createDirectory(
    atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
  try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

func load(_ file: String) throws -> ResolvedPipeline {
  try Specification.load(file: file, catalogue: catalogue)
}

/// `count` small files in folders of a thousand.
func makeFiles(_ count: Int, in folder: String) throws {
  for index in 0..<count {
    if index % 1000 == 0 {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(index / 1000)", withIntermediateDirectories: true)
    }
    let fd = open("\(folder)/\(index / 1000)/\(index).txt", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    let bytes = Array("\(index)".utf8)
    _ = Glibc.write(fd, bytes, bytes.count)
    close(fd)
  }
}

/// Until what was made just now counts as settled (see `StatCache`).
func settle() { usleep(2_200_000) }
