import Basics

/// Decides what happens next; does nothing itself. A pure state machine over positions in the pipeline: the runner tells it
/// what happened and performs the actions it returns.
///
/// Invariants: an instance is evaluated only when all it reads from is done; the declared cores and memory of what runs
/// never exceed the limits, except that one instance alone may; every instance ends in exactly one final state.
struct Scheduler: Sendable {
  /// Where an instance stands.
  enum State: Hashable, Sendable {
    /// Reads from something that is not done.
    case blocked
    case ready
    case evaluating
    /// Has work to do and waits for cores and memory, or for the time of its next attempt.
    case queued
    case running
    case done
    case failed
    /// At a gate.
    case waiting
    /// Cannot run because something it reads from failed or waits.
    case cut(by: Int, isWaiting: Bool)
    case stopped
    /// Not asked for.
    case left

    var isFinal: Bool {
      switch self {
      case .done, .failed, .waiting, .cut, .stopped, .left: true
      default: false
      }
    }
  }

  struct Demand: Hashable, Sendable {
    var cpus: Int
    var memory: Int
    /// Waits in a queue of its own, which knows what is free where.
    var isBatch = false

    static let batch = Demand(cpus: 0, memory: 0, isBatch: true)
  }

  enum Action: Hashable, Sendable {
    /// Find out whether there is work to do.
    case evaluate(Int)
    case launch(Int)
  }

  private(set) var states: [State]
  private let graph: Graph
  private let limits: Demand
  private let maxJobs: Int
  private let maxBatchJobs: Int
  private let keepGoing: Bool
  private var demands: [Int: Demand] = [:]
  private var used = Demand(cpus: 0, memory: 0)
  private var running: Set<Int> = []
  /// Those of `running` that are batch jobs.
  private var batch: Set<Int> = []
  private var queue: [Int] = []
  private var remaining: [Int]
  private var ready: [Int] = []
  private(set) var isStopping = false
  private var hasFailed = false
  private var open: Int

  /// - Parameters:
  ///   - wanted: the instances to bring up to date; must hold all they read from.
  ///   - maxJobs: at once, of both kinds together.
  init(
    graph: Graph, wanted: Set<Int>, limits: Demand, maxJobs: Int, maxBatchJobs: Int = 0, keepGoing: Bool
  ) {
    self.graph = graph
    self.limits = limits
    self.maxJobs = maxJobs
    self.maxBatchJobs = maxBatchJobs
    self.keepGoing = keepGoing
    states = (0..<graph.count).map { wanted.contains($0) ? .blocked : .left }
    remaining = graph.upstream.map(\.count)
    open = wanted.count
    for vertex in 0..<graph.count where wanted.contains(vertex) && remaining[vertex] == 0 {
      states[vertex] = .ready
      ready.append(vertex)
    }
  }

  /// Whether nothing is left to do.
  var isFinished: Bool { open == 0 }

  /// Actions that are possible now. Call after every change.
  mutating func actions() -> [Action] {
    var actions: [Action] = []
    if isStopping || (hasFailed && !keepGoing) {
      for vertex in ready + queue { finish(vertex, .stopped) }
      ready = []
      queue = []
      if running.isEmpty, !states.contains(.evaluating) { abandonBlocked() }
      return []
    }
    for vertex in ready {
      states[vertex] = .evaluating
      actions.append(.evaluate(vertex))
    }
    ready = []
    var index = 0
    // Instances further back may be smaller, but must not starve those that wait for cores: order is kept.
    var coresAreKept = false
    while index < queue.count {
      let vertex = queue[index]
      let demand = demand(of: vertex)
      guard fits(demand), demand.isBatch || !coresAreKept else {
        if !demand.isBatch, used.cpus + demand.cpus > limits.cpus { coresAreKept = true }
        // Nothing of either kind can follow.
        if coresAreKept, running.count >= maxJobs || batch.count >= maxBatchJobs { break }
        index += 1
        continue
      }
      queue.remove(at: index)
      running.insert(vertex)
      if demand.isBatch { batch.insert(vertex) }
      used.cpus += demand.cpus
      used.memory += demand.memory
      states[vertex] = .running
      actions.append(.launch(vertex))
    }
    return actions
  }

  private func demand(of vertex: Int) -> Demand {
    guard let demand = demands[vertex] else { preconditionFailure("instance \(vertex) is queued without a demand") }
    return demand
  }

  private func fits(_ demand: Demand) -> Bool {
    if running.isEmpty { return true }
    guard running.count < maxJobs else { return false }
    if demand.isBatch { return batch.count < maxBatchJobs }
    // One instance alone may need more than there is.
    return running.count == batch.count
      || used.cpus + demand.cpus <= limits.cpus && used.memory + demand.memory <= limits.memory
  }

  // MARK: - What happened

  /// Evaluated: there is work, which needs this much.
  mutating func needsRun(_ vertex: Int, _ demand: Demand) {
    demands[vertex] = demand
    states[vertex] = .queued
    var low = 0
    var high = queue.count
    while low < high {
      let middle = (low + high) / 2
      if queue[middle] < vertex { low = middle + 1 } else { high = middle }
    }
    queue.insert(vertex, at: low)
  }

  /// Its result is there.
  mutating func done(_ vertex: Int) {
    release(vertex)
    finish(vertex, .done)
    for next in graph.downstream[vertex] {
      remaining[next] -= 1
      if remaining[next] == 0, states[next] == .blocked {
        states[next] = .ready
        ready.append(next)
      }
    }
  }

  mutating func failed(_ vertex: Int) {
    release(vertex)
    hasFailed = true
    finish(vertex, .failed)
    cut(below: vertex, isWaiting: false)
  }

  mutating func waiting(_ vertex: Int) {
    release(vertex)
    finish(vertex, .waiting)
    cut(below: vertex, isWaiting: true)
  }

  mutating func stopped(_ vertex: Int) {
    release(vertex)
    finish(vertex, .stopped)
  }

  /// Looks at a running instance again, for example because its input changed meanwhile.
  mutating func again(_ vertex: Int) {
    release(vertex)
    if states[vertex].isFinal { return }
    states[vertex] = .ready
    ready.append(vertex)
  }

  /// A result that was done turned out to be damaged: it and everything below that is not done has to wait for it.
  mutating func redo(_ vertex: Int) {
    guard states[vertex] == .done else { return }
    states[vertex] = .ready
    ready.append(vertex)
    open += 1
    for next in graph.downstream[vertex] where states[next] != .left {
      remaining[next] += 1
      if states[next] == .ready {
        ready.removeAll { $0 == next }
        states[next] = .blocked
      } else if states[next] == .queued {
        queue.removeAll { $0 == next }
        states[next] = .blocked
      }
    }
  }

  /// Puts a running instance back behind what it reads from (see `redo`).
  mutating func block(_ vertex: Int) {
    release(vertex)
    states[vertex] = remaining[vertex] == 0 ? .ready : .blocked
    if remaining[vertex] == 0 { ready.append(vertex) }
  }

  /// Starts nothing more.
  mutating func stop() { isStopping = true }

  private mutating func release(_ vertex: Int) {
    guard running.remove(vertex) != nil else { return }
    let demand = demand(of: vertex)
    batch.remove(vertex)
    used.cpus -= demand.cpus
    used.memory -= demand.memory
  }

  private mutating func finish(_ vertex: Int, _ state: State) {
    if !states[vertex].isFinal { open -= 1 }
    states[vertex] = state
  }

  private mutating func cut(below vertex: Int, isWaiting: Bool) {
    var pending = graph.downstream[vertex]
    while let next = pending.popLast() {
      guard states[next] == .blocked else {
        // A failure above is the stronger reason.
        if case .cut(_, true) = states[next], !isWaiting { states[next] = .cut(by: vertex, isWaiting: false) }
        continue
      }
      finish(next, .cut(by: vertex, isWaiting: isWaiting))
      pending += graph.downstream[next]
    }
  }

  /// Stops the instances that never got their turn because the run ends early.
  private mutating func abandonBlocked() {
    for vertex in states.indices where states[vertex] == .blocked { finish(vertex, .stopped) }
  }
}
