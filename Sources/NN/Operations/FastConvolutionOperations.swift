import Basics
import CKernels

// Convolutions in the fast forms as recorded operations.

extension Tensor {
  /// `convolved` in one of the fast forms.
  func convolvedFast(
    _ weight: Tensor, bias: Tensor?, _ form: FastConvolution.Form, _ geometry: ConvolutionGeometry,
    keeping parameter: Parameter? = nil
  ) -> Tensor {
    let filter = weight.contiguous().detached()
    let offsets = bias?.contiguous().detached()
    let (k, c) = (filter.shape[0], filter.shape[1])
    switch form {
    case .singleInput:
      let x = contiguous()
      let input = x.detached()
      return FastConvolution.singleInput(x, filter, bias: offsets).y.recorded([x, weight, bias]) { gradient, needs in
        let dy = gradient.channelsLast()
        let source = FastConvolution.Gradient(dy)
        return [
          needs[0]
            ? FastConvolution.winogradInputGradient(
              source, FastConvolution.packWinograd(filter, rotated: true), of: nil, channels: 1) : nil,
          needs[1] ? FastConvolution.singleInputWeightGradient(input, source) : nil,
          needs[2] ? FastConvolution.channelSums(dy) : nil,
        ]
      }
    case .singleOutput: return convolvedToOneChannel3x3(weight, filter, bias: bias, offsets: offsets)
    case .winograd:
      let x = channelsLast()
      var input: Tensor? = x.kept()
      let y = FastConvolution.winograd(
        x, FastConvolution.packWinograd(filter, keeping: parameter), channels: k, epilogue: .init(bias: offsets)
      ).y
      return y.recorded([x, weight, bias]) { gradient, needs in
        let dy = FastConvolution.Gradient(gradient.channelsLast())
        let own =
          needs[1] || needs[2] ? FastConvolution.winogradWeightGradient(input!, dy, wantsBias: needs[2]) : nil  // kept
        // Given back before the gradient of the same size is made, unless its kernel takes statistics of it. What that saves in
        // EDSR-light is a fifth of all memory.
        if input?.pendingNormalisation == nil { input = nil }
        let dx =
          needs[0]
          ? FastConvolution.winogradInputGradient(
            dy, FastConvolution.packWinograd(filter, rotated: true), of: input, channels: c) : nil
        return [dx, own?.weight, own?.bias]
      }
    case .thinInput:
      return convolvedFromThin(weight, filter, bias: bias, offsets: offsets, padding: geometry.padding)
    case .thinOutput:
      return convolvedToThin(weight, filter, bias: bias, offsets: offsets, padding: geometry.padding)
    case .depthwise: return convolvedDepthwise(weight, filter, bias: bias, offsets: offsets)
    case .pixel:
      if k == 1 { return convolvedToOneChannel(weight, filter, bias: bias, offsets: offsets) }
      let x = channelsLast()
      let input = x.kept()
      let y = FastConvolution.pixelProduct(
        x, filter, inputs: c, outputs: k, rowStride: 1, columnStride: c, bias: offsets, keeping: parameter)
      return y.recorded([x, weight, bias]) { gradient, needs in
        let dy = gradient.channelsLast()
        var dweight: Tensor?
        if needs[1] {
          let sums = FastConvolution.pixelWeightGradient(input, dy, taps: 1)
          let (lanes, values) = (dy.paddedChannels, sums.reader)
          dweight = Tensor((0..<k * c).map { values[$0 % c * lanes + $0 / c] }, [k, c, 1, 1])
        }
        return [
          needs[0]
            ? FastConvolution.pixelProduct(
              dy, filter, inputs: k, outputs: c, rowStride: c, columnStride: 1, statisticsOf: input) : nil,
          dweight, needs[2] ? FastConvolution.channelSums(dy) : nil,
        ]
      }
    }
  }

  private func convolvedToOneChannel(_ weight: Tensor, _ filter: Tensor, bias: Tensor?, offsets: Tensor?) -> Tensor {
    let x = channelsLast()
    let (input, inputShape) = (x.kept(), x.shape)
    let lanes = FastConvolution.padded(filter)!  // not nil: the filter is there
    let y = Tensor.empty([n, 1, h, w])
    let (pixels, padding) = (Int64(self.pixels), Int64(x.paddedChannels))
    let offset = offsets?.item ?? 0
    Kernels.run { kernels, memory in
      var source = memory.source(x)
      kernels.single_output(
        Kernels.threads, pixels, &source, memory.read(lanes), offset, memory.write(y))
    }
    let shape = filter.shape
    return y.recorded([x, weight, bias]) { gradient, needs in
      let dy = gradient.contiguous()
      let dweight = Tensor.empty([Int(padding)])
      var dbias: Float = 0
      func run(_ dx: ImagePlace?, _ statistics: UnsafePointer<ck_statistics>?) {
        Kernels.run { kernels, memory in
          var source = memory.source(input)
          kernels.single_output_backward(
            Kernels.threads, pixels, &source, memory.read(lanes), memory.read(dy), memory.write(dx),
            dx?.stride ?? 0,
            dx?.half ?? 0, statistics, memory.write(dweight), &dbias)
        }
      }
      var dx: Tensor?
      if !needs[0] {
        run(nil, nil)
      } else if input.pendingNormalisation != nil {
        // Whoever reads this gradient makes it while reading.
        dx = input.collectingStatistics { statistics in
          run(nil, statistics)
          return Tensor(shape: inputShape, recipe: .outer(plane: dy, factors: lanes))
        }
      } else {
        let place = ImagePlace(inputShape)
        run(place, nil)
        dx = place.tensor
      }
      return [
        dx, Tensor(Array(dweight.values.prefix(inputShape[1])), shape),
        needs[2] ? Tensor([dbias], [1]) : nil,
      ]
    }
  }

  /// 3x3 to one channel: sums over the pixels around each. The gradients are convolutions from the one channel.
  private func convolvedToOneChannel3x3(_ weight: Tensor, _ filter: Tensor, bias: Tensor?, offsets: Tensor?) -> Tensor {
    let x = channelsLast()
    var input: Tensor? = x.kept()
    let (channels, lanes, shape) = (c, x.paddedChannels, filter.shape)
    let nine = filter.byTaps(channels: channels, lanes: lanes)
    let y = Tensor.empty([n, 1, h, w])
    let offset = offsets?.item ?? 0
    Kernels.run { kernels, memory in
      var source = memory.source(x)
      kernels.single_output3(
        Kernels.threads, Int64(n), Int64(h), Int64(w), &source, memory.read(nine), offset,
        memory.write(y))
    }
    return y.recorded([x, weight, bias]) { gradient, needs in
      let dy = gradient.contiguous()
      var dweight: Tensor?
      if needs[1], let x = input {
        let sums = FastConvolution.singleInputWeightGradient(dy, FastConvolution.Gradient(x))
        let values = sums.reader
        dweight = Tensor((0..<channels * 9).map { values[$0 / 9 * 9 + 8 - $0 % 9] }, shape)
      }
      input = nil
      var dx: Tensor?
      if needs[0] {
        let turned = Tensor.empty([channels, 1, 3, 3])
        let (from, to) = (filter.reader, turned.writer)
        for channel in 0..<channels {
          for tap in 0..<9 { to[channel * 9 + tap] = from[channel * 9 + 8 - tap] }
        }
        dx = FastConvolution.singleInput(dy, turned).y
      }
      let values = dy.reader
      let sum = needs[2] ? Tensor.deterministicSum(dy.count) { Double(values[$0]) } : 0
      return [dx, dweight, needs[2] ? Tensor([Float(sum)], [1]) : nil]
    }
  }

  private func convolvedDepthwise(_ weight: Tensor, _ filter: Tensor, bias: Tensor?, offsets: Tensor?) -> Tensor {
    let x = channelsLast()
    let input = x.detached()
    let (channels, lanes) = (c, x.paddedChannels)
    let nine = filter.byTaps(channels: channels, lanes: lanes)
    func apply(_ source: Tensor, _ offsets: Tensor?, rotated: Bool) -> Tensor {
      let result = Tensor.emptyChannelsLast(source.shape)
      Kernels.run { kernels, memory in
        kernels.depthwise(
          Kernels.threads, Int64(source.n), Int64(source.h), Int64(source.w), Int64(lanes),
          memory.read(source),
          Int64(source.pixelStride), memory.read(nine), memory.read(offsets), rotated ? 1 : 0,
          memory.write(result),
          Int64(result.pixelStride))
      }
      return result
    }
    let y = apply(x, FastConvolution.padded(offsets), rotated: false)
    return y.recorded([x, weight, bias]) { gradient, needs in
      let dy = gradient.channelsLast()
      var dweight: Tensor?
      if needs[1] {
        let sums = Tensor.empty([9, lanes])
        Kernels.run { kernels, memory in
          kernels.depthwise_weight(
            Kernels.threads, Int64(input.n), Int64(input.h), Int64(input.w), Int64(lanes),
            memory.read(input),
            Int64(input.pixelStride), memory.read(dy), Int64(dy.pixelStride), memory.write(sums))
        }
        let values = sums.reader
        dweight = Tensor(
          (0..<channels * 9).map { values[$0 % 9 * lanes + $0 / 9] }, [channels, 1, 3, 3])
      }
      return [
        needs[0] ? apply(dy, nil, rotated: true) : nil, dweight, needs[2] ? FastConvolution.channelSums(dy) : nil,
      ]
    }
  }

  /// `convolvedTransposed` for a 2x2 kernel with stride 2.
  func upsampledByConvolution(_ weight: Tensor, bias: Tensor?, keeping parameter: Parameter? = nil) -> Tensor {
    let filter = weight.contiguous().detached()
    let (c, k) = (filter.shape[0], filter.shape[1])
    let x = channelsLast()
    let input = x.kept()
    // weight[c][k][tap]
    let y = FastConvolution.pixelProduct(
      x, filter, inputs: c, outputs: k, rowStride: 4 * k, columnStride: 4, tapStride: 1, taps: 4,
      bias: bias?.contiguous().detached(), keeping: parameter)
    return y.recorded([x, weight, bias]) { gradient, needs in
      let dy = gradient.channelsLast()
      var dweight: Tensor?
      if needs[1] {
        let sums = FastConvolution.pixelWeightGradient(input, dy, taps: 4)
        let (rows, columns) = (Tensor.padded(c), dy.paddedChannels)
        let result = Tensor.empty([c, k, 2, 2])
        let (from, to) = (sums.reader, result.writer)
        for i in 0..<c * k {
          for tap in 0..<4 { to[i * 4 + tap] = from[(tap * rows + i / k) * columns + i % k] }
        }
        dweight = result
      }
      return [
        needs[0]
          ? FastConvolution.pixelProduct(
            dy, filter, inputs: k, outputs: c, rowStride: 4, columnStride: 4 * k, tapStride: 1, taps: 4, gather: true,
            statisticsOf: input)
          : nil,
        dweight, needs[2] ? FastConvolution.channelSums(dy) : nil,
      ]
    }
  }

  /// Filters [channels][9] as [9][lanes], zeros behind the channels.
  fileprivate func byTaps(channels: Int, lanes: Int) -> Tensor {
    let nine = Tensor.zeros([9, lanes])
    let (from, to) = (reader, nine.writer)
    for channel in 0..<channels {
      for tap in 0..<9 { to[tap * lanes + channel] = from[channel * 9 + tap] }
    }
    return nine
  }
}
