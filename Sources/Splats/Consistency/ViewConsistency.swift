import Imaging

/// How well two views of the same splats agree on where the surface is (the study's multi-view check): each pixel of view
/// A is lifted to the world, projected into view B, and its depth there compared with B's own.
public struct ViewConsistency: Hashable, Sendable {
  /// Share of compared pixels whose depths differ by less than the tolerance, 0...1.
  public var rate: Double
  /// Mean difference of depth as a share of the depth range.
  public var meanDifference: Double
  /// Pixels compared.
  public var count: Int

  /// What counts, with the study's values.
  public struct Rules: Hashable, Sendable {
    /// A pixel counts in either view only where the opacity is higher.
    public var opacity: Float = 0.9
    /// Pixels taken off the edge of what counts.
    public var erosion = 5
    /// Brightness below white, 0...255, that belongs to the face in view A; nil to take every opaque pixel.
    public var faceThreshold: Float? = 30
    /// Difference of depth that is still consistent, as a share of the depth range.
    public var tolerance: Float = 0.02

    public init() {}
  }

  /// Compares two views rendered with one depth range. Nil when no pixel can be compared.
  public init?(_ a: SplatMaps, camera cameraA: SplatCamera, _ b: SplatMaps, camera cameraB: SplatCamera, rules: Rules) {
    precondition(a.near == b.near && a.far == b.far, "the two views have depth ranges of their own")
    let solidA = Self.solid(a, rules: rules, face: rules.faceThreshold)
    let solidB = Self.solid(b, rules: rules, face: nil)
    let range = Double(a.far - a.near)
    guard range > 0 else { return nil }
    var (consistent, compared, sum) = (0, 0, 0.0)
    for y in 0..<cameraA.height {
      for x in 0..<cameraA.width where solidA[y * cameraA.width + x] != 0 {
        let z = Double(a.far) - Double(Self.depth(a, x, y)) * range
        let inA = SIMD3(
          (Double(x) + 0.5 - cameraA.cx) / cameraA.fx * z, (Double(y) + 0.5 - cameraA.cy) / cameraA.fy * z, z)
        let inB = cameraB.cameraPoint(cameraA.worldPoint(inA))
        guard inB.z > 0 else { continue }
        let u = Int((inB.x / inB.z * cameraB.fx + cameraB.cx).rounded(.down))
        let v = Int((inB.y / inB.z * cameraB.fy + cameraB.cy).rounded(.down))
        guard (0..<cameraB.width).contains(u), (0..<cameraB.height).contains(v), solidB[v * cameraB.width + u] != 0
        else { continue }
        let zB = Double(b.far) - Double(Self.depth(b, u, v)) * range
        let difference = abs(zB - inB.z) / range
        compared += 1
        sum += difference
        if difference < Double(rules.tolerance) { consistent += 1 }
      }
    }
    guard compared > 0 else { return nil }
    rate = Double(consistent) / Double(compared)
    meanDifference = sum / Double(compared)
    count = compared
  }

  /// Blended depth of the splats alone, without the black behind them.
  private static func depth(_ maps: SplatMaps, _ x: Int, _ y: Int) -> Float { maps.depth[x, y] / maps.opacity[x, y] }

  private static func solid(_ maps: SplatMaps, rules: Rules, face: Float?) -> [UInt8] {
    var mask = Mask(maps.opacity, above: rules.opacity)
    if let face {
      for i in mask.bits.indices where mask.bits[i] != 0 {
        let rgb = maps.rgb.pixels[(3 * i)..<(3 * i + 3)]
        let darkest = rgb.min() ?? 1
        if (1 - darkest) * 255 <= face { mask.bits[i] = 0 }
      }
    }
    return rules.erosion > 0 ? Morphology.erode(mask, ellipse: 2 * rules.erosion + 1).bits : mask.bits
  }
}
