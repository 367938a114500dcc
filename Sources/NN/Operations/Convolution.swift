import Basics
import CKernels

/// The sizes of a two-dimensional convolution (cross-correlation, as in PyTorch).
public struct ConvolutionGeometry: Hashable, Sendable {
  public var kernel: (height: Int, width: Int) { (kernelHeight, kernelWidth) }
  var kernelHeight: Int
  var kernelWidth: Int
  public var stride: Int
  public var padding: Int
  public var dilation: Int
  public var groups: Int

  public init(kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1) {
    self.init(
      kernelHeight: kernel, kernelWidth: kernel, stride: stride, padding: padding, dilation: dilation, groups: groups)
  }

  public init(
    kernelHeight: Int, kernelWidth: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1
  ) {
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// Output length for an input length along one axis.
  func outputSize(_ input: Int, _ kernel: Int) -> Int {
    (input + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1
  }
  /// Output length of the transposed convolution.
  func transposedSize(_ input: Int, _ kernel: Int) -> Int {
    (input - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
  }

  func resolved(input: [Int], outputChannels: Int, height: Int, width: Int) -> ck_convolution {
    ck_convolution(
      n: Int64(input[0]), c: Int64(input[1]), h: Int64(input[2]), w: Int64(input[3]), k: Int64(outputChannels),
      oh: Int64(height), ow: Int64(width), kh: Int64(kernelHeight), kw: Int64(kernelWidth), stride_y: Int64(stride),
      stride_x: Int64(stride), padding_y: Int64(padding), padding_x: Int64(padding), dilation_y: Int64(dilation),
      dilation_x: Int64(dilation), groups: Int64(groups))
  }
}

extension Tensor {
  /// y[n][k] = bias[k] + sum over c of x[n][c] correlated with weight[k][c].
  ///
  /// Shapes: input [n, c, h, w], weight [k, c/groups, kh, kw], bias [k]; result [n, k, oh, ow].
  /// Parity: layers/conv2d_*.
  public func convolved(_ weight: Tensor, bias: Tensor? = nil, _ geometry: ConvolutionGeometry) -> Tensor {
    convolved(weight, bias: bias, geometry, keeping: nil)
  }

  /// A convolution whose weight is the value of `parameter`, with which the packed filter stays in evaluation.
  func convolved(
    _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, keeping parameter: Parameter?
  ) -> Tensor {
    precondition(
      rank == 4 && weight.rank == 4 && c == weight.shape[1] * geometry.groups,
      "a weight of shape \(weight.shape) in \(geometry.groups) groups does not fit the input \(shape)")
    if let form = FastConvolution.form(weight.shape, geometry) {
      return convolvedFast(weight, bias: bias, form, geometry, keeping: parameter)
    }
    let k = weight.shape[0]
    let outputShape = [
      n, k, geometry.outputSize(h, geometry.kernelHeight), geometry.outputSize(w, geometry.kernelWidth),
    ]
    let sizes = geometry.resolved(input: shape, outputChannels: k, height: outputShape[2], width: outputShape[3])
    let filter = weight.contiguous().detached()
    let x = contiguous()
    let y = Convolution.forward(sizes, x, filter, bias?.contiguous())
    let input = x.detached()
    return y.recorded([x, weight, bias]) { gradient, needs in
      let dy = gradient.contiguous()
      return [
        needs[0] ? Convolution.inputGradient(sizes, dy, filter) : nil,
        needs[1] ? Convolution.weightGradient(sizes, input, dy) : nil,
        needs[2] ? dy.biasGradient() : nil,
      ]
    }
  }

  /// The transposed convolution: what `convolved` does to gradients of its input.
  ///
  /// Shapes: input [n, c, h, w], weight [c, k/groups, kh, kw], bias [k]. Parity: layers/conv_transpose2d_*.
  public func convolvedTransposed(
    _ weight: Tensor, bias: Tensor? = nil, _ geometry: ConvolutionGeometry
  ) -> Tensor {
    convolvedTransposed(weight, bias: bias, geometry, keeping: nil)
  }

  /// A convolution whose weight is the value of `parameter`, with which the packed filter stays in evaluation.
  func convolvedTransposed(
    _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, keeping parameter: Parameter?
  ) -> Tensor {
    precondition(
      rank == 4 && weight.rank == 4 && c == weight.shape[0],
      "a weight of shape \(weight.shape) does not fit the input \(shape)")
    if NN.options.convolution == .fast,
      geometry == ConvolutionGeometry(kernel: 2, stride: 2), weight.shape[2] == 2, weight.shape[3] == 2
    {
      return upsampledByConvolution(weight, bias: bias, keeping: parameter)
    }
    let k = weight.shape[1] * geometry.groups
    let outputShape = [
      n, k, geometry.transposedSize(h, geometry.kernelHeight), geometry.transposedSize(w, geometry.kernelWidth),
    ]
    let sizes = geometry.resolved(input: outputShape, outputChannels: c, height: h, width: w)
    let filter = weight.contiguous().detached()
    let x = contiguous()
    let y = Convolution.inputGradient(sizes, x, filter)
    if let bias {
      let offsets = bias.contiguous()
      let (values, target, area) = (offsets.reader, y.writer, outputShape[2] * outputShape[3])
      parallel(outputShape[0] * k) { plane in
        for i in plane * area..<(plane + 1) * area { target[i] += values[plane % k] }
      }
    }
    let input = x.detached()
    return y.recorded([x, weight, bias]) { gradient, needs in
      let dy = gradient.contiguous()
      return [
        needs[0] ? Convolution.forward(sizes, dy, filter, nil) : nil,
        needs[1] ? Convolution.weightGradient(sizes, dy, input) : nil,
        needs[2] ? dy.biasGradient() : nil,
      ]
    }
  }

  /// The gradient of a bias: the sum over images and pixels of each channel, [c].
  func biasGradient() -> Tensor {
    let sums = channelSums()
    return Tensor((0..<c).map { k in Float((0..<n).reduce(0) { $0 + sums[$1 * c + k] }) }, [c])
  }
}

/// The three maps of a convolution on contiguous tensors; none of them records.
enum Convolution {
  static func forward(_ sizes: ck_convolution, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    let y = Tensor.empty([sizes.n, sizes.k, sizes.oh, sizes.ow].map { Int($0) })
    var sizes = sizes
    let options = NN.options
    let run = options.convolution == .reference ? ck_reference_forward : ck_unfold_forward
    Kernels.run { _, memory in
      run(
        Int32(options.threads), &sizes, memory.read(x), memory.read(weight), memory.read(bias),
        memory.write(y))
    }
    return y
  }

  static func inputGradient(_ sizes: ck_convolution, _ dy: Tensor, _ weight: Tensor) -> Tensor {
    let dx = Tensor.empty([sizes.n, sizes.c, sizes.h, sizes.w].map { Int($0) })
    var sizes = sizes
    let options = NN.options
    let run = options.convolution == .reference ? ck_reference_input : ck_unfold_input
    Kernels.run { _, memory in
      run(Int32(options.threads), &sizes, memory.read(dy), memory.read(weight), memory.write(dx))
    }
    return dx
  }

  static func weightGradient(_ sizes: ck_convolution, _ x: Tensor, _ dy: Tensor) -> Tensor {
    let result = Tensor.empty([sizes.k, sizes.c / sizes.groups, sizes.kh, sizes.kw].map { Int($0) })
    var sizes = sizes
    let options = NN.options
    let run = options.convolution == .reference ? ck_reference_weight : ck_unfold_weight
    Kernels.run { _, memory in
      run(Int32(options.threads), &sizes, memory.read(x), memory.read(dy), memory.write(result))
    }
    return result
  }
}
