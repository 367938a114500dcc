import Basics
import Foundation

/// Everything a training run needs to go on as if it had never stopped: one safetensors file, replaced atomically.
struct Checkpoint {
  var epoch: Int
  /// Optimiser steps done in this epoch.
  var step: Int
  /// Sums for the mean training loss of this epoch.
  var lossSum: Double
  var lossWeight: Double
  var termSums: [String: Double]
  var history: History
  var bestL1: Double?
  var bestScore: Double?
  var network: [String: StoredTensor]
  var best: [String: StoredTensor]
  /// The moving average of the parameters; empty without one.
  var average: [String: StoredTensor]
  var optimiser: [String: StoredTensor]
  var optimiserSteps: [String: Int]
  var identity: TrainingIdentity
  /// The classes of hardware that worked on this run so far, in order; empty in checkpoints of versions that did not say.
  var hardware: [String]

  static let format = "pipeline-checkpoint-3"
  static let name = "checkpoint.safetensors"
  static let previous = "checkpoint.previous.safetensors"

  /// Writes to `folder`; the last checkpoint stays beside the new one, and both are whole at any moment.
  func write(to folder: URL) throws {
    var tensors: [String: StoredTensor] = [:]
    for (name, tensor) in network { tensors["network.\(name)"] = tensor }
    for (name, tensor) in best { tensors["best.\(name)"] = tensor }
    for (name, tensor) in average { tensors["average.\(name)"] = tensor }
    for (name, tensor) in optimiser { tensors["optimiser.\(name)"] = tensor }
    let state: JSON = [
      "epoch": .int(epoch), "step": .int(step), "loss_sum": .double(lossSum), "loss_weight": .double(lossWeight),
      "history": history.json, "best_l1": bestL1.map { .double($0) } ?? .null,
      "best_score": bestScore.map { .double($0) } ?? .null, "identity": identity.json,
      "term_sums": .object(termSums.mapValues { .double($0) }),
      "optimiser_steps": .object(optimiserSteps.mapValues { .int($0) }),
      "hardware": .array(hardware.map { .string($0) }),
    ]
    let manager = FileManager.default
    try manager.createDirectory(at: folder, withIntermediateDirectories: true)
    let (current, old) = (folder.appending(path: Self.name), folder.appending(path: Self.previous))
    let fresh = folder.appending(path: "checkpoint.new")
    let bytes = Safetensors.data(tensors, metadata: ["format": Self.format, "state": state.canonical])
    try bytes.write(to: fresh)
    try synchronise(fresh)
    if manager.fileExists(atPath: current.path) { try move(current, to: old) }
    try move(fresh, to: current)
    try? synchronise(folder)  // some file systems cannot; the rename itself is done
  }

  private func move(_ from: URL, to: URL) throws {
    guard rename(from.path, to.path) == 0 else {
      throw TrainingError("cannot rename \(from.path) to \(to.path): \(String(cString: strerror(errno)))")
    }
  }

  private func synchronise(_ url: URL) throws {
    let file = open(url.path, O_RDONLY)
    guard file >= 0 else { throw TrainingError("cannot open \(url.path): \(String(cString: strerror(errno)))") }
    defer { close(file) }
    guard fsync(file) == 0 else { throw TrainingError("cannot flush \(url.path): \(String(cString: strerror(errno)))") }
  }

  /// The newest checkpoint in `folder` that can be read and belongs to this run; `notes` says why others were passed over.
  static func read(from folder: URL, identity: TrainingIdentity, notes: inout [String]) -> Checkpoint? {
    for name in [name, previous] {
      let url = folder.appending(path: name)
      guard FileManager.default.fileExists(atPath: url.path) else { continue }
      do {
        let checkpoint = try Checkpoint(Safetensors.read(url), url)
        let differences = checkpoint.identity.differences(from: identity)
        if differences.isEmpty { return checkpoint }
        notes.append(
          "\(url.path) is of another run and is not used; they differ in \(differences.joined(separator: ", "))")
      } catch {
        notes.append("\(error)")
      }
    }
    return nil
  }

  private init(_ contents: Safetensors.Contents, _ url: URL) throws {
    func below(_ prefix: String) -> [String: StoredTensor] {
      var result: [String: StoredTensor] = [:]
      for (name, tensor) in contents.tensors where name.hasPrefix(prefix) {
        result[String(name.dropFirst(prefix.count))] = tensor
      }
      return result
    }
    // Its identity was a digest of printed Swift values, which nothing can be compared with any more.
    guard contents.metadata["format"] != "pipeline-checkpoint-2" else {
      throw TrainingError("\(url.path) was written by an earlier version and is not used: the training starts anew")
    }
    guard contents.metadata["format"] == Self.format, let text = contents.metadata["state"],
      let state = try? JSON(parsing: text),  // reported below like any other damage
      let epoch = state["epoch"]?.intValue, let step = state["step"]?.intValue,
      let lossSum = state["loss_sum"]?.doubleValue, let lossWeight = state["loss_weight"]?.doubleValue,
      let history = state["history"].flatMap({ History(json: $0) }),
      let identity = state["identity"], let steps = state["optimiser_steps"]?.objectValue,
      let termSums = state["term_sums"]?.objectValue
    else { throw TrainingError("\(url.path) is not a checkpoint of this program") }
    (self.epoch, self.step, self.lossSum, self.lossWeight) = (epoch, step, lossSum, lossWeight)
    (self.history, self.identity) = (history, TrainingIdentity(json: identity))
    self.termSums = termSums.compactMapValues(\.doubleValue)
    hardware = try RecordFields(state).readIfPresent("hardware") ?? []
    bestL1 = state["best_l1"]?.doubleValue
    bestScore = state["best_score"]?.doubleValue
    network = below("network.")
    best = below("best.")
    average = below("average.")
    optimiser = below("optimiser.")
    optimiserSteps = steps.compactMapValues(\.intValue)
  }

  init(
    epoch: Int, step: Int, lossSum: Double, lossWeight: Double, termSums: [String: Double], history: History,
    bestL1: Double?, bestScore: Double?, network: [String: StoredTensor], best: [String: StoredTensor],
    average: [String: StoredTensor], optimiser: any Optimiser, identity: TrainingIdentity, hardware: [String]
  ) {
    (self.epoch, self.step, self.lossSum, self.lossWeight) = (epoch, step, lossSum, lossWeight)
    (self.termSums, self.history, self.bestL1, self.bestScore) = (termSums, history, bestL1, bestScore)
    (self.network, self.best, self.average) = (network, best, average)
    self.optimiser = optimiser.state.mapValues(\.stored)
    optimiserSteps = optimiser.steps
    self.identity = identity
    self.hardware = hardware
  }
}
