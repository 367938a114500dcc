import Basics

// Losses over the pixels of a mask. Sums run over the whole batch, not per image; a sum of weights counts as at least 1e-6.
// Shapes: prediction and target [n, c, h, w], mask [n, 1, h, w] with weights 0...1, or nil for all ones. Results: single
// numbers. The gradient flows to the prediction only.

/// A sum of weights counts as at least this.
let leastWeight = 1e-6

/// Sums of `terms` values for each image row, added in row order.
func rowSums(_ rows: Int, _ terms: Int, _ body: @Sendable (Int, SharedWriter<Double>) -> Void) -> [Double] {
  var partial = [Double](repeating: 0, count: rows * terms)
  partial.withWriter { sums in
    parallelChunks(rows, of: 16) { range in for row in range { body(row, sums + row * terms) } }
  }
  return (0..<terms).map { term in
    var sum = 0.0
    for row in 0..<rows { sum += partial[row * terms + term] }
    return sum
  }
}

/// -1, 0 or 1: the derivative of |x|, 0 at 0.
func sign(_ value: Float) -> Float { value > 0 ? 1 : value < 0 ? -1 : 0 }

extension Tensor {
  /// Prediction, target and mask as values side by side; stops where their shapes differ.
  func lossPlanes(_ target: Tensor, _ mask: Tensor?) -> (Tensor, Tensor, Tensor?) {
    precondition(rank == 4 && c == 1 && shape == target.shape, "a prediction \(shape) for a target \(target.shape)")
    precondition(mask.map { $0.shape == shape } ?? true, "a mask of another shape than \(shape)")
    return (contiguous(), target.contiguous().detached(), mask?.contiguous().detached())
  }
}
