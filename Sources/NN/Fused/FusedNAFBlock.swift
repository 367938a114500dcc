import Basics
import CKernels

/// A block of NAFNet as one operation in four passes over memory, with the formulas at `ck_naf`; `NAFBlock.composed`
/// makes the same from single operations and is its reference. Between the passes stand only small matrices: the factors of the layer
/// norms, the channel attention, beta and gamma are folded into the products before, and their gradients follow from the
/// gradients of the folded products after. The backward pass keeps the input, the gated values and the middle of the block,
/// and makes everything else again. Parity: layers/nafnet_block.
struct FusedNAFBlock {
  private let block: NAFBlock
  private let (n, c, h, w): (Int, Int, Int, Int)
  // Folded and packed products; w3 with one matrix for each image.
  private let (w1, b1, w2, b2): (Tensor, Tensor, Tensor, Tensor)
  private let (w4, b4, w5, b5): (Tensor, Tensor, Tensor, Tensor)

  /// Whether the kernels take images of so many channels now.
  static func applies(channels: Int) -> Bool {
    NN.options.convolution == .fast && channels % 32 == 0 && Monitor.current == nil
  }

  /// The block's result for channels-last images.
  static func apply(_ block: NAFBlock, _ input: Tensor) -> Tensor {
    let x = input.channelsLast().dense()
    let pass = FusedNAFBlock(block, x)
    let (gated, sums) = pass.gate(x)
    let means = sums.map { Float($0 / Double(x.h * x.w)) }
    let attention = pass.attention(means)
    let records = NN.recordsGradients && (input.needsGradient || block.conv1.weight.isTrainable)
    let (out, middle) = pass.mix(x, gated, attention, keepsMiddle: records)
    guard records, let middle else { return out }
    let kept = x.detached()
    let parameters = block.namedParameters.map(\.parameter)
    return out.recorded([x] + parameters.map(\.tensor)) { gradient, _ in
      let (dx, gradients) = pass.backward(gradient.channelsLast().dense(), kept, gated, middle, means, attention)
      return [dx] + parameters.map { gradients[ObjectIdentifier($0)] }
    }
  }

  private init(_ block: NAFBlock, _ x: Tensor) {
    self.block = block
    (n, c, h, w) = (x.n, x.c, x.h, x.w)
    let c = self.c
    w1 = Self.packed(block.conv1, columns: block.norm1.weight)
    b1 = Self.shifted(block.conv1, block.norm1.bias)
    (w2, b2) = (block.conv2.weight.value.reshaped([2 * c, 9]).permuted([1, 0]).detached(), block.conv2.bias.value)
    w4 = Self.packed(block.conv4, columns: block.norm2.weight)
    b4 = Self.shifted(block.conv4, block.norm2.bias)
    w5 = Self.packed(block.conv5, rows: block.gamma)
    b5 = block.conv5.bias.value.zipped(block.gamma.value.reshaped([c])) { $0 * $1 }
  }

  // MARK: - Forward

  private func gate(_ x: Tensor) -> (gated: Tensor, sums: [Double]) {
    let gated = Tensor.emptyChannelsLast(x.shape)
    var sums = [Double](repeating: 0, count: n * c)
    run { kernels, p, memory in
      (p.x, p.g) = (memory.read(x), memory.write(gated))
      kernels.naf_gate(Kernels.threads, &p, &sums)
    }
    return (gated, sums)
  }

  /// The 1x1 convolution of the means, [n][c].
  private func attention(_ means: [Float]) -> [Float] {
    let (matrix, offsets) = (block.attention.weight.value, block.attention.bias.value)
    let (weight, bias) = (matrix.reader, offsets.reader)
    return (0..<n * c).map { index in
      let (image, k) = (index / c, index % c)
      var sum = Double(bias[k])
      for j in 0..<c { sum += Double(weight[k * c + j] * means[image * c + j]) }
      return Float(sum)
    }
  }

  private func mix(
    _ x: Tensor, _ gated: Tensor, _ attention: [Float], keepsMiddle: Bool
  ) -> (out: Tensor, middle: Tensor?) {
    let out = Tensor.emptyChannelsLast(x.shape)
    let middle = keepsMiddle ? Tensor.emptyChannelsLast(x.shape) : nil
    let w3 = weighted(attention, transposed: false)
    let b3 = block.conv3.bias.value.zipped(block.beta.value.reshaped([c])) { $0 * $1 }
    run { kernels, p, memory in
      (p.x, p.g, p.w3, p.b3) = (
        memory.read(x), memory.write(gated), memory.read(w3), memory.read(b3)
      )
      (p.y, p.out) = (memory.write(middle), memory.write(out))
      kernels.naf_mix(Kernels.threads, &p)
    }
    return (out, middle)
  }

  // MARK: - Backward

  private func backward(
    _ upstream: Tensor, _ x: Tensor, _ gated: Tensor, _ middle: Tensor, _ means: [Float], _ attention: [Float]
  ) -> (dx: Tensor, gradients: [ObjectIdentifier: Tensor]) {
    var gradients: [ObjectIdentifier: Tensor] = [:]
    func set(_ parameter: Parameter, _ value: Tensor) {
      gradients[ObjectIdentifier(parameter)] = value.reshaped(parameter.shape)
    }
    let (s5, s4, m) = (Tensor.empty([c, c]), Tensor.empty([c, 2 * c]), Tensor.empty([n, c, c]))
    let (sum5, sum4, sum3) = (Tensor.empty([c]), Tensor.empty([2 * c]), Tensor.empty([c]))
    let dy = Tensor.emptyChannelsLast(x.shape)
    let (w5Back, w4Back) = (
      Self.packed(block.conv5, rows: block.gamma, transposed: true),
      Self.packed(block.conv4, columns: block.norm2.weight, transposed: true)
    )
    run { kernels, p, memory in
      (p.dout, p.y, p.g) = (memory.read(upstream), memory.write(middle), memory.write(gated))
      (p.w5_back, p.w4_back, p.dy) = (memory.read(w5Back), memory.read(w4Back), memory.write(dy))
      (p.s5, p.s4, p.m) = (memory.write(s5), memory.write(s4), memory.write(m))
      (p.sum5, p.sum4, p.sum3) = (memory.write(sum5), memory.write(sum4), memory.write(sum3))
      kernels.naf_mix_backward(Kernels.threads, &p)
    }
    let last = scaledRows(block.conv5, block.gamma, s5, sum5)
    set(block.conv5.weight, last.weight)
    set(block.conv5.bias, last.bias)
    set(block.gamma, last.factor)
    let second = normalised(block.conv4, block.norm2, s4, sum4)
    set(block.conv4.weight, second.weight)
    set(block.conv4.bias, sum4)
    set(block.norm2.weight, second.gain)
    set(block.norm2.bias, second.shift)

    // Attention: conv3 meets g times attention, image by image.
    let weighted = Tensor.zeros([c, c])
    var dattention = [Double](repeating: 0, count: n * c)
    let (matrix, factors) = (block.conv3.weight.value, block.beta.value)
    let (w3, beta, products) = (matrix.reader, factors.reader, m.reader)
    let sums = weighted.writer
    for image in 0..<n {
      for i in 0..<c {
        var sum = 0.0
        for k in 0..<c {
          let value = products[(image * c + i) * c + k]
          sums[i * c + k] += value * attention[image * c + i]
          sum += Double(beta[k] * w3[k * c + i] * value)
        }
        dattention[image * c + i] = sum
      }
    }
    let third = scaledRows(block.conv3, block.beta, weighted, sum3)
    set(block.conv3.weight, third.weight)
    set(block.conv3.bias, third.bias)
    set(block.beta, third.factor)
    let (dmeans, dweight, dbias) = attentionGradients(dattention, means)
    set(block.attention.weight, dweight)
    set(block.attention.bias, dbias)

    let (s1, sum1) = (Tensor.empty([c, 2 * c]), Tensor.empty([2 * c]))
    let (dw2, sum2) = (Tensor.empty([9, 2 * c]), Tensor.empty([2 * c]))
    let dx = Tensor.emptyChannelsLast(x.shape)
    let w3Back = self.weighted(attention, transposed: true)
    let w1Back = Self.packed(block.conv1, columns: block.norm1.weight, transposed: true)
    run { kernels, p, memory in
      (p.x, p.dy, p.dx) = (memory.read(x), memory.write(dy), memory.write(dx))
      (p.w3_back, p.w1_back, p.dm) = (memory.read(w3Back), memory.read(w1Back), memory.read(dmeans))
      (p.s1, p.sum1) = (memory.write(s1), memory.write(sum1))
      (p.dw2, p.sum2) = (memory.write(dw2), memory.write(sum2))
      kernels.naf_gate_backward(Kernels.threads, &p)
    }
    let first = normalised(block.conv1, block.norm1, s1, sum1)
    set(block.conv1.weight, first.weight)
    set(block.conv1.bias, sum1)
    set(block.norm1.weight, first.gain)
    set(block.norm1.bias, first.shift)
    set(block.conv2.weight, dw2.permuted([1, 0]))
    set(block.conv2.bias, sum2)
    return (dx, gradients)
  }

  /// attention = W means + b: gradients of the means, divided by the pixels that share them, of W and of b.
  private func attentionGradients(
    _ dattention: [Double], _ means: [Float]
  ) -> (means: Tensor, weight: Tensor, bias: Tensor) {
    let (dmeans, dweight, dbias) = (Tensor.empty([n, c]), Tensor.empty([c, c]), Tensor.empty([c]))
    let (forMeans, forWeight, forBias) = (dmeans.writer, dweight.writer, dbias.writer)
    let matrix = block.attention.weight.value
    let weight = matrix.reader
    for image in 0..<n {
      for j in 0..<c {
        var sum = 0.0
        for k in 0..<c { sum += Double(weight[k * c + j]) * dattention[image * c + k] }
        forMeans[image * c + j] = Float(sum / Double(h * w))
      }
    }
    for k in 0..<c {
      forBias[k] = Float((0..<n).reduce(0.0) { $0 + dattention[$1 * c + k] })
      for j in 0..<c {
        forWeight[k * c + j] = Float(
          (0..<n).reduce(0.0) { $0 + dattention[$1 * c + k] * Double(means[$1 * c + j]) })
      }
    }
    return (dmeans, dweight, dbias)
  }

  /// For factor[k] (W x + b)[k], from products[i][k] = sum of x[i] d[k] and sums = sum of d: the gradients of W, b and factor.
  private func scaledRows(
    _ convolution: BiasedConv2d, _ factor: Parameter, _ products: Tensor, _ sums: Tensor
  ) -> (weight: Tensor, bias: Tensor, factor: Tensor) {
    let (dweight, dbias, dfactor) = (Tensor.empty([c, c]), Tensor.empty([c]), Tensor.empty([c]))
    let (forWeight, forBias, forFactor) = (dweight.writer, dbias.writer, dfactor.writer)
    let (matrix, offsets, factor) = (convolution.weight.value, convolution.bias.value, factor.value)
    let (weight, bias, factors) = (matrix.reader, offsets.reader, factor.reader)
    let (product, sum) = (products.reader, sums.reader)
    for k in 0..<c {
      var total = Double(bias[k] * sum[k])
      for i in 0..<c {
        total += Double(weight[k * c + i] * product[i * c + k])
        forWeight[k * c + i] = factors[k] * product[i * c + k]
      }
      forBias[k] = factors[k] * sum[k]
      forFactor[k] = Float(total)
    }
    return (dweight, dbias, dfactor)
  }

  /// For W (gain N + shift) + b, from products[i][k] = sum of N[i] d[k] and sums = sum of d: the gradients of W, gain, shift.
  private func normalised(
    _ convolution: BiasedConv2d, _ norm: LayerNorm, _ products: Tensor, _ sums: Tensor
  ) -> (weight: Tensor, gain: Tensor, shift: Tensor) {
    let (dweight, dgain, dshift) = (Tensor.empty([2 * c, c]), Tensor.empty([c]), Tensor.empty([c]))
    let (forWeight, forGain, forShift) = (dweight.writer, dgain.writer, dshift.writer)
    let (matrix, normGain, normShift) = (convolution.weight.value, norm.weight.value, norm.bias.value)
    let (weight, gain, shift) = (matrix.reader, normGain.reader, normShift.reader)
    let (product, sum) = (products.reader, sums.reader)
    for i in 0..<c {
      var (gains, shifts) = (0.0, 0.0)
      for k in 0..<2 * c {
        gains += Double(weight[k * c + i] * product[i * 2 * c + k])
        shifts += Double(weight[k * c + i] * sum[k])
        forWeight[k * c + i] = product[i * 2 * c + k] * gain[i] + sum[k] * shift[i]
      }
      (forGain[i], forShift[i]) = (Float(gains), Float(shifts))
    }
    return (dweight, dgain, dshift)
  }

  // MARK: - Folding

  /// conv3 with beta and each image's attention, packed.
  private func weighted(_ attention: [Float], transposed: Bool) -> Tensor {
    let (factors, result) = (Tensor(attention, [n, c]), Tensor.empty([n, c, c]))
    for image in 0..<n {
      Self.pack(
        block.conv3.weight.value, rows: block.beta.value, columns: factors, from: image * c, transposed: transposed,
        into: result.writer + image * c * c)
    }
    return result
  }

  private static func packed(
    _ convolution: BiasedConv2d, rows: Parameter? = nil, columns: Parameter? = nil, transposed: Bool = false
  ) -> Tensor {
    let (outputs, inputs) = (convolution.weight.shape[0], convolution.weight.shape[1])
    let result = Tensor.empty([outputs, inputs])
    pack(
      convolution.weight.value, rows: rows?.value, columns: columns?.value, transposed: transposed, into: result.writer)
    return result
  }

  /// Packs weight[outputs][inputs] times factors of its rows, and of its columns from the element `first` on, as a product
  /// from inputs to outputs, or back.
  private static func pack(
    _ weight: Tensor, rows: Tensor?, columns: Tensor?, from first: Int = 0, transposed: Bool,
    into target: SharedWriter<Float>
  ) {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let scaled = Tensor.empty([outputs, inputs])
    let (from, forRows, forColumns, to) = (weight.reader, rows?.reader, columns?.reader, scaled.writer)
    for k in 0..<outputs {
      for i in 0..<inputs {
        to[k * inputs + i] = from[k * inputs + i] * (forRows?[k] ?? 1) * (forColumns?[first + i] ?? 1)
      }
    }
    FastConvolution.packMatrix(
      scaled.reader, rows: transposed ? outputs : inputs, columns: transposed ? inputs : outputs,
      rowStride: transposed ? inputs : 1, columnStride: transposed ? 1 : inputs, into: target)
  }

  /// W shift + b: the bias of a convolution that takes the shift of a layer norm upon itself.
  private static func shifted(_ convolution: BiasedConv2d, _ shift: Parameter) -> Tensor {
    let (outputs, inputs) = (convolution.weight.shape[0], convolution.weight.shape[1])
    let (matrix, offsets, shift) = (convolution.weight.value, convolution.bias.value, shift.value)
    let (weight, bias, shifts) = (matrix.reader, offsets.reader, shift.reader)
    return Tensor(
      (0..<outputs).map { k in
        Float((0..<inputs).reduce(Double(bias[k])) { $0 + Double(weight[k * inputs + $1] * shifts[$1]) })
      }, [outputs])
  }

  /// Calls `body` with the sizes and folded products filled in.
  private func run(
    _ body: (_ kernels: ck_kernels, _ p: inout ck_naf, _ memory: inout LentMemory) -> Void
  ) {
    Kernels.run { kernels, memory in
      var p = ck_naf()
      (p.n, p.h, p.w, p.c, p.epsilon) = (
        Int64(n), Int64(h), Int64(w), Int64(c), block.norm1.epsilon
      )
      (p.w1, p.b1, p.w2, p.b2) = (
        memory.read(w1), memory.read(b1), memory.read(w2), memory.read(b2)
      )
      (p.w4, p.b4, p.w5, p.b5) = (
        memory.read(w4), memory.read(b4), memory.read(w5), memory.read(b5)
      )
      body(kernels, &p, &memory)
    }
  }
}
