import Basics
import CKernels

extension Tensor {
  /// x W^T + b along the last axis: input [..., in], weight [out, in], bias [out]. Parity: layers/linear.
  public func linear(_ weight: Tensor, bias: Tensor? = nil) -> Tensor {
    precondition(
      weight.rank == 2 && shape.last == weight.shape[1], "a weight of shape \(weight.shape) does not fit \(shape)")
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let rows = count / max(1, inputs)
    let x = contiguous()
    let filter = weight.contiguous().detached()
    let y = Tensor.empty(shape.dropLast() + [outputs])
    let offsets = bias?.contiguous().detached()
    MatrixProduct.rows(x, filter, y, rows: rows, inner: inputs, columns: outputs, transposed: true)
    if let offsets {
      let (values, target) = (offsets.reader, y.writer)
      parallelChunks(rows, of: 256) { range in
        for row in range { for k in 0..<outputs { target[row * outputs + k] += values[k] } }
      }
    }
    let input = x.detached()
    return y.recorded([x, weight, bias]) { gradient, needs in
      let dy = gradient.contiguous()
      var results: [Tensor?] = [nil, nil, nil]
      if needs[0] {
        let dx = Tensor.empty(input.shape)
        MatrixProduct.rows(dy, filter, dx, rows: rows, inner: outputs, columns: inputs, transposed: false)
        results[0] = dx
      }
      if needs[1] { results[1] = MatrixProduct.overRows(dy, input, rows: rows, m: outputs, n: inputs) }
      if needs[2] {
        let sums = dy.reshaped([1, rows, 1, outputs]).permuted([0, 3, 1, 2]).channelSums()
        results[2] = Tensor(sums.map { Float($0) }, [outputs])
      }
      return results
    }
  }

  /// The matrix product of [m, k] and [k, n].
  public func matrixProduct(_ other: Tensor) -> Tensor {
    precondition(rank == 2 && other.rank == 2 && shape[1] == other.shape[0], "\(shape) times \(other.shape)")
    let (m, k, n) = (shape[0], shape[1], other.shape[1])
    let (a, b) = (contiguous(), other.contiguous())
    let y = Tensor.empty([m, n])
    MatrixProduct.rows(a, b, y, rows: m, inner: k, columns: n, transposed: false)
    let (x, z) = (a.detached(), b.detached())
    return y.recorded([a, b]) { gradient, needs in
      let dy = gradient.contiguous()
      var results: [Tensor?] = [nil, nil]
      if needs[0] {
        let da = Tensor.empty([m, k])
        MatrixProduct.rows(dy, z, da, rows: m, inner: n, columns: k, transposed: true)
        results[0] = da
      }
      if needs[1] { results[1] = MatrixProduct.overRows(x, dy, rows: m, m: k, n: n) }
      return results
    }
  }
}

/// Matrix products of contiguous tensors, cut into pieces that depend on the sizes alone.
enum MatrixProduct {
  /// c[m][n] = op(a)[m][k] op(b)[k][n], or added to c; row-major without gaps. In double precision, as the definition says,
  /// when `reference` is asked for.
  static func product(
    _ transposedA: Bool, _ transposedB: Bool, m: Int, n: Int, k: Int,
    _ a: SharedReader<Float>,
    _ b: SharedReader<Float>, adds: Bool = false, _ c: SharedWriter<Float>
  ) {
    let (lda, ldb) = (transposedA ? m : k, transposedB ? k : n)
    guard NN.options.convolution == .reference else {
      return ck_sgemm(
        transposedA ? 1 : 0, transposedB ? 1 : 0, Int64(m), Int64(n), Int64(k), 1, a.pointer,
        Int64(lda),
        b.pointer, Int64(ldb), adds ? 1 : 0, c.pointer, Int64(n))
    }
    parallel(m) { i in
      for j in 0..<n {
        var sum = adds ? Double(c[i * n + j]) : 0
        for l in 0..<k {
          sum += Double(a[transposedA ? l * lda + i : i * lda + l]) * Double(b[transposedB ? j * ldb + l : l * ldb + j])
        }
        c[i * n + j] = Float(sum)
      }
    }
  }

  /// y[rows][columns] = x[rows][inner] b, b being [columns][inner] when `transposed`, else [inner][columns].
  static func rows(
    _ x: Tensor, _ b: Tensor, _ y: Tensor, rows: Int, inner: Int, columns: Int, transposed: Bool
  ) {
    let (from, matrix, to) = (x.reader, b.reader, y.writer)
    parallelChunks(rows, of: 512) { range in
      ck_sgemm(
        0, transposed ? 1 : 0, Int64(range.count), Int64(columns), Int64(inner), 1,
        (from + range.lowerBound * inner).pointer, Int64(inner), matrix.pointer,
        Int64(transposed ? inner : columns), 0,
        (to + range.lowerBound * columns).pointer, Int64(columns))
    }
  }

  /// a^T b summed over the rows: a [rows][m], b [rows][n], result [m, n]. Blocks of rows are summed in their order.
  static func overRows(_ a: Tensor, _ b: Tensor, rows: Int, m: Int, n: Int) -> Tensor {
    let size = 4096
    let chunks = max(1, (rows + size - 1) / size)
    let partial = Tensor.empty([chunks, m, n])
    let (left, right, to) = (a.reader, b.reader, partial.writer)
    parallel(chunks) { chunk in
      let start = chunk * size
      ck_sgemm(
        1, 0, Int64(m), Int64(n), Int64(min(rows, start + size) - start), 1,
        (left + start * m).pointer, Int64(m), (right + start * n).pointer, Int64(n), 0,
        (to + chunk * m * n).pointer, Int64(n))
    }
    let result = Tensor.empty([m, n])
    let target = result.writer
    parallelChunks(m * n) { range in
      for i in range {
        var sum: Float = 0
        for chunk in 0..<chunks { sum += to[chunk * m * n + i] }
        target[i] = sum
      }
    }
    return result
  }
}
