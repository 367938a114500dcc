import Foundation
import NN

/// How one case ended, as it is printed and counted.
public struct CaseReport: Sendable, Hashable {
  public enum Status: String, Sendable, CaseIterable {
    case passed, failed, skipped, unknown
  }

  public var status: Status
  /// Whether it passed only with arguments on the exact sides of kinks.
  public var tookExactSides = false
  /// What is printed: one line, and for failures the reasons.
  public var lines: [String]

  public init(status: Status, tookExactSides: Bool = false, lines: [String]) {
    self.status = status
    self.tookExactSides = tookExactSides
    self.lines = lines
  }

  /// - Parameter reasons: how many reasons of a failure are printed.
  public init(_ outcome: ParityRunner.Outcome, of item: ParityCase, reasons limit: Int) {
    switch outcome {
    case .passed(let worst, let moved):
      var text = "pass \(item.id): \(Self.text(worst))"
      if let moved {
        text += "; \(moved.count) of \(moved.total) arguments took the exact side of a kink, at most "
        text += String(format: "%.1f roundings away", moved.farthest)
      }
      self.init(status: .passed, tookExactSides: moved != nil, lines: [text])
    case .failed(let worst, let reasons):
      self.init(
        status: .failed,
        lines: ["FAIL \(item.id)\(worst.ratio > 0 ? ": \(Self.text(worst))" : "")"]
          + reasons.prefix(limit).map { "     \($0)" }
          + (reasons.count > limit ? ["     and \(reasons.count - limit) more"] : []))
    case .skipped(let reason): self.init(status: .skipped, lines: ["skip \(item.id): not offered: \(reason)"])
    case .unknownKind(let kind): self.init(status: .unknown, lines: ["????  \(item.id): unknown kind \(kind)"])
    }
  }

  private static func text(_ worst: ParityCheck.Worst) -> String {
    guard worst.ratio > 0 else { return "exact" }
    return String(format: "worst error %.3g, %.3g of the tolerance, in ", worst.difference, worst.ratio)
      + "\(worst.tensor)[\(worst.index)]"
  }
}

/// Counts of the cases of one pass.
public struct ParityCounts: Sendable {
  private var counts: [CaseReport.Status: Int] = [:]
  private var exactSides = 0
  private var unknownKinds: [String: Int] = [:]

  public init() {}

  public mutating func add(_ report: CaseReport, of item: ParityCase) {
    counts[report.status, default: 0] += 1
    if report.tookExactSides { exactSides += 1 }
    if report.status == .unknown { unknownKinds[item.kind, default: 0] += 1 }
  }

  public subscript(_ status: CaseReport.Status) -> Int { counts[status] ?? 0 }

  /// Nothing failed and something was checked.
  public var isGood: Bool { self[.failed] == 0 && self[.passed] > 0 }

  public var summary: String {
    let sides = exactSides == 0 ? "" : " (\(exactSides) on the exact sides of kinks)"
    return
      "\(self[.passed]) passed\(sides), \(self[.failed]) failed, \(self[.skipped]) skipped, \(self[.unknown]) unknown"
  }

  /// The kinds that no operation handles, with their numbers of cases; nil when there are none.
  public var unknownSummary: String? {
    guard !unknownKinds.isEmpty else { return nil }
    return "unknown kinds: "
      + unknownKinds.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
  }
}
