import Basics
import Foundation
import NN

/// How to run the cases of one or more kinds.
public struct ParityOperation: Sendable {
  let group: String
  /// Names of operations, each perhaps ending in `*`.
  let patterns: [String]
  /// A regular expression that the name must hold besides.
  let ending: String?
  let run: @Sendable (ParityCase, ParityCheck) throws -> Void

  public init(
    group: String, patterns: [String], ending: String? = nil,
    run: @escaping @Sendable (ParityCase, ParityCheck) throws -> Void
  ) {
    self.group = group
    self.patterns = patterns
    self.ending = ending
    self.run = run
  }

  init(_ group: String, _ patterns: String..., run: @escaping @Sendable (ParityCase, ParityCheck) throws -> Void) {
    self.init(group: group, patterns: patterns, run: run)
  }

  func handles(_ parityCase: ParityCase) -> Bool {
    let name = parityCase.operation
    return group == parityCase.group && patterns.contains { namePattern($0, matches: name) }
      && ending.map { name.range(of: $0, options: .regularExpression) != nil } ?? true
  }
}

/// Runs the cases of a folder.
public struct ParityRunner: Sendable {
  public enum Outcome: Sendable {
    /// With what had to take the exact side of a kink, if anything.
    case passed(ParityCheck.Worst, Kinks.Moved?)
    case failed(ParityCheck.Worst, [String])
    /// A known kind with an option that the library does not offer.
    case skipped(String)
    /// No operation of the harness handles this kind.
    case unknownKind(String)
  }

  /// How far from a kink an argument may lie that takes the exact side, in roundings of its operation: about twice the error of
  /// one Winograd convolution.
  public static let farthestFromKink: Float = 32

  public let cases: [ParityCase]
  public let options: ComputeOptions
  private let operations: [ParityOperation]

  /// Reads `cases.json` of a folder. An entry that cannot be used becomes a case that fails.
  /// - Throws: `ParityError` or the JSON decoder's error naming what is wrong.
  public init(folder: URL, options: ComputeOptions, operations: [ParityOperation] = Self.operations) throws {
    let url = folder.appending(path: "cases.json")
    guard let data = try? Data(contentsOf: url) else {  // the reason does not matter beside the path
      throw ParityError("\(url.path) cannot be read: give a folder with a cases.json")
    }
    let contents: JSON
    do { contents = try JSON(parsing: data) } catch { throw ParityError("\(url.path) is not JSON: \(error)") }
    guard let list = contents["cases"]?.arrayValue else { throw ParityError("\(url.path) has no list `cases`") }
    cases = list.enumerated().map { ParityCase($1, index: $0, folder: folder) }
    self.options = options
    self.operations = operations
  }

  /// All operations that can be checked: one list for each file of this folder. The first that handles a case runs it.
  public static let operations: [ParityOperation] =
    convolutionOperations + normalisationOperations + activationOperations + poolingOperations + resizeOperations
    + shapeOperations + attentionOperations + fourierOperations + deformableOperations + lossOperations
    + blockOperations + trainingTraceOperations + modelOperations + pretrainedOperations + optimiserOperations
    + scheduleOperations + checkpointOperations + imageOperations + metricOperations + selfTestOperations

  /// Whether an operation handles the kind of a case.
  public func knows(_ parityCase: ParityCase) -> Bool { operations.contains { $0.handles(parityCase) } }

  /// A case of the networks that misses with other than exact sums is run once more with every activation on the side of its
  /// kink that it has with exact sums, and must then hold everywhere. What changes side must lie within rounding of the kink.
  public func run(_ parityCase: ParityCase) -> Outcome {
    if let problem = parityCase.problem { return .failed(ParityCheck.Worst(), [problem]) }
    guard let operation = operations.first(where: { $0.handles(parityCase) }) else {
      return .unknownKind(parityCase.kind)
    }
    // The fast algorithms touch networks only; images and files are held to the stated tolerance always.
    let isNetwork = ["layers", "losses", "models", "pretrained"].contains(parityCase.group)
    let factor: Double = options.convolution == .fast && isNetwork ? 8 : 1
    let first = attempt(parityCase, operation, options, factor)
    if let reason = first.unsupported { return .skipped(reason) }
    if first.failures.isEmpty { return .passed(first.worst, nil) }
    guard isNetwork, options.convolution != .reference else { return .failed(first.worst, first.failures) }
    var exact = options
    exact.convolution = .reference
    let (reference, kinks) = Kinks.recorded { attempt(parityCase, operation, exact, 1) }
    guard reference.failures.isEmpty else {
      return .failed(first.worst, first.failures + ["with exact sums it fails as well"])
    }
    let (check, moved) = kinks.imposed { attempt(parityCase, operation, options, factor) }
    check.expect(moved.isComplete, "with exact sums other operations ran")
    check.expect(
      moved.farthest <= Self.farthestFromKink,
      "an argument on the other side of a kink is \(moved.farthest) roundings away from it")
    guard check.failures.isEmpty, moved.count > 0 else {
      return .failed(first.worst, first.failures + check.failures.map { "on the exact sides of all kinks: \($0)" })
    }
    return .passed(check.worst, moved)
  }

  private func attempt(
    _ parityCase: ParityCase, _ operation: ParityOperation, _ options: ComputeOptions, _ factor: Double
  ) -> ParityCheck {
    let check = ParityCheck(toleranceFactor: factor)
    do {
      try NN.with(options) { try operation.run(parityCase, check) }
    } catch let error as ParityUnsupported {
      check.unsupported = error.description
    } catch {
      check.fail("\(error)")
    }
    if check.comparisons == 0 && check.failures.isEmpty && check.unsupported == nil {
      check.fail("nothing was compared")
    }
    return check
  }
}
