import Synchronization

/// A filter as a kernel reads it, kept with the parameter that it was packed from.
///
/// Packing takes a few per cent of a U-Net's inference, more on small maps, and gives the same each time until the weights
/// change. Filters are kept outside of training only, where they do not change with every step, and up to `most` bytes in
/// all; beyond that they are packed each time.
final class KeptFilter: Sendable {
  /// Besides the weights, all that decides the packed values.
  enum Form: Hashable {
    /// For `FastConvolution.winograd`, each output channel times a factor.
    case winograd(scale: [Float]?)
    /// For `FastConvolution.winograd` in the order of `convolvedShuffled`.
    case quarters
    /// For `FastConvolution.pixelProduct`.
    case pixel
  }

  /// Bytes kept in the whole process at most: the U-Net of 32 base channels needs 113 MB, EDSR of 256 channels 690.
  static let most = 256 << 20
  private static let held = Mutex(0)

  private let form: Form
  private let instructions: ComputeOptions.Instructions
  private nonisolated(unsafe) let filter: Tensor  // nobody writes to it any more
  let bytes: Int

  private init?(_ filter: Tensor, _ form: Form) {
    let bytes = 4 * filter.count
    let fits = Self.held.withLock { held in
      guard held + bytes <= Self.most else { return false }
      held += bytes
      return true
    }
    guard fits else { return nil }
    (self.filter, self.form, self.bytes, instructions) = (filter, form, bytes, NN.options.instructions)
  }

  deinit { Self.held.withLock { $0 -= bytes } }

  /// `pack()`, or what it gave before for the same value of `parameter` in this form.
  static func of(_ parameter: Parameter?, _ form: Form, _ pack: () -> Tensor) -> Tensor {
    guard let parameter, !NN.recordsGradients else { return pack() }
    if let kept = parameter.kept, kept.form == form, kept.instructions == NN.options.instructions { return kept.filter }
    parameter.kept = nil  // gives its bytes back first
    let filter = pack()
    parameter.kept = KeptFilter(filter, form)
    return filter
  }
}
