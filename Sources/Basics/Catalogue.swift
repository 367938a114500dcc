import Synchronization

/// A row of a `Catalogue`: something that pipeline files name.
public protocol CatalogueRow: Sendable {
  /// Unique among the rows, as files write it.
  var name: String { get }
}

/// The rows of one kind, such as losses or networks: the program's own, then those that another program added before the
/// first of them was asked for.
public final class Catalogue<Row: CatalogueRow>: Sendable {
  private struct State {
    var rows: [Row]
    /// From then on fields and schemas may have been made from the rows, so that none can be added.
    var isRead = false
  }

  private let state: Mutex<State>

  public init(_ rows: [Row]) {
    let names = rows.map(\.name)
    precondition(Set(names).count == names.count, "two rows share a name among \(names.joined(separator: ", "))")
    state = Mutex(State(rows: rows))
  }

  /// In their order; no row can be added afterwards.
  public var rows: [Row] {
    state.withLock {
      $0.isRead = true
      return $0.rows
    }
  }

  public subscript(name: String) -> Row? { rows.first { $0.name == name } }

  /// Adds rows behind the others.
  /// - Throws: `CatalogueError` when a name is taken, or when the rows were read before.
  public func add(_ rows: [Row]) throws(CatalogueError) {
    try state.withLock { state throws(CatalogueError) in
      for row in rows {
        guard !state.isRead else { throw CatalogueError("`\(row.name)` is added after the first use of its catalogue") }
        guard !state.rows.contains(where: { $0.name == row.name }) else {
          throw CatalogueError("there is already a row named `\(row.name)`")
        }
        state.rows.append(row)
      }
    }
  }
}

/// A row that cannot be added.
public struct CatalogueError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
  init(_ description: String) { self.description = description }
}
