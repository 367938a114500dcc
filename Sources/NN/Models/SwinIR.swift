import Basics

/// Restoration by Swin transformer blocks between convolutions. The default is the notebook's "tiny" configuration; the
/// published sizes are reached by the options.
///
/// Input [n, c, h, w], output [n, c, s h, s w], not clamped. Sizes that are no multiple of the window are padded by reflection
/// and cut again. Parity: models/swinir_tiny*, layers/swin_block_shifted. Paper: Liang, Cao, Sun, Zhang, Van Gool, Timofte,
/// "SwinIR: Image Restoration Using Swin Transformer", ICCV Workshops 2021.
public final class SwinIR: Network {
  static let kind = ModelKind(
    "swinir", title: "SwinIR",
    summary: "Swin-transformer restoration; the defaults are SwinIR-tiny of the study's notebook.",
    options: [
      .int("scale", 4, 1...64, "Output side over input side."),
      .int("image_channels", 1, among: [1, 3], "1 for depth, 3 for RGB (whose DIV2K mean is then subtracted)."),
      .int("image_size", 64, 1...8192, "Input side for which the masks in the state dictionary are made."),
      .int("window", 8, 1...256, "Side of a window in pixels."),
      .double("image_range", 1, 0.001...100_000, "The input is multiplied by this inside the network."),
      .ints("depths", [4, 4], each: 1...1000, "Blocks of each group."),
      .int("channels", 48, 1...4096, "Channels of a token."),
      .ints("heads", [4, 4], each: 1...4096, "Attention heads of each group."),
      .double("mlp_ratio", 2, 1e-3...1000, "Hidden channels of the perceptrons over channels."),
      .choice(
        "upsampler", "pixelshuffledirect", among: ["pixelshuffledirect", "pixelshuffle"],
        "`pixelshuffledirect` (light: one convolution and shuffle) or `pixelshuffle` (classical: 64 channels)."),
      .double("drop_path", 0.1, 0...0.999, "Largest rate of dropped residual branches in training."),
    ],
    photos: ["image_channels": 3], onnx: .graph(sides: 8),
    source: "Liang et al., ICCV Workshops 2021; JingyunLiang/SwinIR", licence: "Apache-2.0",
    sizes: [
      ModelSize("tiny", parameters: 228_832),
      // Classical super-resolution, as published for x4 with patches of 48.
      ModelSize(
        "M",
        [
          "image_channels": 3, "image_size": 48, "depths": [6, 6, 6, 6, 6, 6], "channels": 180,
          "heads": [6, 6, 6, 6, 6, 6], "upsampler": "pixelshuffle",
        ], parameters: 11_900_199),
    ],
    examples: [
      ["channels": 16, "depths": [2], "heads": [2]], ["channels": 8, "depths": [2, 2], "heads": [2, 2]],
      ["channels": 8, "depths": [2], "heads": [4], "upsampler": "pixelshuffle", "image_channels": 3],
    ],
    check: { options in
      let (heads, channels, scale) = (options.ints("heads"), options.int("channels"), options.int("scale"))
      if heads.count != options.ints("depths").count || !heads.allSatisfy({ channels % $0 == 0 }) {
        return "`heads` needs a divisor of `channels` for each of `depths`"
      }
      if options.string("upsampler") == "pixelshuffle", !ShuffleUpsampler.supports(scale) {
        return "with `upsampler` pixelshuffle `scale` must be 3 or a power of 2, not \(scale)"
      }
      return nil
    },
    make: { options, initialiser in
      var setup = Configuration()
      setup.scale = options.int("scale")
      setup.imageChannels = options.int("image_channels")
      setup.imageSize = options.int("image_size")
      setup.window = options.int("window")
      setup.range = Float(options.double("image_range"))
      setup.depths = options.ints("depths")
      setup.channels = options.int("channels")
      setup.heads = options.ints("heads")
      setup.mlpRatio = options.double("mlp_ratio")
      setup.dropPath = options.double("drop_path")
      setup.upsampler = options.string("upsampler") == "pixelshuffle" ? .pixelshuffle : .pixelshuffledirect
      return SwinIR(setup, initialiser)
    })

  public enum Upsampler: String, Sendable { case pixelshuffledirect, pixelshuffle }

  /// The sizes of a network.
  public struct Configuration: Sendable {
    public var scale = 4
    public var imageChannels = 1
    public var imageSize = 64
    public var window = 8
    public var range: Float = 1
    public var depths = [4, 4]
    public var channels = 48
    public var heads = [4, 4]
    public var mlpRatio = 2.0
    public var upsampler = Upsampler.pixelshuffledirect
    public var dropPath = 0.1
    public init() {}
  }

  public let setup: Configuration
  public var scale: Int { setup.scale }
  public var imageChannels: Int { setup.imageChannels }
  /// A token sees its window in every block and one pixel more in every convolution. Tiles on the grid of windows keep them.
  public var reach: Int? { setup.window * setup.depths.reduce(0, +) + setup.depths.count + 5 }
  let mean: [Float]
  let first: Conv2d
  let patchNorm: LayerNorm
  let groups: [(blocks: [SwinBlock], convolution: Conv2d)]
  let norm: LayerNorm
  let afterBody: Conv2d
  let direct: Conv2d?
  let before: Conv2d?
  let upsample: ShuffleUpsampler?
  let last: Conv2d?

  public init(_ setup: Configuration, _ initialiser: WeightInitialiser) {
    self.setup = setup
    let c = setup.channels
    func convolution(_ inputs: Int, _ outputs: Int) -> Conv2d {
      Conv2d(inputs, outputs, kernelSize: 3, padding: 1, initialiser)
    }
    mean =
      setup.imageChannels == 3 ? [0.4488, 0.4371, 0.4040] : [Float](repeating: 0, count: setup.imageChannels)
    first = convolution(setup.imageChannels, c)
    patchNorm = LayerNorm(c, epsilon: 1e-5)
    let total = setup.depths.reduce(0, +)
    var index = 0
    var groups: [(blocks: [SwinBlock], convolution: Conv2d)] = []
    for (depth, heads) in zip(setup.depths, setup.heads) {
      var blocks: [SwinBlock] = []
      for place in 0..<depth {
        blocks.append(
          SwinBlock(
            channels: c, heads: heads, window: setup.window, shift: place % 2 == 0 ? 0 : setup.window / 2,
            gridSize: setup.imageSize, mlpRatio: setup.mlpRatio,
            dropPath: total > 1 ? setup.dropPath * Double(index) / Double(total - 1) : 0, initialiser))
        index += 1
      }
      groups.append((blocks, convolution(c, c)))
    }
    self.groups = groups
    norm = LayerNorm(c, epsilon: 1e-5)
    afterBody = convolution(c, c)
    let isDirect = setup.upsampler == .pixelshuffledirect
    direct = isDirect ? convolution(c, setup.imageChannels * setup.scale * setup.scale) : nil
    before = isDirect ? nil : convolution(c, 64)
    upsample = isDirect ? nil : ShuffleUpsampler(64, scale: setup.scale, initialiser)
    last = isDirect ? nil : convolution(64, setup.imageChannels)
  }

  public var members: [(name: String, member: Member)] {
    let layers = groups.map { group in
      ModuleList(named: [
        ("residual_group", ModuleList(named: [("blocks", ModuleList(group.blocks))])), ("conv", group.convolution),
      ])
    }
    var members: [(name: String, member: Member)] = [
      ("conv_first", .module(first)), ("patch_embed", .module(ModuleList(named: [("norm", patchNorm)]))),
      ("layers", .module(ModuleList(layers))), ("norm", .module(norm)), ("conv_after_body", .module(afterBody)),
    ]
    if let direct { members.append(("upsample", .module(ModuleList([direct])))) }
    if let before { members.append(("conv_before_upsample", .module(ModuleList([before])))) }
    if let upsample { members.append(("upsample", .module(upsample))) }
    if let last { members.append(("conv_last", .module(last))) }
    return members
  }

  public func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    let low = input.image
    func missing(_ size: Int) -> Int { (setup.window - size % setup.window) % setup.window }
    let padded = low.reflectPadded(right: missing(low.w), bottom: missing(low.h))
    let start = first(padded.shiftedChannels(mean.map { -$0 }).affine(setup.range))
    let (n, c, h, w) = (start.n, start.c, start.h, start.w)
    func image(_ tokens: Tensor) -> Tensor { tokens.reshaped([n, h, w, c]).permuted([0, 3, 1, 2]) }
    func tokens(_ image: Tensor) -> Tensor { image.permuted([0, 2, 3, 1]).reshaped([n, h * w, c]) }
    var x = patchNorm(tokens(start))
    for group in groups {
      let result = group.blocks.reduce(x) { $1($0, height: h, width: w) }
      x = tokens(group.convolution(image(result))) + x
    }
    var features = afterBody(image(norm(x))) + start
    if let direct {
      features = direct(features).pixelShuffled(scale)
    } else if let before, let upsample, let last {
      features = last(upsample(before(features).leakyReLU(0.01)))
    }
    let output = features.affine(1 / setup.range).shiftedChannels(mean)
    return NetworkOutput(image: output.cropped(height: low.h * scale, width: low.w * scale))
  }
}

/// Window attention and a perceptron, each behind a layer norm and added to its input. Shifted blocks roll the grid first and
/// keep tokens that were not neighbours apart by a mask. Parity: layers/swin_block_shifted.
public final class SwinBlock: Module {
  let heads: Int
  let window: Int
  let shift: Int
  let gridSize: Int
  let dropPath: Double
  let norm1: LayerNorm, norm2: LayerNorm
  let qkv: Linear, projection: Linear, fc1: Linear, fc2: Linear
  let biasTable: Parameter
  let relativePositions: Buffer
  let mask: Buffer?
  private let tables: WindowAttentionTables
  private var isTraining = true

  /// - Parameters:
  ///   - gridSize: side of the grid for which the mask in the state dictionary is made; others are made when needed.
  ///   - dropPath: chance that a residual branch is left out for a sample in training.
  public init(
    channels c: Int, heads: Int, window: Int, shift: Int, gridSize: Int, mlpRatio: Double, dropPath: Double = 0,
    _ initialiser: WeightInitialiser
  ) {
    (self.heads, self.gridSize, self.dropPath) = (heads, gridSize, dropPath)
    // A grid of one window needs no shift.
    self.window = min(window, gridSize)
    self.shift = gridSize <= window ? 0 : shift
    tables = WindowAttentionTables(window: self.window)
    norm1 = LayerNorm(c, epsilon: 1e-5)
    norm2 = LayerNorm(c, epsilon: 1e-5)
    qkv = Linear(c, 3 * c, initialiser)
    projection = Linear(c, c, initialiser)
    let hidden = Int(Double(c) * mlpRatio)
    fc1 = Linear(c, hidden, initialiser)
    fc2 = Linear(hidden, c, initialiser)
    let side = 2 * self.window - 1
    biasTable = Parameter(initialiser.normal([side * side, heads], deviation: 0.02))
    let area = self.window * self.window
    relativePositions = Buffer(.int(tables.relativePositions, shape: [area, area]))
    mask =
      self.shift == 0 ? nil : Buffer(.float(tables.mask(height: gridSize, width: gridSize, shift: self.shift)))
  }

  public var members: [(name: String, member: Member)] {
    var members: [(name: String, member: Member)] = []
    if let mask { members.append(("attn_mask", .buffer(mask))) }
    return members + [
      ("norm1", .module(norm1)),
      ("attn.relative_position_bias_table", .parameter(biasTable)),
      ("attn.relative_position_index", .buffer(relativePositions)), ("attn.qkv", .module(qkv)),
      ("attn.proj", .module(projection)), ("norm2", .module(norm2)), ("mlp.fc1", .module(fc1)),
      ("mlp.fc2", .module(fc2)),
    ]
  }

  public func setTraining(_ training: Bool) { isTraining = training }

  /// Tokens [n, height * width, c], both sides multiples of the window.
  public func callAsFunction(_ x: Tensor, height: Int, width: Int) -> Tensor {
    let (n, c, area) = (x.shape[0], x.shape[2], window * window)
    let windows = height / window * (width / window)
    let cut = windowMap(height: height, width: width)
    let joined = GatherMap(sourceCount: cut.sourceCount, indices: inverse(cut.indices))
    let parts = norm1(x).gathered(cut, planes: n, run: c, shape: [n * windows, area, c])
    let attended = qkv(parts).windowAttention(
      heads: heads, biasTable: biasTable.tensor, relativePositions: tables.relativePositions,
      mask: mask(height: height, width: width))
    let back = projection(attended).gathered(joined, planes: n, run: c, shape: [n, height * width, c])
    let middle = x + dropped(back)
    return middle + dropped(fc2(fc1(norm2(middle)).gelu()))
  }

  /// For each token of each window its place in the grid before the roll by -shift.
  private func windowMap(height: Int, width: Int) -> GatherMap {
    var indices: [Int32] = []
    indices.reserveCapacity(height * width)
    for row in stride(from: 0, to: height, by: window) {
      for column in stride(from: 0, to: width, by: window) {
        for i in 0..<window {
          for j in 0..<window {
            indices.append(Int32((row + i + shift) % height * width + (column + j + shift) % width))
          }
        }
      }
    }
    return GatherMap(sourceCount: height * width, indices: indices)
  }

  private func inverse(_ indices: [Int32]) -> [Int32] {
    var result = indices
    for (place, index) in indices.enumerated() { result[Int(index)] = Int32(place) }
    return result
  }

  private func mask(height: Int, width: Int) -> Tensor? {
    guard let mask else { return nil }
    return height == gridSize && width == gridSize
      ? mask.tensor : tables.mask(height: height, width: width, shift: shift)
  }

  /// Stochastic depth: in training the branch is left out for some samples and enlarged for the others. Which ones follows
  /// from the bits of the branch itself, so that no generator's state is needed to resume a training bit for bit.
  private func dropped(_ branch: Tensor) -> Tensor {
    guard isTraining, dropPath > 0, NN.recordsGradients else { return branch }
    let plain = branch.contiguous()
    let (samples, each) = (plain.shape[0], plain.count / plain.shape[0])
    let factors = (0..<samples).map { sample -> Float in
      var mixed: UInt64 = 0
      for i in stride(from: 0, to: each, by: max(1, each / 64)) {
        mixed = mixed &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(plain.reader[sample * each + i].bitPattern)
      }
      var random = SeededRandom(seed: mixed)
      return random.uniform() < dropPath ? 0 : Float(1 / (1 - dropPath))
    }
    func scaled(_ x: Tensor) -> Tensor {
      let result = Tensor.empty(x.shape)
      let (from, to) = (x.reader, result.writer)
      parallelChunks(samples * each) { range in
        for i in range { to[i] = from[i] * factors[i / each] }
      }
      return result
    }
    return scaled(plain).recorded([plain]) { gradient, _ in [scaled(gradient.contiguous())] }
  }
}
