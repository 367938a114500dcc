import Basics
import Testing

/// Memory and threads that parallel loops share.
@Suite struct ParallelTests {
  @Test func iterationsWriteTheirOwnElements() {
    let values = (0..<1000).map { Float($0) }
    var doubled = [Float](repeating: 0, count: 1000)
    values.withReader { from in
      doubled.withWriter { to in
        parallelFor(10, threads: 4) { block in
          let (source, target) = (from + block * 100, to + block * 100)
          for i in 0..<100 { target[i] = 2 * source[i] }
        }
      }
    }
    #expect(doubled == values.map { 2 * $0 })
  }

  @Test func writersCopyAndFill() {
    var target = [Int](repeating: 0, count: 6)
    [1, 2, 3].withReader { source in
      target.withWriter { target in
        target.update(from: source, count: 3)
        (target + 3).update(repeating: 7, count: 2)
        #expect(target.reader[1] == 2)
      }
    }
    #expect(target == [1, 2, 3, 7, 7, 0])
  }

  @Test func emptyArraysHaveViews() {
    var none: [Double] = []
    #expect(none.withReader { _ in 1 } == 1)
    #expect(none.withWriter { _ in 2 } == 2)
  }

  /// Iterations that run side by side share the threads of their loop, in whatever depth.
  @Test func loopsShareTheirBudget() {
    var counts = [Int](repeating: 0, count: 4)
    counts.withWriter { counts in
      parallelFor(4, threads: 8) { index in
        parallelFor(2, threads: ThreadBudget.count) { inner in
          if inner == 0 { counts[index] = ThreadBudget.count }
        }
      }
    }
    #expect(counts == [1, 1, 1, 1])
    var two = [0, 0]
    two.withWriter { two in parallelFor(2, threads: 6) { two[$0] = ThreadBudget.count } }
    #expect(two == [3, 3])
    #expect(ThreadBudget.with(3) { ThreadBudget.count } == 3)
    #expect(ThreadBudget.with(0) { ThreadBudget.count } == 1)
  }
}
