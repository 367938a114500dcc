import Foundation

/// One PyTorch process that repeats a piece of work on request.
final class Torch {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var pending = Data()

  /// malloc settings under which PyTorch loses least to page faults.
  static let tuned = [
    "GLIBC_TUNABLES":
      "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592"
  ]

  init(python: String, script: String, arguments: [String], environment extra: [String: String]) throws {
    process.executableURL = URL(filePath: python)
    process.arguments = [script] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(extra) { $1 }
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    _ = try line()
  }

  /// Seconds of one repetition and the process's peak memory in bytes.
  func run() throws -> (seconds: Double, peak: Int) {
    try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
    let fields = try line().split(separator: " ")
    guard fields.count == 2, let seconds = Double(fields[0]), let peak = Int(fields[1]) else {
      throw BenchmarkError("the PyTorch process answered `\(fields.joined(separator: " "))`")
    }
    return (seconds, peak)
  }

  func end() {
    try? input.fileHandleForWriting.close()  // the process may have ended already
    process.waitUntilExit()
  }

  private func line() throws -> String {
    while true {
      if let end = pending.firstIndex(of: 10) {
        defer { pending.removeSubrange(...end) }
        return String(decoding: pending[..<end], as: UTF8.self)
      }
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw BenchmarkError("the PyTorch process ended early (its messages are above)") }
      pending += more
    }
  }
}

struct BenchmarkError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
