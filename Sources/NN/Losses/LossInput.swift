/// The outputs of a network for one batch, as the terms of a loss see them.
///
/// Terms without a masked formula of their own see the truth in place of the prediction outside the mask (`masked`), and
/// divide a mean over all pixels by the mask's share of them (`share`).
public final class LossInput {
  public let output: NetworkOutput
  public let batch: Batch
  let settings: [LossSetting: Double]
  /// The term that is being computed, for messages.
  var term = ""

  init(_ output: NetworkOutput, _ batch: Batch, settings: [LossSetting: Double]) {
    (self.output, self.batch, self.settings) = (output, batch, settings)
  }

  // Each is one tensor however many terms see it, so that their gradients are added before they go on.

  /// [n c, 1, H, W]: each channel as an image of its own.
  public private(set) lazy var prediction = output.image.planes
  /// As `prediction`.
  public private(set) lazy var target = batch.target.planes
  /// The mask for each channel; nil: every pixel counts.
  public private(set) lazy var mask = batch.mask.map { $0.repeatedPlanes(output.image.c) }
  /// [n, c, H, W]: the network's image, the truth outside the mask.
  public private(set) lazy var masked = output.image.replaced(outside: batch.mask, by: batch.target)
  /// 1 over the mask's mean.
  public private(set) lazy var share = batch.mask.map { Float(1 / max($0.mean().item, 1e-6)) } ?? 1

  /// A mean over all pixels of prediction and truth, made one over the mask's area.
  public func meanOverMask(_ loss: (_ prediction: Tensor, _ target: Tensor) throws -> Tensor) rethrows -> Tensor {
    try loss(masked, batch.target).affine(share)
  }

  public subscript(setting: LossSetting) -> Double { settings[setting] ?? setting.standard }

  /// An auxiliary output of the network.
  /// - Throws: `TrainingError` naming the networks that give it.
  public func callAsFunction<Value>(_ key: AuxiliaryOutput<Value>) throws -> Value {
    guard let value = output[key] else {
      throw TrainingError("the loss `\(term)` needs \(ModelCatalogue.giving(key.name))")
    }
    return value
  }

  /// Unit normals [n, 3, H, W] of the dataset.
  /// - Throws: `TrainingError` naming the examples without.
  public func normalsOfTheTruth() throws -> Tensor {
    guard let normals = batch.normal else {
      throw TrainingError("the loss `\(term)` needs normals for `\(batch.names.joined(separator: "`, `"))`")
    }
    return normals
  }
}
