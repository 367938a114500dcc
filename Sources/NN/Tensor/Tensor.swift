import Basics

/// An array of float32 with a shape, and the record of how it was computed when gradients are wanted.
///
/// Shapes are in PyTorch's order, `[n, c, h, w]` for images. A tensor is made once and not changed afterwards: only the code of
/// an operation writes to one, before anybody else sees it. Memory that does change over time has one owner, which writes it
/// between passes: the value of a `Parameter` (`update`), sums of gradients, the memories of optimisers and averages. Not for
/// use from several tasks at once.
public final class Tensor {
  /// Sizes of the axes; empty for a single number.
  public let shape: [Int]
  public let layout: Layout
  let offset: Int
  /// How the values follow from others in one cheap pass; operations that know how read those, so that these are never
  /// stored. Nil for a tensor in memory of its own.
  let recipe: Recipe?
  private var made: Storage?
  /// Statistics taken while this gradient was written.
  var statistics: GradientStatistics?
  /// How this tensor was computed; nil when no gradient flows through it.
  public internal(set) var node: Node?

  init(shape: [Int], layout: Layout, storage: Storage, offset: Int, node: Node? = nil) {
    self.shape = shape
    self.layout = layout
    made = storage
    recipe = nil
    self.offset = offset
    self.node = node
  }

  /// Values that are made when somebody asks for them.
  init(shape: [Int], recipe: Recipe, node: Node? = nil) {
    self.shape = shape
    layout = .channelsLast(stride: Tensor.padded(shape[1]))
    offset = 0
    self.recipe = recipe
    self.node = node
  }

  /// The memory; made now when there is only a recipe.
  var storage: Storage {
    if let made { return made }
    let storage = recipe!.make(shape)  // a tensor has memory or a recipe
    made = storage
    return storage
  }

  /// The recipe, as long as nobody asked for the values themselves.
  var pending: Recipe? { made == nil ? recipe : nil }

  /// Uninitialised memory; the operation that makes it writes every element, zeros in channel padding included.
  public static func empty(_ shape: [Int], _ layout: Layout = .contiguous) -> Tensor {
    let count: Int
    switch layout {
    case .contiguous: count = shape.reduce(1, *)
    case .channelsLast(let stride):
      precondition(shape.count == 4, "channels-last needs the rank 4, not the shape \(shape)")
      precondition(
        stride % 16 == 0 && stride >= padded(shape[1]), "the stride \(stride) does not hold \(shape[1]) channels")
      count = shape[0] * shape[2] * shape[3] * stride
    }
    return Tensor(shape: shape, layout: layout, storage: Storage(count: count), offset: 0)
  }

  /// Uninitialised channels-last memory without gaps between pixels.
  public static func emptyChannelsLast(_ shape: [Int]) -> Tensor {
    empty(shape, .channelsLast(stride: padded(shape[1])))
  }

  public static func zeros(_ shape: [Int], _ layout: Layout = .contiguous) -> Tensor { filled(shape, 0, layout) }

  /// All elements equal `value`; for another value than 0 the layout is contiguous.
  public static func filled(_ shape: [Int], _ value: Float, _ layout: Layout = .contiguous) -> Tensor {
    precondition(value == 0 || layout == .contiguous, "channel padding must be zero")
    let tensor = empty(shape, layout)
    tensor.writer.update(repeating: value, count: tensor.storage.count)
    return tensor
  }

  /// A contiguous tensor of these values.
  public convenience init(_ values: [Float], _ shape: [Int]) {
    precondition(
      values.count == shape.reduce(1, *), "\(values.count) values do not fill the shape \(shape)")
    self.init(shape: shape, layout: .contiguous, storage: Storage(count: values.count), offset: 0)
    values.withReader { writer.update(from: $0, count: values.count) }
  }

  public var rank: Int { shape.count }
  /// Number of elements, padding not counted.
  public var count: Int { shape.reduce(1, *) }
  public var isContiguous: Bool { layout == .contiguous }
  /// Whether a gradient flows back through this tensor.
  public var needsGradient: Bool { node != nil }

  /// The elements in row-major order of the shape.
  public var values: [Float] {
    let plain = NN.withoutGradients { contiguous() }
    let (elements, count) = (plain.reader, plain.count)
    return Array(unsafeUninitializedCapacity: count) { buffer, initialised in
      buffer.baseAddress?.initialize(from: elements.pointer, count: count)
      initialised = count
    }
  }

  /// The only element.
  public var item: Float {
    precondition(count == 1, "a tensor of the shape \(shape) is not a single number")
    return reader[0]
  }

  /// These values without the record of how they were computed.
  public func detached() -> Tensor { with(node: nil) }

  /// These values with another record.
  func with(node: Node?) -> Tensor {
    if let pending { return Tensor(shape: shape, recipe: pending, node: node) }
    return Tensor(shape: shape, layout: layout, storage: storage, offset: offset, node: node)
  }

  /// An input as a backward pass keeps it: the recipe alone where there is one.
  func kept() -> Tensor {
    guard let recipe else { return detached() }
    return Tensor(shape: shape, recipe: recipe.kept())
  }

  /// Channels with padding: the next multiple of 16.
  public static func padded(_ channels: Int) -> Int { (channels + 15) / 16 * 16 }
}

extension Tensor {
  // Image axes of a rank-4 tensor.
  public var n: Int { shape[0] }
  public var c: Int { shape[1] }
  public var h: Int { shape[2] }
  public var w: Int { shape[3] }
  /// Pixels in all images together.
  var pixels: Int { shape[0] * shape[2] * shape[3] }
  /// Floats from one pixel to the next; channels-last only.
  var pixelStride: Int {
    guard case .channelsLast(let stride) = layout else {
      preconditionFailure("a contiguous tensor has no pixel stride")
    }
    return stride
  }
  var paddedChannels: Int { Tensor.padded(shape[1]) }
  /// Whether nothing lies between the elements but channel padding, so that an element-wise loop may run over all floats.
  var isDense: Bool {
    switch layout {
    case .contiguous: true
    case .channelsLast(let stride): stride == paddedChannels
    }
  }
  /// Floats from the first to the last when dense, channel padding included.
  var denseCount: Int { isContiguous ? count : pixels * paddedChannels }
}

extension Tensor: CustomStringConvertible {
  public var description: String {
    let head = values.prefix(8).map { String($0) }.joined(separator: ", ")
    return "Tensor\(shape)[\(head)\(count > 8 ? ", ..." : "")]"
  }
}
