/// A directed graph over 0 ..< count with edges from what is read to what reads it.
public struct Graph: Hashable, Sendable {
  /// For each vertex the vertices it reads from.
  public let upstream: [[Int]]
  /// For each vertex the vertices that read it, in ascending order.
  public let downstream: [[Int]]

  public var count: Int { upstream.count }

  public init(upstream: [[Int]]) {
    self.upstream = upstream
    var downstream = [[Int]](repeating: [], count: upstream.count)
    for (vertex, sources) in upstream.enumerated() { for source in sources { downstream[source].append(vertex) } }
    self.downstream = downstream
  }

  public enum Order: Hashable, Sendable {
    /// Every vertex after those it reads from; otherwise in ascending order as far as that allows.
    case sorted([Int])
    /// A cycle: each vertex reads from the next one, the last from the first.
    case cycle([Int])
  }

  /// Depth-first over the vertices in ascending order, without recursion; time and memory grow linearly with vertices
  /// and edges.
  /// - Parameter visits: counts the edges and vertices looked at, for tests of that promise.
  public func topologicalOrder(visits: inout Int) -> Order {
    enum State: UInt8 { case new, open, done }
    var state = [State](repeating: .new, count: count)
    var order: [Int] = []
    order.reserveCapacity(count)
    var path: [(vertex: Int, next: Int)] = []
    for root in 0..<count where state[root] == .new {
      path.append((root, 0))
      state[root] = .open
      visits += 1
      while let (vertex, next) = path.last {
        if next == upstream[vertex].count {
          state[vertex] = .done
          order.append(vertex)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        visits += 1
        let source = upstream[vertex][next]
        switch state[source] {
        case .done: break
        case .new:
          state[source] = .open
          visits += 1
          path.append((source, 0))
        case .open:
          let start = path.firstIndex { $0.vertex == source } ?? 0  // an open vertex is always on the path
          return .cycle(path[start...].map(\.vertex))
        }
      }
    }
    return .sorted(order)
  }

  public func topologicalOrder() -> Order {
    var visits = 0
    return topologicalOrder(visits: &visits)
  }

  /// The given vertices and all they read from, directly or not.
  public func ancestors(of vertices: [Int]) -> Set<Int> { closure(of: vertices, along: upstream) }

  /// The given vertices and all that read them, directly or not.
  public func descendants(of vertices: [Int]) -> Set<Int> { closure(of: vertices, along: downstream) }

  private func closure(of vertices: [Int], along edges: [[Int]]) -> Set<Int> {
    var found = Set(vertices)
    var pending = vertices
    while let vertex = pending.popLast() {
      for next in edges[vertex] where found.insert(next).inserted { pending.append(next) }
    }
    return found
  }
}
