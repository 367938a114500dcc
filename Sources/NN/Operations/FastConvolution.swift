import Basics
import CKernels

/// Convolutions in channels-last layout with the SIMD kernels: 3x3 with stride 1 and padding 1 (Winograd, or directly from a
/// single input channel), 1x1, transposed 2x2 with stride 2, and large kernels from or to few channels. Everything else goes
/// through `Convolution`.
enum FastConvolution {
  enum Form {
    case winograd, singleInput, singleOutput, pixel, depthwise, thinInput, thinOutput
  }

  /// The form that fits, if fast algorithms are wanted and one does.
  static func form(_ weight: [Int], _ geometry: ConvolutionGeometry) -> Form? {
    guard NN.options.convolution == .fast, geometry.stride == 1, geometry.dilation == 1 else { return nil }
    if geometry.groups > 1 {
      let isDepthwise = weight == [geometry.groups, 1, 3, 3] && geometry.padding == 1
      return isDepthwise ? .depthwise : nil
    }
    switch (weight[2], weight[3], geometry.padding) {
    case (3, 3, 1): return weight[1] == 1 ? .singleInput : weight[0] == 1 ? .singleOutput : .winograd
    case (1, 1, 0): return .pixel
    case (let height, let width, let padding) where max(height, width) >= 5 && padding < min(height, width):
      return weight[1] <= mostThinChannels ? .thinInput : weight[0] <= mostThinChannels ? .thinOutput : nil
    default: return nil
    }
  }

  // MARK: - Packed weights

  /// Filters for `winograd`; `rotated` for the backward pass. Each output channel is multiplied by `scale`.
  static func packWinograd(_ weight: Tensor, rotated: Bool = false, scale: [Float]? = nil) -> Tensor {
    let (k, c) = (weight.shape[0], weight.shape[1])
    let packed = Tensor.empty([36 * Tensor.padded(k) * Tensor.padded(c)])
    Kernels.run { kernels, memory in
      kernels.pack_winograd(
        Kernels.threads, memory.read(weight), Int64(k), Int64(c), rotated ? 1 : 0, scale,
        memory.write(packed))
    }
    return packed
  }

  /// Filters for the forward pass; in evaluation they stay with the parameter whose value the weight is.
  static func packWinograd(_ weight: Tensor, scale: [Float]? = nil, keeping parameter: Parameter?) -> Tensor {
    KeptFilter.of(parameter, .winograd(scale: scale)) { packWinograd(weight, scale: scale) }
  }

  /// The blocks of a matrix [rows][columns] with zero padding.
  static func packMatrix(
    _ source: SharedReader<Float>, rows: Int, columns: Int, rowStride: Int,
    columnStride: Int,
    into target: SharedWriter<Float>
  ) {
    Kernels.current.pack_pixel(
      source.pointer, Int64(rows), Int64(columns), Int64(rowStride), Int64(columnStride),
      Int64(Tensor.padded(rows)),
      Int64(Tensor.padded(columns)), target.pointer)
  }

  /// Values padded with zeros to whole lanes.
  static func padded(_ values: Tensor?) -> Tensor? {
    guard let values else { return nil }
    let result = Tensor.zeros([Tensor.padded(values.count)])
    result.writer.update(from: values.reader, count: values.count)
    return result
  }

  // MARK: - 3x3

  /// Steps that follow the sums of a convolution.
  struct Epilogue {
    var bias: Tensor?
    var relu = false
    var residual: Tensor?
    var residualScale: Float = 1
    /// A 1x1 convolution to one channel that takes the place of the result: weights [k], one bias. `canProject` tells where.
    var head: (weight: Tensor, bias: Float)?
  }

  /// Whether `Epilogue.head` can follow a convolution to `channels`.
  static func canProject(_ channels: Int) -> Bool { channels <= 32 }

  /// A gradient as kernels read it, stored or made while they do.
  struct Gradient {
    var shape: [Int]
    /// Its channels, part after part; the closure holds the memory behind them.
    let sources: (inout LentMemory) -> [ck_source]

    init(shape: [Int], _ sources: @escaping (inout LentMemory) -> [ck_source]) {
      (self.shape, self.sources) = (shape, sources)
    }

    /// A gradient in memory; channels-last.
    init(_ tensor: Tensor) {
      self.init(shape: tensor.shape) { [$0.source(tensor)] }
    }
  }

  /// 3x3 by Winograd from channels-last to channels-last, or to one contiguous channel with a head; `wantsSums` asks for the
  /// statistics of the plain result, `pooling` for a second one, the largest of each 2x2 block. With `shuffled` the quarters of
  /// the channels become blocks of 2x2 pixels.
  static func winograd(
    _ x: Tensor, _ filter: Tensor, channels k: Int, epilogue: Epilogue = Epilogue(), wantsSums: Bool = false,
    shuffled: Bool = false, pooling: Bool = false
  ) -> (y: Tensor, sums: [Double], pooled: Tensor?) {
    let place =
      epilogue.head != nil
      ? ImagePlace(single: [x.n, 1, x.h, x.w])
      : ImagePlace(shuffled ? [x.n, k / 4, 2 * x.h, 2 * x.w] : [x.n, k, x.h, x.w])
    let pooled = pooling ? ImagePlace([x.n, k, x.h / 2, x.w / 2]) : nil
    let (bias, head) = (padded(epilogue.bias), padded(epilogue.head?.weight))
    let residual = epilogue.residual?.stored(half: place.half != 0)
    var sums = [Double](repeating: 0, count: wantsSums ? 2 * Tensor.padded(k) : 0)
    sums.withWriter { sums in
      Kernels.run { kernels, memory in
        var p = problem(memory.sources(x), filter, place, &memory)
        if shuffled { (p.h, p.w, p.k, p.shuffle) = (Int64(x.h), Int64(x.w), Int64(k), 1) }
        if let head {
          (p.k, p.head, p.head_bias) = (
            Int64(Tensor.padded(k)), memory.read(head), epilogue.head?.bias ?? 0
          )
        }
        p.pooled = memory.write(pooled)
        p.bias = memory.read(bias)
        p.relu = epilogue.relu ? 1 : 0
        if let residual {
          (p.residual, p.rs) = memory.stored(residual, half: place.half != 0)
          p.residual_scale = epilogue.residualScale
        }
        p.sums = wantsSums ? sums.pointer : nil
        kernels.winograd(Kernels.threads, &p)
      }
    }
    return (place.tensor, sums, pooled?.tensor)
  }

  /// The gradients of two images that were joined as the input of a 3x3 convolution, in memory of their own: half-size blocks
  /// fit where others were given back. Nil where the kernel cannot cut, which is at multiples of 32 channels.
  static func winogradInputGradients(_ dy: Gradient, _ filter: Tensor, joined channels: [Int]) -> Tensor? {
    guard channels.count == 2, channels[0] % 32 == 0, channels[1] % 16 == 0 else { return nil }
    let (n, h, w) = (dy.shape[0], dy.shape[2], dy.shape[3])
    let (first, more) = (ImagePlace([n, channels[0], h, w]), ImagePlace([n, channels[1], h, w]))
    Kernels.run { kernels, memory in
      var p = problem(dy.sources(&memory), filter, first, &memory)
      p.k += Int64(channels[1])
      (p.more, p.split, p.more_s) = (memory.write(more), Int64(channels[0]), more.stride)
      kernels.winograd(Kernels.threads, &p)
    }
    return Tensor(
      shape: [n, channels[0] + channels[1], h, w], recipe: .joined([first.tensor, more.tensor]))
  }

  /// The gradient of the input of a 3x3 convolution by the rotated filter, plus `other`. When the input is a normalisation
  /// that is not stored, the statistics that its own backward pass needs are taken on the way.
  static func winogradInputGradient(
    _ dy: Gradient, _ filter: Tensor, of input: Tensor?, channels c: Int, adding other: Tensor? = nil
  ) -> Tensor {
    let dx = ImagePlace([dy.shape[0], c, dy.shape[2], dy.shape[3]])
    let residual = other?.stored(half: dx.half != 0)
    func run(_ statistics: UnsafePointer<ck_statistics>?) -> Tensor {
      Kernels.run { kernels, memory in
        var p = problem(dy.sources(&memory), filter, dx, &memory)
        p.statistics = statistics
        if let residual {
          (p.residual, p.rs) = memory.stored(residual, half: dx.half != 0)
          p.residual_scale = 1
        }
        kernels.winograd(Kernels.threads, &p)
      }
      return dx.tensor
    }
    guard let input, other == nil else { return run(nil) }
    return input.collectingStatistics(run)
  }

  private static func problem(
    _ sources: [ck_source], _ filter: Tensor, _ y: ImagePlace, _ memory: inout LentMemory
  ) -> ck_winograd {
    var p = ck_winograd()
    let sizes = y.tensor.shape
    (p.n, p.h, p.w) = (Int64(sizes[0]), Int64(sizes[2]), Int64(sizes[3]))
    (p.c, p.k) = (sources.reduce(0) { $0 + $1.c }, Int64(Tensor.padded(sizes[1])))
    p.in = four(sources)
    p.filter = memory.read(filter)
    (p.y, p.ys, p.half) = (memory.write(y), y.stride, y.half)
    return p
  }

  private static func four(_ sources: [ck_source]) -> (ck_source, ck_source, ck_source, ck_source) {
    func at(_ i: Int) -> ck_source { i < sources.count ? sources[i] : ck_source() }
    return (at(0), at(1), at(2), at(3))
  }

  /// The gradients of the weights and, where `wantsBias`, of the bias.
  static func winogradWeightGradient(
    _ x: Tensor, _ dy: Gradient, wantsBias: Bool = false
  ) -> (weight: Tensor, bias: Tensor?) {
    let k = dy.shape[1]
    let result = Tensor.empty([k, x.c, 3, 3])
    let sums = wantsBias ? Tensor.empty([Tensor.padded(k)]) : nil
    Kernels.run { kernels, memory in
      let sources = memory.sources(x)
      var p = ck_winograd_weight()
      (p.n, p.h, p.w) = (Int64(x.n), Int64(x.h), Int64(x.w))
      (p.c, p.k) = (sources.reduce(0) { $0 + $1.c }, Int64(Tensor.padded(k)))
      (p.in, p.dy) = (four(sources), four(dy.sources(&memory)))
      (p.true_c, p.true_k, p.dweight, p.dbias) = (
        Int64(x.c), Int64(k), memory.write(result), memory.write(sums)
      )
      kernels.winograd_weight(Kernels.threads, &p)
    }
    return (result, sums.map { Tensor(Array($0.values.prefix(k)), [k]) })
  }

  /// 3x3 from one contiguous channel to channels-last.
  static func singleInput(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, relu: Bool = false, scale: [Float]? = nil,
    wantsSums: Bool = false
  ) -> (y: Tensor, sums: [Double]) {
    let k = weight.shape[0]
    let lanes = Tensor.padded(k)
    let nine = Tensor.zeros([9, lanes])
    let (from, to) = (weight.reader, nine.writer)
    for channel in 0..<k {
      for tap in 0..<9 { to[tap * lanes + channel] = from[channel * 9 + tap] * (scale?[channel] ?? 1) }
    }
    let y = ImagePlace([x.n, k, x.h, x.w])
    let offsets = padded(bias)
    var sums = [Double](repeating: 0, count: wantsSums ? 2 * lanes : 0)
    sums.withWriter { sums in
      Kernels.run { kernels, memory in
        kernels.single_input(
          Kernels.threads, Int64(x.n), Int64(x.h), Int64(x.w), Int64(lanes), memory.read(x),
          memory.read(nine),
          memory.read(offsets), relu ? 1 : 0, memory.write(y), y.stride, y.half,
          wantsSums ? sums.pointer : nil)
      }
    }
    return (y.tensor, sums)
  }

  static func singleInputWeightGradient(_ x: Tensor, _ dy: Gradient) -> Tensor {
    let (k, lanes) = (dy.shape[1], Tensor.padded(dy.shape[1]))
    let nine = Tensor.empty([9, lanes])
    Kernels.run { kernels, memory in
      var source = dy.sources(&memory)[0]
      kernels.single_input_weight(
        Kernels.threads, Int64(x.n), Int64(x.h), Int64(x.w), Int64(lanes), memory.read(x), &source,
        memory.write(nine))
    }
    let result = Tensor.empty([k, 1, 3, 3])
    let (from, to) = (nine.reader, result.writer)
    for channel in 0..<k {
      for tap in 0..<9 { to[channel * 9 + tap] = from[tap * lanes + channel] }
    }
    return result
  }

  // MARK: - Products over the channels of pixels

  /// y[p] = x[p] times matrix[c][k] given by strides, plus bias. With `taps` 4 between images of w x h and twice that size.
  static func pixelProduct(
    _ x: Tensor, _ matrix: Tensor, inputs: Int, outputs: Int, rowStride: Int, columnStride: Int, tapStride: Int = 0,
    taps: Int = 1, gather: Bool = false, bias: Tensor? = nil, statisticsOf input: Tensor? = nil,
    keeping parameter: Parameter? = nil
  ) -> Tensor {
    let (rows, columns) = (Tensor.padded(inputs), Tensor.padded(outputs))
    let packed = KeptFilter.of(gather ? nil : parameter, .pixel) {
      let packed = Tensor.empty([taps * rows * columns])
      if gather {
        // One matrix whose rows are all taps, block of columns by block.
        let joined = Tensor.zeros([taps * rows, outputs])
        let (from, to) = (matrix.reader, joined.writer)
        for tap in 0..<taps {
          for r in 0..<inputs {
            for k in 0..<outputs {
              to[(tap * rows + r) * outputs + k] = from[tap * tapStride + r * rowStride + k * columnStride]
            }
          }
        }
        packMatrix(
          joined.reader, rows: taps * rows, columns: outputs, rowStride: outputs, columnStride: 1,
          into: packed.writer)
      } else {
        for tap in 0..<taps {
          packMatrix(
            matrix.reader + tap * tapStride, rows: inputs, columns: outputs, rowStride: rowStride,
            columnStride: columnStride, into: packed.writer + tap * rows * columns)
        }
      }
      return packed
    }
    let (h, w) = gather && taps == 4 ? (x.h / 2, x.w / 2) : (x.h, x.w)
    let large = !gather && taps == 4
    let y = ImagePlace([x.n, outputs, large ? 2 * h : h, large ? 2 * w : w])
    let offsets = padded(bias)
    func run(_ statistics: UnsafePointer<ck_statistics>?) -> Tensor {
      Kernels.run { kernels, memory in
        var p = ck_pixel_product()
        (p.n, p.h, p.w, p.c, p.k) = (Int64(x.n), Int64(h), Int64(w), Int64(rows), Int64(columns))
        (p.in, p.filter, p.bias) = (memory.source(x), memory.read(packed), memory.read(offsets))
        (p.y, p.ys, p.half) = (memory.write(y), y.stride, y.half)
        (p.taps, p.gather, p.statistics) = (Int32(taps), gather ? 1 : 0, statistics)
        kernels.pixel_product(Kernels.threads, &p)
      }
      return y.tensor
    }
    return input.map { $0.collectingStatistics(run) } ?? run(nil)
  }

  /// [taps][c][k] with padded channels: the sums over pixels of small[p][c] * large[p, tap][k].
  static func pixelWeightGradient(_ small: Tensor, _ large: Tensor, taps: Int) -> Tensor {
    let result = Tensor.empty([taps, small.paddedChannels, large.paddedChannels])
    Kernels.run { kernels, memory in
      var p = ck_pixel_weight()
      (p.n, p.h, p.w) = (Int64(small.n), Int64(small.h), Int64(small.w))
      (p.c, p.k) = (Int64(small.paddedChannels), Int64(large.paddedChannels))
      (p.small, p.large) = (memory.source(small), memory.source(large))
      (p.taps, p.dweight) = (Int32(taps), memory.write(result))
      kernels.pixel_weight(Kernels.threads, &p)
    }
    return result
  }

  /// The sum over the pixels of each channel, [c].
  static func channelSums(_ x: Tensor) -> Tensor {
    var sums = [Double](repeating: 0, count: 2 * x.paddedChannels)
    Kernels.run { kernels, memory in
      var source = memory.source(x)
      kernels.channel_sums(Kernels.threads, Int64(x.pixels), &source, &sums)
    }
    return Tensor(sums.prefix(x.c).map { Float($0) }, [x.c])
  }
}
