import Basics

// Loops that operations share: one value at a time over dense memory, in parallel pieces.

extension Tensor {
  /// A new tensor of this shape with `function` of every element. When `function(0)` is not 0, say so.
  @inline(__always)
  func mapped(keepsZero: Bool = true, _ function: @Sendable (Float) -> Float) -> Tensor {
    let x = dense()
    let result = x.emptyLike()
    let (source, target) = (x.reader, result.writer)
    parallelChunks(x.denseCount) { range in
      for i in range { target[i] = function(source[i]) }
    }
    if !keepsZero { result.clearPadding() }
    return result
  }

  /// A new tensor with `function` of each pair of elements of two tensors of one shape.
  @inline(__always)
  func zipped(
    _ other: Tensor, keepsZero: Bool = true, _ function: @Sendable (Float, Float) -> Float
  ) -> Tensor {
    precondition(shape == other.shape, "the shapes \(shape) and \(other.shape) differ")
    let a = dense()
    let b = other.dense(like: self)
    let result = a.emptyLike()
    let (x, y, target) = (a.reader, b.reader, result.writer)
    parallelChunks(a.denseCount) { range in
      for i in range { target[i] = function(x[i], y[i]) }
    }
    if !keepsZero { result.clearPadding() }
    return result
  }

  /// An element-wise operation from its function and the derivative in terms of input and output.
  @inline(__always)
  public func elementwise(
    keepsZero: Bool = true, _ function: @Sendable (Float) -> Float,
    derivative: @escaping @Sendable (_ x: Float, _ y: Float) -> Float
  ) -> Tensor {
    let x = dense()
    let y = x.mapped(keepsZero: keepsZero, function)
    let (input, output) = (x.detached(), y.detached())
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.dense(like: input)
      let result = input.emptyLike()
      let (xs, ys, upstream, target) = (input.reader, output.reader, dy.reader, result.writer)
      parallelChunks(input.denseCount) { range in
        for i in range { target[i] = upstream[i] * derivative(xs[i], ys[i]) }
      }
      result.clearPadding()
      return [result]
    }
  }

  /// The sum of the elements of both, without a record.
  func sum(with other: Tensor) -> Tensor { zipped(other) { $0 + $1 } }

  /// Adds the elements of another tensor of this shape to this one, which nobody else may be using.
  func addInPlace(_ other: Tensor) {
    precondition(isDense, "only a dense tensor can be added to in place")
    let source = other.dense(like: self)
    let (from, to) = (source.reader, writer)
    parallelChunks(denseCount) { range in
      for i in range { to[i] += from[i] }
    }
  }

  /// The sum of `value(i)` for 0 ..< count in double precision, added in pieces that depend on `count` alone.
  static func deterministicSum(_ count: Int, _ value: @Sendable (Int) -> Double) -> Double {
    let size = 8192
    let chunks = (count + size - 1) / size
    var partial = [Double](repeating: 0, count: chunks)
    partial.withWriter { sums in
      parallel(chunks) { chunk in
        var sum = 0.0
        for i in chunk * size..<min(count, (chunk + 1) * size) { sum += value(i) }
        sums[chunk] = sum
      }
    }
    return partial.reduce(0, +)
  }
}
