import Basics

/// One line of the training log for each epoch.
public struct History: Sendable, Hashable {
  public struct Epoch: Sendable, Hashable {
    /// From 1.
    public var epoch: Int
    public var learningRate: Double
    /// Mean over the batches, weighted by their sizes.
    public var trainingLoss: Double
    /// Mean over the validation examples of the masked L1; nil without validation examples.
    public var validationL1: Double?
    public var isBest: Bool
  }

  public var epochs: [Epoch] = []
  public init() {}

  public var csv: String {
    var text = "epoch,learning_rate,train_loss,val_l1,best\n"
    for e in epochs {
      text +=
        "\(e.epoch),\(e.learningRate),\(e.trainingLoss),\(e.validationL1.map { "\($0)" } ?? ""),\(e.isBest ? 1 : 0)\n"
    }
    return text
  }

  public var json: JSON {
    .array(
      epochs.map { e in
        [
          "epoch": .int(e.epoch), "learning_rate": .double(e.learningRate), "train_loss": .double(e.trainingLoss),
          "val_l1": e.validationL1.map { .double($0) } ?? .null, "best": .bool(e.isBest),
        ]
      })
  }

  init?(json: JSON) {
    guard let items = json.arrayValue else { return nil }
    for item in items {
      guard let epoch = item["epoch"]?.intValue, let rate = item["learning_rate"]?.doubleValue,
        let loss = item["train_loss"]?.doubleValue, let best = item["best"]?.boolValue
      else { return nil }
      epochs.append(
        Epoch(
          epoch: epoch, learningRate: rate, trainingLoss: loss, validationL1: item["val_l1"]?.doubleValue, isBest: best)
      )
    }
  }
}
