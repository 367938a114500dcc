import Basics
import Foundation
import NN

/// How to run one or more operations of the cases.
public struct ParityOperation: Sendable {
  let handles: @Sendable (ParityCase) -> Bool
  let run: @Sendable (ParityCase, ParityCheck) throws -> Void

  init(
    where handles: @escaping @Sendable (ParityCase) -> Bool,
    run: @escaping @Sendable (ParityCase, ParityCheck) throws -> Void
  ) {
    self.handles = handles
    self.run = run
  }

  /// For the cases of a group with one of these operation names.
  init(
    _ group: String, _ names: String..., run: @escaping @Sendable (ParityCase, ParityCheck) throws -> Void
  ) {
    let set = Set(names)
    self.init(where: { $0.group == group && set.contains($0.operation) }, run: run)
  }
}

/// Runs the cases of a folder.
public struct ParityRunner: Sendable {
  public enum Outcome: Sendable {
    case passed(ParityCheck.Worst)
    case failed(ParityCheck.Worst, [String])
    case skipped(String)
  }

  public let cases: [ParityCase]
  public let options: ComputeOptions

  /// Reads `cases.json` of a folder.
  /// - Throws: `ParityError` or the JSON decoder's error naming what is wrong.
  public init(folder: URL, options: ComputeOptions) throws {
    let url = folder.appending(path: "cases.json")
    guard let data = try? Data(contentsOf: url) else {  // the reason does not matter beside the path
      throw ParityError("\(url.path) cannot be read: give a folder with a cases.json")
    }
    guard let list = try JSON(parsing: data)["cases"]?.arrayValue else {
      throw ParityError("\(url.path) has no list `cases`")
    }
    cases = try list.map { try ParityCase($0, folder: folder) }
    self.options = options
  }

  /// All operations that can be checked: one list for each file of this folder.
  public static let operations: [ParityOperation] =
    convolutionOperations + normalisationOperations + activationOperations + poolingOperations + resizeOperations
    + shapeOperations + attentionOperations + fourierOperations + deformableOperations + lossOperations
    + blockOperations + modelOperations + trainingTraceOperations + pretrainedOperations + optimiserOperations
    + scheduleOperations + checkpointOperations + imageOperations + metricOperations

  public func run(_ parityCase: ParityCase) -> Outcome {
    guard let operation = Self.operations.first(where: { $0.handles(parityCase) }) else {
      return .skipped("the operation `\(parityCase.operation)` is not supported")
    }
    // The fast algorithms touch networks only; images and files are held to the stated tolerance always.
    let isNetwork = ["layers", "losses", "models", "pretrained"].contains(parityCase.group)
    let check = ParityCheck(toleranceFactor: options.convolution == .fast && isNetwork ? 8 : 1)
    do {
      try NN.with(options) { try operation.run(parityCase, check) }
    } catch {
      check.fail("\(error)")
    }
    if check.comparisons == 0 && check.failures.isEmpty { check.fail("nothing was compared") }
    return check.failures.isEmpty ? .passed(check.worst) : .failed(check.worst, check.failures)
  }
}
