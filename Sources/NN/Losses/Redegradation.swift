extension LossTerm {
  public static let redegradation = LossTerm(
    "redegradation", "Weight of the L1 between the input and the result degraded again.",
    needs: [.output(.redegradation), .side(16)]
  ) { input in
    let again = try input(.redegradation)
    let seen = again.depth.replaced(outside: input.batch.mask, by: again.query)
    return seen.l1Loss(again.query).affine(input.share)
  }
}
