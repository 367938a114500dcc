import Foundation
import Synchronization

/// Ends the process at the n-th change of the file system, so that tests can stop a run at every point there is.
///
/// Nothing in the `pipeline` binary arms it: only the test executable does, from its own options.
public enum FaultInjection {
  /// The operations by which the engine changes the file system.
  public enum Operation: String, Sendable, CaseIterable {
    case create, write, fsync, rename, link, unlink, mkdir, append
  }

  private static let count = Atomic<Int>(0)
  private static let fatal = Atomic<Int>(0)

  /// Kills the process with SIGKILL just before the `n`-th operation from now, counted from 1.
  public static func arm(at n: Int) {
    count.store(0, ordering: .relaxed)
    fatal.store(n, ordering: .relaxed)
  }

  /// Operations so far; counts also when nothing is armed.
  public static var operations: Int { count.load(ordering: .relaxed) }

  static func passing(_ operation: Operation) {
    let index = count.add(1, ordering: .relaxed).newValue
    if index == fatal.load(ordering: .relaxed) { kill(getpid(), SIGKILL) }
  }
}
