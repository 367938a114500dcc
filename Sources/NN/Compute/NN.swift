import CKernels
import Foundation

/// The library's settings and scopes.
public enum NN {
  private static let shared = OptionsBox()
  @TaskLocal static var scoped: ComputeOptions?
  /// False inside `withoutGradients`: operations then keep nothing for a backward pass.
  @TaskLocal public static var recordsGradients = true

  /// What operations use now.
  public static var options: ComputeOptions { scoped ?? shared.value }

  /// Sets the options of the whole process.
  public static func configure(_ options: ComputeOptions) { shared.value = options }

  /// Sets the number of threads of the whole process, at least one.
  public static func setThreads(_ threads: Int) { shared.value.threads = max(1, threads) }

  /// Runs `body` under other options, this task only.
  public static func with<Result>(_ options: ComputeOptions, _ body: () throws -> Result) rethrows -> Result {
    try $scoped.withValue(options, operation: body)
  }

  /// Runs work that waits under other options, this task and its children only.
  public static func using<Result>(
    _ options: ComputeOptions, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
  ) async rethrows -> Result {
    try await $scoped.withValue(options, operation: body, isolation: isolation)
  }

  /// Runs `body` without recording operations, for inference.
  public static func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try $recordsGradients.withValue(false, operation: body)
  }

  /// Multiplications and additions a second, in units of 10^9, that these threads and instructions can do in registers: the
  /// roof of every operation.
  public static func peakRate() -> Double {
    let tasks = options.threads
    let kernels = Kernels.current
    var operations = [Int64](repeating: 0, count: tasks)
    let start = ContinuousClock.now
    operations.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let counts = buffer  // each task writes its own
      parallel(tasks) { task in
        var value: Float = 0.5
        counts[task] = kernels.multiply_adds(20_000_000, &value)
      }
    }
    return Double(operations.reduce(0, +)) / 1e9 / (ContinuousClock.now - start).seconds
  }

  /// Bytes of tensors in use at most since the last reset.
  public static var peakMemory: Int { Int(ck_memory_peak()) }
  public static func resetPeakMemory() { ck_memory_reset_peak() }
  /// Gives unused memory back to the system.
  public static func releaseMemory() { ck_trim() }
}

extension Duration {
  fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// Holds the process-wide options behind a lock.
private final class OptionsBox: @unchecked Sendable {  // every access holds the lock
  private let lock = NSLock()
  private var stored = ComputeOptions()
  var value: ComputeOptions {
    get { lock.withLock { stored } }
    set { lock.withLock { stored = newValue } }
  }
}
