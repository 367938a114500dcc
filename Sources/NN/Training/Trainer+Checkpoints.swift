extension Trainer {
  func save() throws {
    guard let folder else { return }
    try Checkpoint(
      epoch: epoch, step: step, lossSum: lossSum, lossWeight: lossWeight, termSums: termSums, history: history,
      bestL1: bestL1, bestScore: bestScore, network: network.stateDictionary(), best: best,
      average: average?.state ?? [:], optimiser: optimiser, identity: identity, hardware: hardware
    ).write(to: folder)
  }

  /// A checkpoint of another class of hardware serves as well, but people are told: a run on one class would end with other bits.
  private func continueOnOwnHardware(_ earlier: [String]) {
    let own = NN.options.hardwareClass
    hardware = earlier.isEmpty ? ["unknown"] : earlier
    guard hardware.last != own else { return }
    hardware.append(own)
    onWarning?(
      "goes on from a checkpoint that was made on other hardware: \(hardware.joined(separator: ", then ")). The result is as good, "
        + "but its last bits are those of neither")
  }

  /// Goes on from the newest good checkpoint of this run, if there is one.
  func resume() throws {
    guard let folder else { return }
    var notes: [String] = []
    let found = Checkpoint.read(from: folder, identity: identity, notes: &notes)
    for note in notes { onNote?(note) }
    guard let found else { return }
    try network.load(found.network)
    optimiser.restore(state: found.optimiser.mapValues { Tensor($0) }, steps: found.optimiserSteps)
    average?.restore(found.average)
    (epoch, step, lossSum, lossWeight) = (found.epoch, found.step, found.lossSum, found.lossWeight)
    (termSums, history) = (found.termSums, found.history)
    (bestL1, bestScore, best) = (found.bestL1, found.bestScore, found.best)
    onNote?("resumed after epoch \(epoch), step \(step)")
    continueOnOwnHardware(found.hardware)
  }
}
