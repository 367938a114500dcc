/// A U-Net of blocks without activation functions: layer norms, depthwise convolutions and gates.
///
/// Input and output [n, c, h, w] have one size; sizes that are no multiple of 2^levels are padded with zeros and cut again.
/// With `scale` above 1 the network enlarges its input itself (bicubic). Parity: models/nafnet*, layers/nafnet_block.
/// Paper: Chen, Chu, Zhang, Sun, "Simple Baselines for Image Restoration", ECCV 2022.
public final class NAFNet: Network {
  static let kind = ModelKind(
    "nafnet", title: "NAFNet", summary: "Restoration U-Net without activation functions.",
    options: [
      .int("channels", 32, 1...4096, "Channels of the first level; the published sizes are 32 and 64."),
      .ints("encoder_blocks", [2, 2, 4, 8], each: 0...1000, "Blocks of each encoder level."),
      .int("middle_blocks", 12, 1...1000, "Blocks at the lowest level."),
      .ints("decoder_blocks", [2, 2, 2, 2], each: 0...1000, "Blocks of each decoder level, lowest first."),
      .imageChannels, .enlargement,
    ],
    photos: ["image_channels": 3], onnx: .graph(sides: 4),
    source: "Chen, Chu, Zhang, Sun, ECCV 2022; megvii-research/NAFNet", licence: "MIT, parts Apache-2.0",
    sizes: [
      ModelSize("32 for RGB", ["image_channels": 3], parameters: 29_159_715),
      ModelSize(
        "32 for RGB, denoising",
        [
          "image_channels": 3, "encoder_blocks": [1, 1, 1, 28], "middle_blocks": 1, "decoder_blocks": [1, 1, 1, 1],
        ], parameters: 17_111_907),
    ],
    examples: [["channels": 4, "encoder_blocks": [1, 1], "decoder_blocks": [1, 1], "middle_blocks": 1]],
    check: { options in
      options.ints("encoder_blocks").count == options.ints("decoder_blocks").count
        ? nil : "`encoder_blocks` and `decoder_blocks` need one number for each level"
    },
    make: { options, initialiser in
      NAFNet(
        imageChannels: options.int("image_channels"), channels: options.int("channels"),
        encoderBlocks: options.ints("encoder_blocks"), middleBlocks: options.int("middle_blocks"),
        decoderBlocks: options.ints("decoder_blocks"), scale: options.int("scale"), initialiser)
    })

  public let scale: Int
  public var imageChannels: Int { intro.weight.shape[1] }
  let intro: Conv2d
  let ending: Conv2d
  let encoder: NAFEncoder
  let middle: [NAFBlock]
  let decoder: NAFDecoder

  public init(
    imageChannels: Int = 3, channels: Int = 32, encoderBlocks: [Int] = [2, 2, 4, 8], middleBlocks: Int = 12,
    decoderBlocks: [Int] = [2, 2, 2, 2], scale: Int = 1, _ initialiser: WeightInitialiser
  ) {
    self.scale = scale
    intro = Conv2d(imageChannels, channels, kernelSize: 3, padding: 1, initialiser)
    encoder = NAFEncoder(channels, blocks: encoderBlocks, initialiser)
    let deepest = channels << encoderBlocks.count
    middle = (0..<middleBlocks).map { _ in NAFBlock(deepest, initialiser) }
    decoder = NAFDecoder(deepest, blocks: decoderBlocks, initialiser)
    ending = Conv2d(channels, imageChannels, kernelSize: 3, padding: 1, initialiser)
  }

  public var members: [(name: String, member: Member)] {
    [
      ("intro", .module(intro)), ("ending", .module(ending)), ("encoders", .module(encoder.blockLists)),
      ("decoders", .module(decoder.blockLists)), ("middle_blks", .module(ModuleList(middle))),
      ("ups", .module(decoder.upLists)), ("downs", .module(ModuleList(encoder.downs))),
    ]
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    let image = input.image.enlarged(scale)
    let multiple = 1 << encoder.downs.count
    func missing(_ size: Int) -> Int { (multiple - size % multiple) % multiple }
    let padded = image.zeroPadded(right: missing(image.w), bottom: missing(image.h))
    let (skips, bottom) = encoder(intro(padded))
    let features = decoder(middle.reduce(bottom) { $1($0) }, skips: skips)
    return NetworkOutput(image: (ending(features) + padded).cropped(height: image.h, width: image.w))
  }
}

/// Levels of blocks, each followed by a 2x2 convolution with stride 2 that doubles the channels.
final class NAFEncoder {
  let levels: [[NAFBlock]]
  let downs: [Conv2d]

  init(_ channels: Int, blocks: [Int], _ initialiser: WeightInitialiser) {
    levels = blocks.enumerated().map { level, count in
      (0..<count).map { _ in NAFBlock(channels << level, initialiser) }
    }
    downs = blocks.indices.map {
      Conv2d(channels << $0, channels << ($0 + 1), kernelSize: 2, stride: 2, initialiser)
    }
  }

  var blockLists: ModuleList { ModuleList(levels.map { ModuleList($0) }) }

  /// The outputs of the levels, highest resolution first, and the input of the lowest.
  func callAsFunction(_ x: Tensor) -> (skips: [Tensor], bottom: Tensor) {
    var x = x
    var skips: [Tensor] = []
    for (blocks, down) in zip(levels, downs) {
      let skip = blocks.reduce(x) { $1($0) }
      skips.append(skip)
      x = down(skip)
    }
    return (skips, x)
  }
}

/// Levels of a 1x1 convolution and pixel shuffle that halve the channels, the skip added, then blocks.
final class NAFDecoder {
  let levels: [[NAFBlock]]
  let ups: [Conv2d]

  init(_ deepest: Int, blocks: [Int], _ initialiser: WeightInitialiser) {
    levels = blocks.enumerated().map { level, count in
      (0..<count).map { _ in NAFBlock(deepest >> (level + 1), initialiser) }
    }
    ups = blocks.indices.map { Conv2d(deepest >> $0, 2 * (deepest >> $0), kernelSize: 1, bias: false, initialiser) }
  }

  var blockLists: ModuleList { ModuleList(levels.map { ModuleList($0) }) }
  var upLists: ModuleList { ModuleList(ups.map { ModuleList([$0]) }) }

  func callAsFunction(_ x: Tensor, skips: [Tensor]) -> Tensor {
    var x = x
    for (index, (blocks, up)) in zip(levels, ups).enumerated() {
      x = blocks.reduce(up(x).pixelShuffled(2) + skips[skips.count - 1 - index]) { $1($0) }
    }
    return x
  }
}
