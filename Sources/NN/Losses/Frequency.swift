extension LossTerm {
  public static let frequency = LossTerm(
    "frequency", "Weight of the L1 of Fourier amplitudes and phases, as SGNet is trained."
  ) {
    $0.masked.frequencyLoss($0.batch.target)
  }
}

extension Tensor {
  /// Half the L1 of the amplitudes plus half the L1 of the phases of the Fourier transforms; the phase difference is not
  /// wrapped. Source: SGNet. Parity: losses/sgnet_frequency.
  public func frequencyLoss(_ target: Tensor) -> Tensor {
    let prediction = realFourier()
    let truth = NN.withoutGradients { target.detached().realFourier() }
    let amplitude = prediction.amplitude().l1Loss(truth.amplitude())
    return amplitude.affine(0.5) + prediction.phase().l1Loss(truth.phase()).affine(0.5)
  }
}
