import Basics
import Foundation

/// A person's decision about one sample's content.
public struct ApprovalDecision: Hashable, Sendable {
  public var sample: String
  public var content: Digest
  public var isApproved: Bool
  public var message: String
  public var by: String
  /// ISO 8601.
  public var time: String

  public init(sample: String, content: Digest, isApproved: Bool, message: String, by: String, time: String) {
    self.sample = sample
    self.content = content
    self.isApproved = isApproved
    self.message = message
    self.by = by
    self.time = time
  }
}

extension ApprovalDecision: RecordValue {
  fileprivate var json: JSON {
    [
      "sample": .string(sample), "content": .string(content.hex), "approved": .bool(isApproved),
      "message": .string(message), "by": .string(by), "time": .string(time),
    ]
  }

  public init(record: JSON) throws {
    let fields = try RecordFields(record)
    self.init(
      sample: try fields.read("sample"), content: try fields.read("content"), isApproved: try fields.read("approved"),
      message: try fields.read("message"), by: try fields.read("by"), time: try fields.read("time"))
  }
}

/// The decisions taken at gates, bound to content: a new or changed sample has none and is asked about again. They are kept
/// as `.pipeline/approvals/<pipeline>/<stage>.json`; an approval given in one pipeline counts in every other that meets the
/// same content at the same stage type, so that an ablation does not ask again.
public struct Approvals: Sendable {
  private let store: Store

  public init(store: Store) { self.store = store }

  private func path(_ pipeline: String, _ instance: String) -> String {
    "\(store.root)/approvals/\(fileName(for: pipeline))/\(fileName(for: instance)).json"
  }

  /// Decisions of one gate, newest last.
  public func decisions(pipeline: String, instance: String) throws -> [ApprovalDecision] {
    try Self.read(path(pipeline, instance))
  }

  private static func read(_ path: String) throws -> [ApprovalDecision] {
    guard let data = try FileSystem.read(path) else { return [] }
    do { return try RecordFields(JSON(parsing: data)).read("decisions") } catch {
      throw StageFailure(
        "\(path): \(Diagnostic(error).message)", help: "mend the file or remove it; the gate then asks again")
    }
  }

  /// Adds decisions; earlier ones are kept as history.
  public func add(_ new: [ApprovalDecision], pipeline: String, instance: String) throws {
    let path = path(pipeline, instance)
    let lock = try KeyLock.acquire(Digest.of(path), in: store, keepWaiting: { true })
    try store.revalidate([path])
    try withExtendedLifetime(lock) {
      let all = try Self.read(path) + new
      let json: JSON = [
        "format": 1, "pipeline": .string(pipeline), "stage": .string(instance),
        "decisions": .array(
          all.map(\.json)),
      ]
      try store.write(Data((json.pretty + "\n").utf8), to: path)
    }
  }

  /// The decision in force for each content: this gate's own, else an approval from elsewhere.
  func inForce(pipeline: String, instance: String) throws -> [Digest: ApprovalDecision] {
    var found: [Digest: ApprovalDecision] = [:]
    let root = store.root + "/approvals"
    if FileSystem.exists(root) {
      for folder in try FileSystem.names(in: root).sorted() where !folder.hasPrefix(".") {
        for file in try FileSystem.names(in: root + "/" + folder).sorted() where file.hasSuffix(".json") {
          for decision in try Self.read("\(root)/\(folder)/\(file)") where decision.isApproved {
            found[decision.content] = decision
          }
        }
      }
    }
    for decision in try decisions(pipeline: pipeline, instance: instance) { found[decision.content] = decision }
    return found
  }
}
