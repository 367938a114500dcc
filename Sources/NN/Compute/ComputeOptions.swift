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
