extension Tensor {
  /// relu(norm(convolution(x))), the step most networks here are made of, as one operation where that is faster.
  /// - Parameter place: where to write the result, such as a part of `Tensor.sideBySide`; a hint.
  public func convolvedNormalisedReLU(
    _ convolution: Conv2d, _ norm: BatchNorm2d, into place: Tensor? = nil
  ) -> Tensor {
    norm(convolution(self)).relu()
  }
}
