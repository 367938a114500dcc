import Foundation

/// Clean-up and hole filling of rendered depth maps (the study's post-processing, in float).
public struct MapCleanup: Hashable, Sendable {
  public enum Fill: String, Hashable, Sendable, CaseIterable { case telea, harmonic, nearestBlur = "nearest_blur" }

  /// Opacity above which a pixel is foreground.
  public var opacityThreshold: Float = 0.3
  /// Side of the elliptical closing in pixels, and its iterations; 0 iterations: none.
  public var closing = 5
  public var closingIterations = 2
  /// Components smaller than this are dropped, unless largest, in pixels.
  public var minimumArea = 100
  /// Holes up to this area are filled by `smallHoles`, larger ones by `largeHoles`.
  public var smallHoleArea = 5000
  public var smallHoles = Fill.telea
  public var largeHoles = Fill.nearestBlur
  /// Depth is blended with the background where opacity is below this, so holes are not filled from there.
  public var reliableOpacity: Float = 0.9
  /// Radius of Telea's method in pixels; sigma of the blur after nearest values.
  public var radius = 3
  public var sigma = 2.0

  public init() {}

  public struct Result: Hashable, Sendable {
    /// Filled; 0 outside the foreground.
    public let depth: Raster
    public let foreground: Mask
    /// Pixels that were given a value (enclosed holes and gaps that the closing joined).
    public let filled: Mask
    public let filledPixels: Int
    public let smallHoleCount: Int
    public let largeHoleCount: Int
    /// Foreground dropped as detached specks.
    public let droppedPixels: Int
    public let droppedComponents: Int
  }

  /// - Parameter opacity: 0...1, the size of `depth`; nil takes depth > 0 as foreground.
  /// - Returns: nil when there is no foreground.
  public func apply(depth: Raster, opacity: Raster?) -> Result? {
    precondition(depth.channels == 1, "a depth map has one channel, not \(depth.channels)")
    let raw = opacity.map { Mask($0, above: opacityThreshold) } ?? Mask(depth, above: 0)
    precondition(raw.width == depth.width && raw.height == depth.height, "depth and opacity differ in size")
    let closed = closingIterations > 0 ? Morphology.close(raw, ellipse: closing, iterations: closingIterations) : raw
    let parts = Components.label(closed)
    guard let largest = parts.largest else { return nil }
    let kept = parts.mask { $0 == largest || parts.areas[$0] >= minimumArea }
    let dropped = (1..<parts.areas.count).filter { $0 != largest && parts.areas[$0] < minimumArea }
    let foreground = kept.fillHoles()
    let solid = kept.intersection(raw)
    // Pixels that the closing added lie under thin or no splats: their depth is a blend with the background, not a surface. So
    // it is filled like the enclosed holes.
    let holes = foreground.subtracting(solid)
    let labelled = Components.label(holes)
    let small = labelled.mask { labelled.areas[$0] <= smallHoleArea }
    let large = labelled.mask { labelled.areas[$0] > smallHoleArea }
    let blended = opacity.map { solid.subtracting(Mask($0, above: reliableOpacity)) }
    var result = depth
    if large.count > 0 { result = fill(result, large, solid, blended, largeHoles) }
    if small.count > 0 { result = fill(result, small, solid, blended, smallHoles) }
    let smallCount = (1..<labelled.areas.count).filter { labelled.areas[$0] <= smallHoleArea }.count
    return Result(
      depth: result.masked(foreground), foreground: foreground, filled: holes, filledPixels: holes.count,
      smallHoleCount: smallCount, largeHoleCount: labelled.count - smallCount,
      droppedPixels: dropped.reduce(0) { $0 + parts.areas[$1] }, droppedComponents: dropped.count)
  }

  /// Fills `hole` from the surface around it. Blended pixels next to the hole are filled on the way, so that values reach it
  /// from behind them, and keep their own values in the result. A hole with nothing but blended pixels near it is filled
  /// from those.
  private func fill(_ depth: Raster, _ hole: Mask, _ solid: Mask, _ blended: Mask?, _ method: Fill) -> Raster {
    guard let blended, blended.count > 0 else { return fill(depth, hole, solid, method) }
    // The band of blended pixels is as wide as a splat's edge: about 6 px in a map of 256.
    let reach = max(2 * radius, max(depth.width, depth.height) / 42)
    let near = DistanceTransform.distances(hole)
    var doubtful = blended
    for i in doubtful.bits.indices where near.pixels[i] > Float(reach) { doubtful.bits[i] = 0 }
    let wide = Components.label(hole.union(doubtful), connectivity: 4)
    var hasSurface = [Bool](repeating: false, count: wide.areas.count)
    let surface = Morphology.dilate(solid.subtracting(doubtful), ellipse: 3)
    for (i, label) in wide.labels.enumerated() where surface.bits[i] != 0 { hasSurface[Int(label)] = true }
    let reached = wide.mask { hasSurface[$0] }
    doubtful = doubtful.intersection(reached)
    let filled = fill(depth, hole.union(doubtful), solid.subtracting(doubtful), method)
    var result = depth
    for i in hole.bits.indices where hole.bits[i] != 0 { result.pixels[i] = filled.pixels[i] }
    return result
  }

  private func fill(_ depth: Raster, _ hole: Mask, _ known: Mask, _ method: Fill) -> Raster {
    switch method {
    case .telea: Inpaint.telea(depth, hole: hole, radius: radius, known: known)
    case .harmonic: Inpaint.harmonic(depth, hole: hole, known: known)
    case .nearestBlur: Inpaint.nearestBlur(depth, hole: hole, known: known, sigma: sigma)
    }
  }
}
