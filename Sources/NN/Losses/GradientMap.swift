extension LossTerm {
  public static let gradientMap = LossTerm(
    "gradient_map", "Weight of the L1 of the gradient map that a network predicts.", needs: [.output(.gradientMap)]
  ) { input in
    let truth = NN.withoutGradients { input.batch.target.gradientMagnitude() }
    return try input(.gradientMap).replaced(outside: input.batch.mask, by: truth).l1Loss(truth).affine(input.share)
  }
}
