import CKernels

/// The C kernels that the options of this task ask for.
enum Kernels {
  /// The kernels of the instruction set in use.
  static var current: ck_kernels { ck_kernels_for(NN.options.instructions.code)!.pointee }  // never null
  /// Those for large filters between images of few and of many channels.
  static var thin: ck_thin_kernels { ck_thin_kernels_for(NN.options.instructions.code)!.pointee }  // never null
  /// How many threads a kernel may use.
  static var threads: Int32 { Int32(NN.options.threads) }
}
