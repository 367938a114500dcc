import Synchronization

/// One step of a computation in the record that a backward pass follows. It holds no tensor itself: what an operation needs
/// later lives in its backward closure and is freed as soon as that has run.
public final class Node {
  /// Made later, numbered higher: numbers order the backward pass.
  let number: Int
  let inputs: [Node?]
  /// From the gradient of the result to the gradients of the inputs; nil for inputs that want none.
  var backward: ((Tensor) -> [Tensor?])?
  /// For an operation of one input: adds its gradient to what the input already has, in one pass over memory.
  var adding: ((_ gradient: Tensor, _ existing: Tensor?) -> Tensor)?
  /// A leaf: where its gradient goes.
  let deliver: ((Tensor) -> Void)?
  var gradient: Tensor?
  /// Whether `gradient` is a sum made here, which may be added to in place.
  var ownsGradient = false

  init(
    inputs: [Node?], backward: ((Tensor) -> [Tensor?])?, adding: ((Tensor, Tensor?) -> Tensor)? = nil,
    deliver: ((Tensor) -> Void)? = nil
  ) {
    number = Node.made.add(1, ordering: .relaxed).newValue
    self.inputs = inputs
    self.backward = backward
    self.adding = adding
    self.deliver = deliver
  }

  private static let made = Atomic<Int>(0)
}

extension Tensor {
  /// Records this tensor as the result of an operation on `inputs`, unless no input wants a gradient.
  ///
  /// `backward` gets the gradient of this tensor (of its shape; any layout) and returns one gradient for each input, each
  /// of its input's shape, or nil where `needs` says that none is wanted. It must capture only what it reads.
  ///
  ///     public func scaled(by factor: Float) -> Tensor {
  ///       let result = Tensor.empty(shape)
  ///       let x = contiguous()
  ///       let (from, to) = (x.reader, result.writer)
  ///       parallelChunks(count) { for i in $0 { to[i] = from[i] * factor } }
  ///       return result.recorded([self]) { gradient, _ in [gradient.scaled(by: factor)] }
  ///     }
  public func recorded(
    _ inputs: [Tensor?], backward: @escaping (_ gradient: Tensor, _ needs: [Bool]) -> [Tensor?]
  ) -> Tensor {
    guard NN.recordsGradients, inputs.contains(where: { $0?.node != nil }) else { return self }
    let needs = inputs.map { $0?.node != nil }
    node = Node(inputs: inputs.map { $0?.node }, backward: { backward($0, needs) })
    return self
  }

  /// `recorded` for an operation of one input whose backward pass adds to the gradient that the input already has, if any,
  /// and returns the sum in new memory.
  func recorded(_ input: Tensor, adding: @escaping (_ gradient: Tensor, _ existing: Tensor?) -> Tensor) -> Tensor {
    guard NN.recordsGradients, let inputNode = input.node else { return self }
    node = Node(inputs: [inputNode], backward: nil, adding: adding)
    return self
  }

  /// This tensor as a variable: `deliver` gets its gradient when a backward pass reaches it.
  public func variable(_ deliver: @escaping (Tensor) -> Void) -> Tensor {
    with(node: Node(inputs: [], backward: nil, deliver: deliver))
  }

  /// Runs the backward pass from this tensor: every variable and parameter it depends on receives its gradient, which is
  /// added to what it already has. The record is used up by it.
  /// - Parameter gradient: the gradient of this tensor; 1 for a single number when left out.
  public func backward(_ gradient: Tensor? = nil) {
    guard let root = node else { return }
    precondition(gradient != nil || count == 1, "the gradient of a tensor of shape \(shape) must be given")
    let seed = gradient ?? Tensor.filled(shape, 1)
    precondition(seed.shape == shape, "a gradient of shape \(seed.shape) for a tensor of shape \(shape)")
    node = nil
    NN.withoutGradients {
      var heap = NodeHeap()
      root.gradient = seed.detached()
      heap.insert(root)
      while let node = heap.removeLatest() {
        guard let gradient = node.gradient else { continue }
        node.gradient = nil
        node.deliver?(gradient)
        if let adding = node.adding, let input = node.inputs[0] {
          node.adding = nil
          input.gradient = adding(gradient, input.gradient)
          input.ownsGradient = true
          heap.insert(input)
          continue
        }
        guard let backward = node.backward else { continue }
        node.backward = nil
        let results = backward(gradient)
        for (input, result) in zip(node.inputs, results) {
          guard let input, let result else { continue }
          input.add(result)
          heap.insert(input)
        }
      }
    }
  }
}

extension Node {
  fileprivate func add(_ other: Tensor) {
    guard let own = gradient else {
      gradient = other
      return
    }
    precondition(own.shape == other.shape, "gradients of shapes \(own.shape) and \(other.shape) for one tensor")
    if ownsGradient {
      own.addInPlace(other)
      own.statistics = nil
    } else {
      gradient = own.sum(with: other)
      ownsGradient = true
    }
  }
}

/// Nodes waiting for their turn, the latest made first; each is in it once.
private struct NodeHeap {
  private var nodes: [Node] = []
  private var members: Set<ObjectIdentifier> = []

  mutating func insert(_ node: Node) {
    guard members.insert(ObjectIdentifier(node)).inserted else { return }
    nodes.append(node)
    var child = nodes.count - 1
    while child > 0, nodes[(child - 1) / 2].number < nodes[child].number {
      nodes.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeLatest() -> Node? {
    guard let latest = nodes.first else { return nil }
    members.remove(ObjectIdentifier(latest))
    nodes.swapAt(0, nodes.count - 1)
    nodes.removeLast()
    var parent = 0
    while true {
      var largest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < nodes.count {
        if nodes[child].number > nodes[largest].number { largest = child }
      }
      if largest == parent { return latest }
      nodes.swapAt(parent, largest)
      parent = largest
    }
  }
}
