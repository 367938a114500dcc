import Basics
import CKernels
import Synchronization

/// The library's settings and scopes.
public enum NN {
  private static let shared = Mutex(ComputeOptions())
  @TaskLocal static var scoped: ComputeOptions?
  /// False inside `withoutGradients`: operations then keep nothing for a backward pass.
  @TaskLocal public static var recordsGradients = true

  /// The options that operations use now.
  public static var options: ComputeOptions { scoped ?? shared.withLock { $0 } }

  /// Sets the options of the whole process.
  public static func configure(_ options: ComputeOptions) { shared.withLock { $0 = options } }

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
    let multiplyAdds = Kernels.current.multiply_adds!  // every table has it
    var operations = [Int64](repeating: 0, count: tasks)
    let start = ContinuousClock.now
    operations.withWriter { counts in
      parallel(tasks) { task in
        var value: Float = 0.5
        counts[task] = multiplyAdds(20_000_000, &value)
      }
    }
    return Double(operations.reduce(0, +)) / 1e9 / (ContinuousClock.now - start).seconds
  }

  /// Bytes of tensors in use at most since the last reset.
  public static var peakMemory: Int { Int(ck_memory_peak()) }
  public static func resetPeakMemory() { ck_memory_reset_peak() }
}

extension Duration {
  fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
