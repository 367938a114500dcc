import CKernels

extension ComputeOptions {
  /// Names what decides the last bits of results under these options, beside the precision: the instruction set of the kernels,
  /// and the version and kernels of OpenBLAS, which multiplies matrices (linear layers, attention, unfolded convolutions).
  /// `cpu avx512 with OpenBLAS 0.3.26 SkylakeX`. On processors of one class all results have the same bits; the number of threads
  /// changes none.
  public var hardwareClass: String { "cpu \(instructions.rawValue) with \(Self.blas)" }

  private static let blas: String = {
    let words = String(cString: ck_blas_description()).split(separator: " ").prefix(2)
    return (words + [Substring(String(cString: ck_blas_core()))]).joined(separator: " ")
  }()
}
