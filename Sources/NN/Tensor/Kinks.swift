import Basics

/// Which branch each element took at the kinks of ReLU, clamp and max pooling: written down by one forward pass, imposed on
/// another one.
///
/// Two algorithms that differ in rounding alone may put an argument within rounding of a kink on different branches, and the
/// gradient behind it jumps. To compare gradients, the arguments of one pass are moved to the branches that they took in the
/// other: by no more than their distance to the kink, which is reported and can be held to the rounding of single precision.
/// Nothing else changes: the kernels of both directions run as ever. Without a record in force an operation pays one look at a
/// task-local value.
///
/// It covers `relu`, `leakyReLU`, `prelu`, `clamped`, the choices of `maxPooled2x2`, the reading places of `deformablyConvolved`,
/// and the operations that contain them, in the order of their calls, where gradients are recorded. Losses are not covered.
public final class Kinks: @unchecked Sendable {  // a task-local value of the one task that uses it
  /// The arguments that were moved.
  public struct Moved: Sendable, Hashable {
    /// Arguments that lay on the other side.
    public var count = 0
    /// All arguments of the operations.
    public var total = 0
    /// The largest distance that one was moved, in roundings of its operation: 2^-24 of the largest argument's magnitude.
    public var farthest: Float = 0
    /// Whether both passes ran the same operations on the same shapes.
    public var isComplete = true
  }

  @TaskLocal private static var current: Kinks?
  private var sides: [[Int32]] = []
  /// The operation whose turn it is when sides are imposed; nil while they are written down.
  private var next: Int?
  private var moved = Moved()

  private init() {}

  /// Runs `body` and writes down the sides.
  public static func recorded<Result>(_ body: () throws -> Result) rethrows -> (result: Result, kinks: Kinks) {
    let kinks = Kinks()
    return (try $current.withValue(kinks) { try body() }, kinks)
  }

  /// Runs `body` with these sides. It must run the operations that were written down, each on arguments of the same shape.
  public func imposed<Result>(_ body: () throws -> Result) rethrows -> (result: Result, moved: Moved) {
    (next, moved) = (0, Moved())
    let result = try Kinks.$current.withValue(self) { try body() }
    if next != sides.count { moved.isComplete = false }
    return (result, moved)
  }

  /// The record in force for operations that a gradient may flow through.
  static var active: Kinks? { current.flatMap { NN.recordsGradients ? $0 : nil } }

  /// Writes the sides of an operation's arguments down, or has those moved that lie on another side than imposed.
  /// - Parameters:
  ///   - found: the side of each argument, in row-major order of the shape.
  ///   - magnitude: of the largest argument.
  ///   - move: moves an argument to a side and returns by how much.
  func align(_ found: [Int32], magnitude: Float, move: (_ index: Int, _ side: Int32) -> Float) {
    guard let turn = next else {
      sides.append(found)
      return
    }
    next = turn + 1
    guard turn < sides.count, sides[turn].count == found.count else {
      moved.isComplete = false
      return
    }
    moved.total += found.count
    let rounding = max(magnitude, .leastNormalMagnitude) * .ulpOfOne / 2
    for (index, side) in sides[turn].enumerated() where found[index] != side {
      moved.count += 1
      moved.farthest = max(moved.farthest, move(index, side) / rounding)
    }
  }
}

extension Kinks {
  /// Where the kinks of an element-wise operation are.
  enum Kind {
    /// At 0, which belongs to the left.
    case zero
    /// At both ends of a range, which belong to the outside.
    case range(Float, Float)

    func side(_ value: Float) -> Int32 {
      switch self {
      case .zero: value > 0 ? 1 : 0
      case .range(let low, let high): value >= high ? 2 : value > low ? 1 : 0
      }
    }

    /// The place on a side that is nearest to a value on another one.
    func nearest(_ value: Float, on side: Int32) -> Float {
      switch self {
      case .zero: side == 1 ? .leastNormalMagnitude : 0
      case .range(let low, let high): side == 0 ? low : side == 2 ? high : value <= low ? low.nextUp : high.nextDown
      }
    }
  }

  static func magnitude(_ values: [Float]) -> Float { values.reduce(0) { max($0, abs($1)) } }
}

extension Tensor {
  /// These values with each on the branch that a record in force imposes; normally just these values.
  func aligned(atKinks kind: Kinks.Kind) -> Tensor {
    guard let kinks = Kinks.active else { return self }
    return aligned(atKinks: kind, of: values, kinks)
  }

  /// These values of a function of `arguments` that keeps their branches, each on the branch that a record imposes.
  func aligned(atKinks kind: Kinks.Kind, of arguments: [Float], _ kinks: Kinks) -> Tensor {
    var moves: [(index: Int, value: Float)] = []
    kinks.align(arguments.map { kind.side($0) }, magnitude: Kinks.magnitude(arguments)) { index, side in
      let value = kind.nearest(arguments[index], on: side)
      moves.append((index, value))
      return abs(value - arguments[index])
    }
    return replacing(moves)
  }

  /// These values with other ones at places given in row-major order; the gradient passes through.
  func replacing(_ moves: [(index: Int, value: Float)]) -> Tensor {
    guard !moves.isEmpty else { return self }
    let source = dense()
    let result = source.emptyLike()
    result.writer.update(from: source.reader, count: source.denseCount)
    for move in moves { result.writer[result.place(of: move.index)] = move.value }
    return result.with(node: source.node)
  }

  /// Where the element with a row-major index lies.
  func place(of index: Int) -> Int {
    guard case .channelsLast(let stride) = layout else { return index }
    let (area, plane) = (h * w, index / (h * w))
    return (plane / c * area + index % area) * stride + plane % c
  }
}
