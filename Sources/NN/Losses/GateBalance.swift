extension LossTerm {
  public static let gateBalance = LossTerm(
    "gate_balance", "Weight of how unevenly the degradation of the result chooses its experts.",
    needs: [.output(.redegradation), .side(16)]
  ) {
    try $0(.redegradation).imbalance
  }
}
