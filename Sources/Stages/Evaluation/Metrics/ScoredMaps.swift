import Imaging
import Pipeline

/// A prediction beside its truth, as metrics see one sample. What several metrics need is computed once, when the first asks.
public final class ScoredMaps {
  /// One channel, or three of a photo, 0...1.
  public let prediction: Raster
  public let truth: Raster
  /// The pixels that count; nil: all.
  public let region: Mask?
  /// Figures over the region, without the protocol's border.
  public let errors: ImageMetrics
  private let border: Int
  private let clouds: () throws -> MeshMetrics
  private var foundClouds: MeshMetrics?

  /// - Parameters:
  ///   - border: pixels at each edge that never count.
  ///   - clouds: compares the point clouds of both maps; called at most once.
  init(
    prediction: Raster, truth: Raster, region: Mask?, border: Int, clouds: @escaping () throws -> MeshMetrics
  ) {
    self.prediction = prediction
    self.truth = truth
    self.region = region
    self.border = border
    self.clouds = clouds
    errors = ImageMetrics(prediction: prediction, truth: truth, mask: region, border: border)
  }

  /// Both maps without any region.
  private(set) lazy var wholeView: ScoredMaps =
    region == nil
    ? self : ScoredMaps(prediction: prediction, truth: truth, region: nil, border: border, clouds: clouds)

  /// Figures of the point clouds of both maps, under the protocol's rule.
  /// - Throws: `StageFailure` when a cloud is empty or the sample has no range.
  public func pointClouds() throws -> MeshMetrics {
    if let foundClouds { return foundClouds }
    let found = try clouds()
    foundClouds = found
    return found
  }
}
