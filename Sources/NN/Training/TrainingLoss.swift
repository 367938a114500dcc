extension TrainerConfiguration {
  /// Weights of the terms of the loss; a weight of 0 leaves its term out.
  ///
  /// `l1` and `gradient` are sums over the mask divided by the mask's sum. The further terms are means over pixels; where
  /// there is a mask they see the truth in place of the prediction outside it, and their mean is taken over the mask's area.
  public struct Loss: Sendable, Hashable {
    public var l1: Double
    /// Masked gradient loss.
    public var gradient: Double
    /// 1 - cosine of the predicted normals.
    public var normals: Double
    /// L1 of the Sobel responses.
    public var sobel = 0.0
    /// L1 of the Sobel gradient's length.
    public var sobelMagnitude = 0.0
    public var charbonnier = 0.0
    /// Added under Charbonnier's root.
    public var charbonnierEpsilon = 1e-12
    /// Mean squared error.
    public var mse = 0.0
    /// 1 - SSIM.
    public var ssim = 0.0
    /// The PSNR turned round, in dB (NAFNet).
    public var psnr = 0.0
    /// Amplitudes and phases of the Fourier transforms (SGNet).
    public var frequency = 0.0
    /// L1 of the gradient map that a network predicts (SGNet).
    public var gradientMap = 0.0
    /// Mean squared errors of the maps of the lower scales, against area averages of the truth (DSDMSR).
    public var deep = 0.0
    /// L1 between the network's input and its result degraded again (DORNet).
    public var redegradation = 0.0
    /// How unevenly the experts of that degradation are chosen (DORNet).
    public var gateBalance = 0.0

    /// Whether the network must degrade its result again.
    var needsRedegradation: Bool { redegradation != 0 || gateBalance != 0 }

    public init(l1: Double = 1, gradient: Double = 0.5, normals: Double = 0) {
      (self.l1, self.gradient, self.normals) = (l1, gradient, normals)
    }

    /// The weighted sum of the terms for one batch.
    /// - Throws: `TrainingError` when the network or the batch lacks what a term needs.
    public func value(_ output: NetworkOutput, _ batch: Batch) throws -> Tensor {
      try BatchLoss(output, batch, self).total
    }

    /// Whether there is anything to learn from.
    public var isEmpty: Bool {
      [
        l1, gradient, normals, sobel, sobelMagnitude, charbonnier, mse, ssim, psnr, frequency, gradientMap, deep,
        redegradation, gateBalance,
      ].allSatisfy { $0 == 0 }
    }
  }
}

/// The loss of one batch: named terms, each already multiplied by its weight.
struct BatchLoss {
  private(set) var terms: [(name: String, value: Tensor)] = []

  /// The sum of the terms in their order.
  var total: Tensor { terms.dropFirst().reduce(terms[0].value) { $0 + $1.value } }

  /// - Throws: `TrainingError` when the network or the batch lacks what a term needs.
  init(_ output: NetworkOutput, _ batch: Batch, _ weights: TrainerConfiguration.Loss) throws {
    let (prediction, target) = (output.depth.planes, batch.target.planes)
    let mask = batch.mask.map { $0.repeatedPlanes(output.depth.c) }
    if weights.l1 != 0 { add("l1", weights.l1, prediction.maskedL1(target, mask: mask)) }
    if weights.gradient != 0 {
      add("gradient", weights.gradient, prediction.maskedGradientL1(target, mask: mask))
    }
    if weights.normals != 0 { add("normals", weights.normals, try Self.normals(output, batch)) }

    let seen = output.depth.replaced(outside: batch.mask, by: batch.target)
    let share = batch.mask.map { Float(1 / max($0.mean().item, 1e-6)) } ?? 1
    func addMean(_ name: String, _ weight: Double, _ value: (Tensor, Tensor) throws -> Tensor) rethrows {
      if weight != 0 { add(name, weight, try value(seen, batch.target).affine(share)) }
    }
    addMean("sobel", weights.sobel) { $0.sobelL1($1) }
    addMean("sobel_magnitude", weights.sobelMagnitude) { $0.sobelMagnitudeL1($1) }
    addMean("charbonnier", weights.charbonnier) {
      $0.charbonnierLoss($1, epsilon: Float(weights.charbonnierEpsilon))
    }
    addMean("mse", weights.mse) { $0.meanSquaredError($1) }
    try addMean("ssim", weights.ssim) { prediction, target in
      guard target.h >= 11, target.w >= 11 else {
        throw TrainingError("the loss `ssim` needs maps of 11 x 11 pixels or more, not \(target.w) x \(target.h)")
      }
      return prediction.ssimLoss(target)
    }
    if weights.psnr != 0 { add("psnr", weights.psnr, seen.psnrLoss(batch.target)) }
    if weights.frequency != 0 { add("frequency", weights.frequency, seen.frequencyLoss(batch.target)) }
    if weights.gradientMap != 0 {
      guard let map = output.extra["gradient_map"] else {
        throw TrainingError("the loss `gradient_map` needs a network that predicts one (sgnet)")
      }
      let truth = NN.withoutGradients { batch.target.gradientMagnitude() }
      add("gradient_map", weights.gradientMap, map.replaced(outside: batch.mask, by: truth).l1Loss(truth).affine(share))
    }
    if weights.deep != 0 { add("deep", weights.deep, try Self.deep(output, batch)) }
    if weights.needsRedegradation {
      guard let again = output.redegradation else {
        throw TrainingError("the losses `redegradation` and `gate_balance` need a network that degrades again (dornet)")
      }
      if weights.redegradation != 0 {
        let seen = again.depth.replaced(outside: batch.mask, by: again.query)
        add("redegradation", weights.redegradation, seen.l1Loss(again.query).affine(share))
      }
      if weights.gateBalance != 0 { add("gate_balance", weights.gateBalance, again.imbalance) }
    }
    guard !terms.isEmpty else { throw TrainingError("all terms of the loss have the weight 0") }
  }

  private mutating func add(_ name: String, _ weight: Double, _ value: Tensor) {
    terms.append((name, value.affine(Float(weight))))
  }

  private static func normals(_ output: NetworkOutput, _ batch: Batch) throws -> Tensor {
    guard let predicted = output.normal else {
      throw TrainingError("a loss on normals needs a network that predicts them (`predict_normal: true`)")
    }
    guard let target = batch.normal else {
      throw TrainingError("a loss on normals needs normals for `\(batch.names.joined(separator: "`, `"))`")
    }
    return predicted.normalCosineLoss(target, mask: batch.mask)
  }

  private static func deep(_ output: NetworkOutput, _ batch: Batch) throws -> Tensor {
    let maps = output.lowerScales(of: batch.target)
    guard !maps.isEmpty else {
      throw TrainingError("the loss `deep` needs a network that predicts several scales (dsdmsr)")
    }
    var predictions: [String: Tensor] = [:]
    var truths: [String: Tensor] = [:]
    for (name, map) in maps {
      let truth = batch.target.averaged(height: map.h, width: map.w)
      let mask = batch.mask?.averaged(height: map.h, width: map.w)
      // Under the square, since the levels are added inside one loss.
      let factor = mask.map { Float(1 / max($0.mean().item, 1e-6)).squareRoot() } ?? 1
      predictions[name] = map.replaced(outside: mask, by: truth).affine(factor)
      truths[name] = NN.withoutGradients { truth.affine(factor) }
    }
    return predictions.deepSupervisionLoss(targets: truths)
  }
}

extension NetworkOutput {
  /// Maps of the lower scales that the network predicts besides, smallest first: those named `x2`, `x4` and so on.
  func lowerScales(of target: Tensor) -> [(name: String, map: Tensor)] {
    extra.filter { $0.key.first == "x" && Int($0.key.dropFirst()) != nil }
      .sorted { ($0.value.h, $0.key) < ($1.value.h, $1.key) }.map { (name: $0.key, map: $0.value) }
  }
}

extension Tensor {
  /// Every channel as an image of its own.
  var planes: Tensor { c == 1 ? self : reshaped([n * c, 1, h, w]) }

  /// A mask [n, 1, h, w] once for each of `channels` planes.
  func repeatedPlanes(_ channels: Int) -> Tensor {
    if channels == 1 { return self }
    let (values, area) = (self.values, h * w)
    return Tensor(
      (0..<n).flatMap { image in
        (0..<channels).flatMap { _ in values[image * area..<(image + 1) * area] }
      }, [n * channels, 1, h, w])
  }

  /// `self` where the mask is 1, `other` where it is 0.
  func replaced(outside mask: Tensor?, by other: Tensor) -> Tensor {
    guard let mask else { return self }
    let wide = mask.repeatedPlanes(c).reshaped(shape)
    let rest = NN.withoutGradients { other.detached() * wide.affine(-1, 1) }
    return self * wide + rest
  }

  /// Area averages, without a gradient.
  func averaged(height: Int, width: Int) -> Tensor {
    NN.withoutGradients { h == height && w == width ? self : adaptiveAverage(height: height, width: width) }
  }
}
