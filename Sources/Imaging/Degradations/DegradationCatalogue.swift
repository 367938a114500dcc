/// Every degradation, one row each, in the order of help and schema.
public enum DegradationCatalogue {
  /// Of depth maps: the study's five by its names, and two more.
  public static let depth: [any DepthDegradation.Type] = [
    BicubicReduction.self,
    NoisyBicubicReduction.self,
    QuantisedBicubicReduction.self,
    AreaReduction.self,
    QuantisedAreaReduction.self,
    NearestReduction.self,
    AntialiasedReduction.self,
  ]

  public static let photo: [any PhotoDegradation.Type] = [
    PhotoAreaReduction.self,
    PhotoBicubicReduction.self,
    PhotoAntialiasedReduction.self,
    SecondOrderPhotoDegradation.self,
  ]

  /// The printed name of a degradation; nil for one that no row has.
  public static func title(_ id: String) -> String? {
    depth.first { $0.id == id }?.title ?? photo.first { $0.id == id }?.title
  }
}
