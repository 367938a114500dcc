import Basics

/// Two NAFNet encoders, one for the low-resolution depth and one for a relative depth map of the image, fused by adaptive
/// instance normalisation; one decoder.
///
/// After the public description of the first place in the CVPR 2024 AIS depth compression challenge, which has no code and
/// leaves much open; docs/MODELS.md lists every choice made here. At each level the relative features are normalised with
/// their own mean and deviation for each image and channel and take those of the depth features:
///
///     fused = deviation(d) * (r - mean(r)) / sqrt(variance(r) + 1e-5) + mean(d)
///
/// Input: depth [n, 1, h, w] and as guide the relative depth [n, 1 or 3, s h, s w] (of three channels
/// the first counts), both 0...1. Output [n, 1, s h, s w], not clamped.
public final class RelativeDepthFusion: Network {
  static let kind = ModelKind(
    "relative-depth-fusion", title: "Relative-depth fusion",
    summary: "Two NAFNet encoders (depth and relative depth) fused by AdaIN, about 29 M parameters.",
    options: [
      .int("channels", 32, 1...4096, "Channels of the first level."),
      .ints("encoder_blocks", [2, 2, 4, 8], each: 0...1000, "Blocks of each level of each encoder."),
      .int("middle_blocks", 9, 1...1000, "Blocks at the lowest level."),
      .ints("decoder_blocks", [2, 2, 2, 2], each: 0...1000, "Blocks of each decoder level, lowest first."),
      .int("scale", 4, 1...64, "Output side over input side."),
    ],
    guide: .relative, onnx: .graph(sides: 4),
    source: "CVPR 2024 AIS workshop, depth compression challenge (description only); NAFNet, ECCV 2022",
    licence: "none needed; built from the published description",
    sizes: [ModelSize(parameters: 28_591_713)],
    examples: [["channels": 4, "encoder_blocks": [1, 1], "decoder_blocks": [1, 1], "middle_blocks": 1]],
    check: { options in
      options.ints("encoder_blocks").count == options.ints("decoder_blocks").count
        ? nil : "`encoder_blocks` and `decoder_blocks` need one number for each level"
    },
    make: { options, initialiser in
      RelativeDepthFusion(
        channels: options.int("channels"), encoderBlocks: options.ints("encoder_blocks"),
        middleBlocks: options.int("middle_blocks"), decoderBlocks: options.ints("decoder_blocks"),
        scale: options.int("scale"), initialiser)
    })

  public let scale: Int
  public let guideKind: GuideKind? = .relative
  let depthIntro: Conv2d, relativeIntro: Conv2d, ending: Conv2d
  let depthEncoder: NAFEncoder, relativeEncoder: NAFEncoder
  let middle: [NAFBlock]
  let decoder: NAFDecoder

  public init(
    channels: Int = 32, encoderBlocks: [Int] = [2, 2, 4, 8], middleBlocks: Int = 9,
    decoderBlocks: [Int] = [2, 2, 2, 2],
    scale: Int = 4, _ initialiser: WeightInitialiser
  ) {
    self.scale = scale
    depthIntro = Conv2d(1, channels, kernelSize: 3, padding: 1, initialiser)
    relativeIntro = Conv2d(1, channels, kernelSize: 3, padding: 1, initialiser)
    depthEncoder = NAFEncoder(channels, blocks: encoderBlocks, initialiser)
    relativeEncoder = NAFEncoder(channels, blocks: encoderBlocks, initialiser)
    let deepest = channels << encoderBlocks.count
    middle = (0..<middleBlocks).map { _ in NAFBlock(deepest, initialiser) }
    decoder = NAFDecoder(deepest, blocks: decoderBlocks, initialiser)
    ending = Conv2d(channels, 1, kernelSize: 3, padding: 1, initialiser)
  }

  public var members: [(name: String, member: Member)] {
    func encoder(_ intro: Conv2d, _ encoder: NAFEncoder) -> ModuleList {
      ModuleList(named: [("intro", intro), ("blocks", encoder.blockLists), ("downs", ModuleList(encoder.downs))])
    }
    return [
      ("depth_encoder", .module(encoder(depthIntro, depthEncoder))),
      ("relative_encoder", .module(encoder(relativeIntro, relativeEncoder))), ("middle", .module(ModuleList(middle))),
      (
        "decoder",
        .module(ModuleList(named: [("ups", decoder.upLists), ("blocks", decoder.blockLists)]))
      ), ("ending", .module(ending)),
    ]
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    guard let guide = input.guide else { preconditionFailure("this network needs a relative depth map as guide") }
    // A grey map read as an RGB guide has three equal channels.
    let relative = guide.c == 3 ? guide.channels(0..<1) : guide
    let base = input.image.enlarged(scale)
    precondition(
      relative.shape == base.shape, "a relative depth of shape \(relative.shape) for an output of shape \(base.shape)")
    let multiple = 1 << depthEncoder.downs.count
    func padded(_ x: Tensor) -> Tensor {
      x.zeroPadded(
        right: (multiple - x.w % multiple) % multiple, bottom: (multiple - x.h % multiple) % multiple)
    }
    let (depthSkips, depthBottom) = depthEncoder(depthIntro(padded(base)))
    let (relativeSkips, relativeBottom) = relativeEncoder(relativeIntro(padded(relative)))
    let skips = zip(relativeSkips, depthSkips).map { $0.adaptedStatistics(of: $1) }
    let bottom = relativeBottom.adaptedStatistics(of: depthBottom) + depthBottom
    let features = decoder(middle.reduce(bottom) { $1($0) }, skips: skips)
    return NetworkOutput(image: ending(features).cropped(height: base.h, width: base.w) + base)
  }
}

extension Tensor {
  /// Adaptive instance normalisation: each image's channels get the mean and deviation of those of `style`.
  /// Source: Huang and Belongie, ICCV 2017, equation 8.
  public func adaptedStatistics(of style: Tensor) -> Tensor {
    let own = globalAverage()
    let centred = shiftedByChannel(own.affine(-1))
    let factor = style.channelDeviation() / channelDeviation().squared().squareRoot(epsilon: 1e-5)
    return centred.scaledChannels(factor).shiftedByChannel(style.globalAverage())
  }

  /// Adds to each image's channels their own constant, `offsets` [n, c, 1, 1].
  func shiftedByChannel(_ offsets: Tensor) -> Tensor {
    precondition(offsets.count == n * c, "\(offsets.shape) offsets for the shape \(shape)")
    let (x, o) = (contiguous(), offsets.contiguous())
    let y = Tensor.empty(shape)
    let (from, to, values, area) = (x.reader, y.writer, o.reader, h * w)
    parallel(n * c) { plane in
      for i in plane * area..<(plane + 1) * area { to[i] = from[i] + values[plane] }
    }
    let (offsetShape, images, channels) = (offsets.shape, n, c)
    return y.recorded([x, o]) { gradient, needs in
      [
        gradient,
        needs[1] ? Tensor(gradient.channelSums().prefix(images * channels).map { Float($0) }, offsetShape) : nil,
      ]
    }
  }
}
