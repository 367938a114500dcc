import Basics
import CKernels

/// The fixed tables of window attention: which entry of the bias table each pair of positions uses, and which pairs a
/// shifted window may not join.
public struct WindowAttentionTables {
  /// Side of a window in tokens.
  public let window: Int
  /// (window²)² entries: row of the bias table for query i and key j.
  public let relativePositions: [Int64]

  public init(window: Int) {
    self.window = window
    var entries: [Int64] = []
    for i in 0..<window * window {
      for j in 0..<window * window {
        let dy = i / window - j / window + window - 1
        let dx = i % window - j % window + window - 1
        entries.append(Int64(dy * (2 * window - 1) + dx))
      }
    }
    relativePositions = entries
  }

  /// 0 for pairs of tokens that were neighbours before the shift, -100 for the others: [windows, window², window²] for a
  /// grid of `height` x `width` tokens that was rolled by `shift`.
  public func mask(height: Int, width: Int, shift: Int) -> Tensor {
    func band(_ i: Int, _ size: Int) -> Int { i < size - window ? 0 : i < size - shift ? 1 : 2 }
    let (rows, columns, area) = (height / window, width / window, window * window)
    var values = [Float](repeating: 0, count: rows * columns * area * area)
    for row in 0..<rows {
      for column in 0..<columns {
        let regions = (0..<area).map { i in
          band(row * window + i / window, height) * 3 + band(column * window + i % window, width)
        }
        let start = (row * columns + column) * area * area
        for i in 0..<area {
          for j in 0..<area where regions[i] != regions[j] { values[start + i * area + j] = -100 }
        }
      }
    }
    return Tensor(values, [rows * columns, area, area])
  }
}

extension Tensor {
  /// Attention inside windows: softmax(q k^T / sqrt(d) + bias + mask) v for each head.
  ///
  /// Shapes: this tensor holds q, k and v side by side, [windows, tokens, 3 * heads * d]; `biasTable` [entries, heads];
  /// `mask` [windows of one image, tokens, tokens] or nil; result [windows, tokens, heads * d].
  /// Source: Swin Transformer, section 3.2. Parity: layers/window_attention*.
  public func windowAttention(heads: Int, biasTable: Tensor, relativePositions: [Int64], mask: Tensor? = nil) -> Tensor
  {
    let attention = WindowAttention(
      windows: shape[0], tokens: shape[1], channels: shape[2] / 3, heads: heads,
      positions: relativePositions)
    let mask = mask?.contiguous().detached()
    let (x, table) = (contiguous(), biasTable.contiguous())
    let bias = attention.expandedBias(table)
    let y = attention.forward(x, bias, mask)
    let (input, tableShape) = (x.detached(), biasTable.shape)
    return y.recorded([x, table]) { gradient, needs in
      let (dx, dBias) = attention.backward(input, bias, mask, gradient.contiguous())
      return [dx, needs[1] ? attention.tableGradient(dBias, tableShape) : nil]
    }
  }
}

private struct WindowAttention {
  let windows: Int
  let tokens: Int
  let channels: Int
  let heads: Int
  let positions: [Int64]

  private var depth: Int { channels / heads }
  private var scale: Float { 1 / Float(depth).squareRoot() }
  private static let windowsAtOnce = 8

  /// The bias of each head and pair of tokens, [heads][tokens][tokens].
  func expandedBias(_ table: Tensor) -> [Float] {
    var bias = [Float](repeating: 0, count: heads * positions.count)
    for head in 0..<heads {
      for (pair, entry) in positions.enumerated() {
        bias[head * positions.count + pair] = table.reader[Int(entry) * heads + head]
      }
    }
    return bias
  }

  func tableGradient(_ dBias: [Double], _ shape: [Int]) -> Tensor {
    var sums = [Double](repeating: 0, count: shape[0] * heads)
    for head in 0..<heads {
      for (pair, entry) in positions.enumerated() {
        sums[Int(entry) * heads + head] += dBias[head * positions.count + pair]
      }
    }
    return Tensor(sums.map { Float($0) }, shape)
  }

  /// The attention weights of one window and head, into `p` [tokens][tokens].
  private func weights(
    _ x: SharedReader<Float>, _ bias: [Float], _ mask: SharedReader<Float>?,
    masks: Int, window: Int,
    head: Int, _ p: UnsafeMutablePointer<Float>
  ) {
    let row = 3 * channels
    let base = x + window * tokens * row + head * depth
    let pairs = tokens * tokens
    ck_sgemm(
      0, 1, Int64(tokens), Int64(tokens), Int64(depth), scale, base.pointer, Int64(row),
      (base + channels).pointer, Int64(row), 0, p,
      Int64(tokens))
    bias.withUnsafeBufferPointer { bias in
      for i in 0..<pairs { p[i] += bias[head * pairs + i] }
    }
    if let mask {
      let values = mask + window % masks * pairs
      for i in 0..<pairs { p[i] += values[i] }
    }
    for i in 0..<tokens { Tensor.softmaxRow(p + i * tokens, p + i * tokens, tokens) }
  }

  func forward(_ x: Tensor, _ bias: [Float], _ mask: Tensor?) -> Tensor {
    let y = Tensor.empty([windows, tokens, channels])
    let (from, hidden, masks, to) = (x.reader, mask?.reader, mask?.shape[0] ?? 1, y.writer)
    parallelChunks(windows, of: Self.windowsAtOnce) { range in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: tokens * tokens) { buffer in
        let p = buffer.baseAddress!  // not nil: a window has tokens
        for window in range {
          for head in 0..<heads {
            weights(from, bias, hidden, masks: masks, window: window, head: head, p)
            let values = from + window * tokens * 3 * channels + 2 * channels + head * depth
            ck_sgemm(
              0, 0, Int64(tokens), Int64(depth), Int64(tokens), 1, p, Int64(tokens), values.pointer,
              Int64(3 * channels), 0,
              (to + window * tokens * channels + head * depth).pointer, Int64(channels))
          }
        }
      }
    }
    return y
  }

  /// The gradients of q, k, v and of the expanded bias.
  func backward(_ x: Tensor, _ bias: [Float], _ mask: Tensor?, _ dy: Tensor) -> (Tensor, [Double]) {
    let dx = Tensor.empty([windows, tokens, 3 * channels])
    let pairs = tokens * tokens
    let (n, d, wide, narrow) = (Int64(tokens), Int64(depth), Int64(3 * channels), Int64(channels))
    let (from, upstream, to) = (x.reader, dy.reader, dx.writer)
    let (hidden, masks) = (mask?.reader, mask?.shape[0] ?? 1)
    let chunks = (windows + Self.windowsAtOnce - 1) / Self.windowsAtOnce
    var partial = [Float](repeating: 0, count: chunks * heads * pairs)
    partial.withWriter { sums in
      parallel(chunks) { chunk in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * pairs) { scratch in
          let p = scratch.baseAddress!  // not nil: a window has tokens
          let dp = p + pairs
          for window in chunk * Self.windowsAtOnce..<min(windows, (chunk + 1) * Self.windowsAtOnce) {
            for head in 0..<heads {
              weights(from, bias, hidden, masks: masks, window: window, head: head, p)
              let q = from + window * tokens * 3 * channels + head * depth
              let g = upstream + window * tokens * channels + head * depth
              let dq = to + window * tokens * 3 * channels + head * depth
              ck_sgemm(
                1, 0, n, d, n, 1, p, n, g.pointer, narrow, 0, (dq + 2 * channels).pointer, wide)
              ck_sgemm(
                0, 1, n, n, d, 1, g.pointer, narrow, (q + 2 * channels).pointer, wide, 0, dp, n)
              let total = sums + (chunk * heads + head) * pairs
              for i in 0..<tokens {
                var dot: Float = 0
                for j in i * tokens..<(i + 1) * tokens { dot += p[j] * dp[j] }
                for j in i * tokens..<(i + 1) * tokens {
                  dp[j] = p[j] * (dp[j] - dot)
                  total[j] += dp[j]
                }
              }
              ck_sgemm(
                0, 0, n, d, n, scale, dp, n, (q + channels).pointer, wide, 0, dq.pointer, wide)
              ck_sgemm(
                1, 0, n, d, n, scale, dp, n, q.pointer, wide, 0, (dq + channels).pointer, wide)
            }
          }
        }
      }
    }
    var totals = [Double](repeating: 0, count: heads * pairs)
    for chunk in 0..<chunks {
      for i in 0..<heads * pairs { totals[i] += Double(partial[chunk * heads * pairs + i]) }
    }
    return (dx, totals)
  }
}
