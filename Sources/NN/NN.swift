import CKernels
import Foundation

/// Settings that decide how fast, and in the case of `convolution` and `instructions` with which rounding, the networks
/// run. The number of threads never changes a result.
public struct ComputeOptions: Sendable, Hashable {
  /// How 3x3 convolutions with stride 1 are computed.
  public enum Convolution: String, Sendable, Hashable, CaseIterable {
    /// One output at a time as the definition says, sums in double precision: slow, for comparison.
    case reference
    /// Plain sums of products (matrix products over unfolded inputs).
    case direct
    /// The fastest algorithm for each shape (Winograd F(4x4, 3x3) where it applies).
    case fast
  }

  /// The processor instructions used by the kernels.
  public enum Instructions: String, Sendable, Hashable, CaseIterable, Comparable {
    case plain, avx2, avx512

    var code: Int32 {
      switch self {
      case .plain: Int32(CK_PLAIN)
      case .avx2: Int32(CK_AVX2)
      case .avx512: Int32(CK_AVX512)
      }
    }

    /// The best set that this processor has.
    public static let best: Instructions = Instructions.allCases[Int(ck_best_isa())]

    public static func < (a: Self, b: Self) -> Bool { a.code < b.code }
  }

  /// How the images between layers, and their gradients, are stored. Weights, their gradients, all products, sums and
  /// statistics, and what the network takes and gives are float32 in any case.
  public enum Precision: String, Sendable, Hashable, CaseIterable {
    case float32
    /// bfloat16: half the memory, 8 significant bits, rounded to the nearest in integer arithmetic when an image is stored.
    case bf16
  }

  public var threads: Int
  public var convolution: Convolution
  /// Applies to the fast convolutions; the others always store float32.
  public var precision: Precision
  /// Never better than `Instructions.best`.
  public var instructions: Instructions

  public init(
    threads: Int = ProcessInfo.processInfo.activeProcessorCount, convolution: Convolution = .fast,
    instructions: Instructions = .best, precision: Precision = .float32
  ) {
    self.threads = max(1, threads)
    self.precision = precision
    self.convolution = convolution
    self.instructions = min(instructions, .best)
  }
}

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

  /// Runs `body` without recording operations, for inference.
  public static func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try $recordsGradients.withValue(false, operation: body)
  }

  /// Multiplications and additions a second, in units of 10^9, that these threads and instructions can do in registers: the
  /// roof of every operation.
  public static func peakRate() -> Double {
    let tasks = options.threads
    let kernels = FastConvolution.kernels
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

/// Runs `body` for 0 ..< count on the library's thread pool. Each index must write only what is its own; sums over
/// several indices must go through partial results added in index order, so that the outcome does not depend on threads.
public func parallel(_ count: Int, _ body: (Int) -> Void) {
  let threads = NN.options.threads
  if count <= 1 || threads == 1 {
    for index in 0..<count { body(index) }
    return
  }
  withoutActuallyEscaping(body) { body in
    var context = body
    withUnsafeMutablePointer(to: &context) { pointer in
      ck_parallel(Int32(threads), Int64(count), pointer) { raw, index in
        raw!.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(index))  // the pointer is `pointer` above
      }
    }
  }
}

/// Runs `body` over consecutive ranges that cover 0 ..< count; the ranges depend on `count` alone.
public func parallelChunks(_ count: Int, of size: Int = 16384, _ body: (Range<Int>) -> Void) {
  let chunks = (count + size - 1) / size
  parallel(chunks) { body($0 * size..<min(count, ($0 + 1) * size)) }
}
