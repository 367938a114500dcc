import Basics

/// All terms of the training loss: one row each. Their order is that in which they are added up.
public enum LossCatalogue {
  public static let catalogue = Catalogue<LossTerm>([
    .l1, .gradient, .normals, .sobel, .sobelMagnitude, .charbonnier, .mse, .ssim, .psnr, .frequency, .gradientMap,
    .deep,
    .redegradation, .gateBalance,
  ])

  public static var terms: [LossTerm] { catalogue.rows }
}
