import Basics
import CKernels

// Large kernels from few channels or to few, as the first and last layers of SRResNet and SRCNN have them. Of the two images
// the thin one lies in contiguous planes and the wide one channels-last.

extension FastConvolution {
  /// More channels make a matrix product worth its unfolding.
  static let mostThinChannels = 4

  /// The convolution of a thin image with one filter for each wide and thin channel, or its adjoint.
  struct Thin {
    /// [wide][thin][kh][kw], or with the first two axes swapped.
    let filter: Tensor
    let isWideFirst: Bool
    let padding: Int

    var wide: Int { filter.shape[isWideFirst ? 0 : 1] }
    var thin: Int { filter.shape[isWideFirst ? 1 : 0] }
    var kernel: (height: Int, width: Int) { (filter.shape[2], filter.shape[3]) }

    /// - Parameter turned: the taps by 180 degrees and the padding to match: from gradients of outputs to those of inputs.
    private func sizes(_ x: Tensor, turned: Bool) -> ck_thin {
      let (kh, kw) = kernel
      var g = ck_thin()
      (g.n, g.thin, g.wide) = (Int64(x.n), Int64(thin), Int64(Tensor.padded(wide)))
      (g.kh, g.kw) = (Int64(kh), Int64(kw))
      (g.py, g.px) = (Int64(turned ? kh - 1 - padding : padding), Int64(turned ? kw - 1 - padding : padding))
      (g.h, g.w) = (Int64(x.h), Int64(x.w))
      (g.oh, g.ow) = (g.h + 2 * g.py - g.kh + 1, g.w + 2 * g.px - g.kw + 1)
      let (first, second) = (Int64(filter.shape[1] * kh * kw), Int64(kh * kw))
      (g.wide_stride, g.thin_stride) = isWideFirst ? (first, second) : (second, first)
      (g.true_wide, g.rotate) = (Int64(wide), turned ? 1 : 0)
      return g
    }

    /// From thin to wide.
    func widened(_ x: Tensor, bias: Tensor? = nil, turned: Bool = false) -> Tensor {
      var g = sizes(x, turned: turned)
      let y = ImagePlace([x.n, wide, Int(g.oh), Int(g.ow)])
      let offsets = padded(bias)
      Kernels.run { _, memory in
        Kernels.thin.input(
          Kernels.threads, &g, memory.read(x), memory.read(filter), memory.read(offsets),
          memory.write(y), y.stride, y.half)
      }
      return y.tensor
    }

    /// From wide to thin.
    func narrowed(_ x: Tensor, bias: Tensor? = nil, turned: Bool = false) -> Tensor {
      var g = sizes(x, turned: turned)
      let y = Tensor.empty([x.n, thin, Int(g.oh), Int(g.ow)])
      Kernels.run { _, memory in
        var source = memory.source(x)
        Kernels.thin.output(
          Kernels.threads, &g, &source, memory.read(filter), memory.read(bias), memory.write(y))
      }
      return y
    }

    /// The gradient of the filter: the thin image meets the wide one at every tap. `turned` where the wide image is the input.
    func filterGradient(thin x: Tensor, wide other: Tensor, turned: Bool) -> Tensor {
      var g = sizes(x, turned: turned)
      let (taps, lanes) = (kernel.height * kernel.width, other.paddedChannels)
      let sums = Tensor.empty([thin, taps, lanes])
      Kernels.run { _, memory in
        var source = memory.source(other)
        Kernels.thin.weight(Kernels.threads, &g, memory.read(x), &source, memory.write(sums))
      }
      let result = Tensor.empty(filter.shape)
      let (from, to) = (sums.reader, result.writer)
      for t in 0..<thin {
        for w in 0..<wide {
          let target = to + (isWideFirst ? w * thin + t : t * wide + w) * taps
          for tap in 0..<taps { target[turned ? taps - 1 - tap : tap] = from[(t * taps + tap) * lanes + w] }
        }
      }
      return result
    }
  }
}

extension Tensor {
  /// `convolved` from few channels.
  func convolvedFromThin(
    _ weight: Tensor, _ filter: Tensor, bias: Tensor?, offsets: Tensor?, padding: Int
  ) -> Tensor {
    let thin = FastConvolution.Thin(filter: filter, isWideFirst: true, padding: padding)
    let x = contiguous()
    let input = x.detached()
    return thin.widened(x, bias: offsets).recorded([x, weight, bias]) { gradient, needs in
      let dy = gradient.channelsLast()
      return [
        needs[0] ? thin.narrowed(dy, turned: true) : nil,
        needs[1] ? thin.filterGradient(thin: input, wide: dy, turned: false) : nil,
        needs[2] ? FastConvolution.channelSums(dy) : nil,
      ]
    }
  }

  /// `convolved` to few channels.
  func convolvedToThin(_ weight: Tensor, _ filter: Tensor, bias: Tensor?, offsets: Tensor?, padding: Int) -> Tensor {
    let thin = FastConvolution.Thin(filter: filter, isWideFirst: false, padding: padding)
    let x = channelsLast()
    let input = x.kept()
    return thin.narrowed(x, bias: offsets).recorded([x, weight, bias]) { gradient, needs in
      let dy = gradient.contiguous()
      return [
        needs[0] ? thin.widened(dy, turned: true) : nil,
        needs[1] ? thin.filterGradient(thin: dy, wide: input, turned: true) : nil,
        needs[2] ? dy.biasGradient() : nil,
      ]
    }
  }
}
