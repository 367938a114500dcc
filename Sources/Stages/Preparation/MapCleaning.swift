import Basics
import Foundation
import Imaging
import Pipeline

/// How holes of moderate size are filled.
enum HoleFill: String, ParameterChoice {
  /// Fast marching after Telea, in float (the study did it in 8 bits and lost precision there).
  case telea
  /// The smoothest surface through the rim: Laplace's equation.
  case harmonic
}

/// Where the maps' own normals come from.
enum NormalOrigin: String, ParameterChoice {
  /// As rendered from the Gaussians.
  case render
  /// From the gradient of the cleaned depth map.
  case depth
}

/// The parameters of `maps.normalize`, with the study's values as defaults.
struct MapCleaning: StageParameters {
  var opacityThreshold = 0.3
  var closing = 5
  var closingIterations = 2
  var minComponent = 100
  var holeMax = 5000
  var fill = HoleFill.telea
  var fillRadius = 3
  var reliableOpacity = 0.9
  var largeHoleSigma = 2.0
  var nosePercentile = 99.9
  var nosePatch = 17
  var lowPercentile = 1.0
  var normals = NormalCleaning()
  var consistency = ConsistencyThresholds()
  var minConsistency: Double?

  static let fields: [ParameterField<Self>] = [
    .init("opacity_threshold", \.opacityThreshold, "Foreground is where opacity exceeds this.", type: .double(0...1)),
    .init("closing", \.closing, "Diameter of the ellipse that closes small gaps.", unit: "px", type: .int(1...99)),
    .init("closing_iterations", \.closingIterations, "How often the closing is repeated.", type: .int(0...20)),
    .init(
      "min_component_px", \.minComponent,
      "Components smaller than this are cut away, except the largest (8-connected).",
      unit: "px", type: .int(0...10_000_000)),
    .init(
      "hole_max_px", \.holeMax,
      "Holes up to this size are filled by `fill`, larger ones by the nearest value, blurred.",
      unit: "px", type: .int(0...10_000_000)),
    .init("fill", \.fill, "telea: fast marching from the rim; harmonic: the smoothest surface through the rim."),
    .init("fill_radius", \.fillRadius, "Neighbourhood of the fast marching.", unit: "px", type: .int(1...50)),
    .init(
      "reliable_opacity", \.reliableOpacity,
      "Holes are filled from pixels of more opacity than this; thinner ones are blended with the background.",
      type: .double(0...1)),
    .init("large_hole_sigma", \.largeHoleSigma, "Blur inside large holes.", unit: "px", type: .double(0...50)),
    .init(
      "nose_percentile", \.nosePercentile, "The nearest depth is at least this percentile of the foreground.",
      unit: "%", type: .double(50...100)),
    .init(
      "nose_patch", \.nosePatch, "Side of the patch at the tip of the nose whose maximum also counts; 0: none.",
      unit: "px", type: .int(0...255)),
    .init(
      "low_percentile", \.lowPercentile, "Percentile of the foreground that becomes depth 0.", unit: "%",
      type: .double(0...50)),
    .init("normals", \.normals, "Where the maps' own normals come from and how they are smoothed."),
    .init("consistency", \.consistency, "Where the agreement of depth and normals is measured."),
    .init(
      "min_consistency", \.minConsistency, "Samples that agree less are bad samples; null accepts all.",
      type: .optional(.double(0...1))),
  ]
}

/// How the maps' normals are made.
struct NormalCleaning: StageParameters {
  var origin = NormalOrigin.render
  var depthSigma = 1.5
  var smoothing = true
  var diameter = 9
  var sigmaColor = 30.0
  var sigmaSpace = 30.0
  var extraPasses = 0

  static let fields: [ParameterField<Self>] = [
    .init("origin", \.origin, "render: the Gaussians' own normals; depth: from the gradient of the depth map."),
    .init(
      "depth_sigma", \.depthSigma, "Blur before gradients are taken, for normals from depth.", unit: "px",
      type: .double(0...20)),
    .init(
      "smoothing", \.smoothing, "Joint bilateral smoothing guided by the photo (by the normals where there is none)."),
    .init("diameter", \.diameter, "Neighbourhood of the smoothing.", unit: "px", type: .int(1...51)),
    .init(
      "sigma_color", \.sigmaColor, "How different the guide may be, in 8-bit units.", unit: "of 255",
      type: .double(0.1...500)),
    .init("sigma_space", \.sigmaSpace, "How far apart pixels may be.", unit: "px", type: .double(0.1...500)),
    .init(
      "extra_passes", \.extraPasses,
      "Bilateral passes afterwards (diameter 15, sigmas 75); the study's training used two for splat normals.",
      type: .int(0...10)),
  ]
}

/// Where the agreement of depth and normals counts.
struct ConsistencyThresholds: StageParameters {
  var gradient = 0.005
  var tilt = 0.05

  static let fields: [ParameterField<Self>] = [
    .init("gradient", \.gradient, "Only where the depth gradient is steeper than this.", type: .double(0...1)),
    .init("tilt", \.tilt, "Only where the normal leans more than this: length of its x, y part.", type: .double(0...1)),
  ]
}

/// The result of the cleaning.
struct CleanedMaps {
  /// 0...1, 1 at the nose, 0 in the background.
  var depth: Raster
  /// Three channels, n * 0.5 + 0.5, background 0.5.
  var normal: Raster
  var foreground: Mask
  /// 1 where depth and normals agree everywhere, 0.5 by chance; nil where nothing is steep enough to tell.
  var consistency: Double?
  var facts: [String: JSON]
}

extension MapCleaning {
  /// Foreground, holes, normalisation, normals: section by section as the study did, but in float throughout.
  /// - Parameters: one-channel depth and opacity, encoded normals, and a guide of the same size in 0...1.
  /// - Throws: `BadSample` when nothing is left.
  func clean(depth: Raster, opacity: Raster, normal: Raster, guide: Raster?) throws -> CleanedMaps {
    guard let mended = cleanup.apply(depth: depth, opacity: opacity),
      let relative = DepthNormalisation.noseRelative(
        mended.depth, foreground: mended.foreground, patch: nosePatch, topPercentile: nosePercentile,
        lowPercentile: lowPercentile)
    else { throw BadSample("nothing is in the foreground (opacity above \(opacityThreshold))") }
    let foreground = mended.foreground
    let vectors = normals.vectors(
      rendered: normal, depth: relative.depth, guide: guide, foreground: foreground, filled: mended.filled,
      fillSigma: largeHoleSigma)
    // The measure takes normals whose x and y follow the depth gradient; ours point towards the camera, against it.
    let agreement = Normals.consistency(
      depth: relative.depth, normals: Normals.flipped(vectors), mask: foreground,
      minimumGradient: Float(consistency.gradient), minimumTilt: Float(consistency.tilt))
    var facts: [String: JSON] = [
      "holes_filled_px": .int(mended.filledPixels), "large_holes": .int(mended.largeHoleCount),
      "removed_px": .int(mended.droppedPixels), "removed_components": .int(mended.droppedComponents),
      "components": .int(Components.label(foreground).count), "foreground_px": .int(foreground.count),
      "depth_top": .double(rounded(Double(relative.top), 6)),
      "depth_low": .double(rounded(Double(relative.low), 6)), "nose_x": .int(relative.nose.x),
      "nose_y": .int(relative.nose.y), "width": .int(depth.width), "height": .int(depth.height),
    ]
    if let agreement { facts["consistency"] = .double(rounded(agreement, 6)) }
    return CleanedMaps(
      depth: relative.depth, normal: Normals.encode(vectors), foreground: foreground, consistency: agreement,
      facts: facts)
  }

  private var cleanup: MapCleanup {
    var cleanup = MapCleanup()
    cleanup.opacityThreshold = Float(opacityThreshold)
    cleanup.closing = closing
    cleanup.closingIterations = closingIterations
    cleanup.minimumArea = minComponent
    cleanup.smallHoleArea = holeMax
    cleanup.smallHoles = fill == .telea ? .telea : .harmonic
    cleanup.radius = fillRadius
    cleanup.reliableOpacity = Float(reliableOpacity)
    cleanup.sigma = largeHoleSigma
    return cleanup
  }
}

extension NormalCleaning {
  /// Unit normals that point towards the camera (z < 0), zero in the background.
  func vectors(
    rendered: Raster, depth: Raster, guide: Raster?, foreground: Mask, filled: Mask, fillSigma: Double
  ) -> Raster {
    var vectors: Raster
    switch origin {
    case .render:
      let known = foreground.subtracting(filled)
      vectors = Normals.decode(rendered)
      if filled.count > 0 { vectors = Inpaint.nearestBlur(vectors, hole: filled, known: known, sigma: fillSigma) }
      vectors = Normals.normalised(vectors)
    case .depth: vectors = Normals.flipped(Normals.fromDepth(depth, sigma: depthSigma))
    }
    vectors = vectors.masked(foreground)
    if smoothing {
      vectors = Normals.smoothed(
        vectors, guide: guide ?? Normals.encode(vectors), diameter: diameter, sigmaColor: sigmaColor / 255,
        sigmaSpace: sigmaSpace)
    }
    if extraPasses > 0 { vectors = Normals.bilateral(vectors, passes: extraPasses) }
    return vectors.masked(foreground)
  }
}
