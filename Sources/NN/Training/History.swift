import Basics

/// One line of the training log for each epoch.
public struct History: Sendable, Hashable {
  public struct Epoch: Sendable, Hashable {
    /// From 1.
    public var epoch: Int
    /// Of the epoch's first step.
    public var learningRate: Double
    /// Mean over the batches, weighted by their sizes.
    public var trainingLoss: Double
    /// Mean over the validation examples of the masked L1; nil in epochs without validation.
    public var validationL1: Double?
    public var isBest: Bool
    /// Further numbers by column: `loss_<term>` of the training loss, weights included; `val_psnr`, the mean over the
    /// validation examples of the masked PSNR, and `val_psnr_x2` and so on of the lower scales that a network predicts.
    public var more: [String: Double] = [:]
  }

  public var epochs: [Epoch] = []
  public init() {}

  /// Columns besides the fixed ones, in the order of their names.
  public var moreColumns: [String] { Set(epochs.flatMap(\.more.keys)).sorted() }

  public var csv: String {
    let columns = moreColumns
    var text = (["epoch,learning_rate,train_loss,val_l1,best"] + columns).joined(separator: ",") + "\n"
    for e in epochs {
      let fields =
        [
          "\(e.epoch)", "\(e.learningRate)", "\(e.trainingLoss)", e.validationL1.map { "\($0)" } ?? "",
          e.isBest ? "1" : "0",
        ]
        + columns.map { column in e.more[column].map { "\($0)" } ?? "" }
      text += fields.joined(separator: ",") + "\n"
    }
    return text
  }

  public var json: JSON {
    .array(
      epochs.map { e in
        [
          "epoch": .int(e.epoch), "learning_rate": .double(e.learningRate), "train_loss": .double(e.trainingLoss),
          "val_l1": e.validationL1.map { .double($0) } ?? .null, "best": .bool(e.isBest),
          "more": .object(e.more.mapValues { .double($0) }),
        ]
      })
  }

  /// The curves for TensorBoard. Steps are epochs, and times count epochs as seconds: the same training gives the same
  /// bytes.
  public var tensorBoard: [TensorBoardFile.Entry] {
    epochs.map { e in
      var scalars = ["learning_rate": e.learningRate, "loss/train": e.trainingLoss]
      scalars["val/l1"] = e.validationL1
      for (name, value) in e.more {
        scalars[name.replacing(/^loss_/, with: "loss/").replacing(/^val_/, with: "val/")] = value
      }
      return TensorBoardFile.Entry(step: e.epoch, time: Double(e.epoch), scalars: scalars)
    }
  }

  init?(json: JSON) {
    guard let items = json.arrayValue else { return nil }
    for item in items {
      guard let epoch = item["epoch"]?.intValue, let rate = item["learning_rate"]?.doubleValue,
        let loss = item["train_loss"]?.doubleValue, let best = item["best"]?.boolValue
      else { return nil }
      epochs.append(
        Epoch(
          epoch: epoch, learningRate: rate, trainingLoss: loss, validationL1: item["val_l1"]?.doubleValue, isBest: best,
          more: item["more"]?.objectValue?.compactMapValues(\.doubleValue) ?? [:]))
    }
  }
}
