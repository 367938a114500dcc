import Foundation

/// Eyes and nose tip of a frontal face without a trained detector: eyes are the pair of dark spots of about one height in the
/// upper half of the silhouette, the tip of the nose the bright spot between and below them. What is found in the photo is
/// looked up in the render by normalised correlation of a patch, so that both pictures mean the same point.
public enum FacialCues {
  public struct Face: Hashable, Sendable {
    public let leftEye: SIMD2<Double>
    public let rightEye: SIMD2<Double>
    public let noseTip: SIMD2<Double>
    public var points: [SIMD2<Double>] { [leftEye, rightEye, noseTip] }
  }

  /// - Parameters:
  ///   - picture: one channel, light on dark or dark on light skin.
  ///   - mask: the silhouette of the head.
  /// - Returns: nil where no two spots look like eyes.
  public static func find(_ picture: Raster, mask: Mask) -> Face? {
    guard let box = mask.bounds, box.width >= 32, box.height >= 32 else { return nil }
    let radius = Double(box.width) * 0.025
    let inside = Morphology.erode(mask, ellipse: max(3, Int(radius * 4) | 1))
    // Background must not look like a dark or a bright spot at the rim: it takes the mean of the head.
    let values = mask.bits.indices.filter { mask.bits[$0] != 0 }.map { picture.pixels[$0] }
    let filled = picture.masked(mask, background: values.reduce(0, +) / Float(max(1, values.count)))
    let fine = Filters.gaussian(filled, sigma: max(0.5, radius))
    let broad = Filters.gaussian(filled, sigma: max(1, radius * 3))
    func darkness(_ x: Int, _ y: Int) -> Double { Double(broad[x, y] - fine[x, y]) }
    func spots(_ left: Double, _ right: Double) -> [(x: Int, y: Int, value: Double)] {
      var found: [(x: Int, y: Int, value: Double)] = []
      for y in box.y + box.height * 2 / 10..<box.y + box.height * 65 / 100 {
        for x in box.x + Int(Double(box.width) * left)..<box.x + Int(Double(box.width) * right) where inside[x, y] {
          let value = darkness(x, y)
          guard value > 0, x > 0, y > 0, x + 1 < picture.width, y + 1 < picture.height, value > darkness(x - 1, y),
            value >= darkness(x + 1, y), value > darkness(x, y - 1), value >= darkness(x, y + 1)
          else { continue }
          found.append((x, y, value))
        }
      }
      return Array(found.sorted { $0.value > $1.value }.prefix(8))
    }
    let width = Double(box.width)
    var best: (left: SIMD2<Double>, right: SIMD2<Double>, score: Double)?
    for left in spots(0.15, 0.5) {
      for right in spots(0.5, 0.85) {
        let (dx, dy) = (Double(right.x - left.x), Double(right.y - left.y))
        // Pupils stand about 0.4 head widths apart, at about one height.
        guard dx > 0.22 * width, dx < 0.6 * width, abs(dy) < 0.25 * dx else { continue }
        let score = min(left.value, right.value) * exp(-pow(dy / (0.12 * dx), 2))
        if score > best?.score ?? 0 {
          best = (SIMD2(Double(left.x), Double(left.y)), SIMD2(Double(right.x), Double(right.y)), score)
        }
      }
    }
    guard let eyes = best else { return nil }
    let across = eyes.right - eyes.left
    let apart = (across * across).sum().squareRoot()
    let down = SIMD2(-across.y, across.x) / apart
    var tip: (point: SIMD2<Double>, value: Double)?
    for v in stride(from: 0.35 * apart, through: 1.0 * apart, by: 1) {
      for u in stride(from: -0.2 * apart, through: 0.2 * apart, by: 1) {
        let p = (eyes.left + eyes.right) / 2 + down * v + across / apart * u
        let (x, y) = (Int(p.x.rounded()), Int(p.y.rounded()))
        guard x >= 0, y >= 0, x < picture.width, y < picture.height, inside[x, y] else { continue }
        let value = -darkness(x, y)
        if value > tip?.value ?? -.infinity { tip = (SIMD2(Double(x), Double(y)), value) }
      }
    }
    guard let tip else { return nil }
    return Face(leftEye: eyes.left, rightEye: eyes.right, noseTip: tip.point)
  }

  /// The photo's cues and where the render shows them.
  /// - Parameter expected: photo to render, to within a few per cent of the head's width.
  /// - Returns: those found with a correlation of at least 0.6; empty without a face.
  static func pairs(
    photo: Raster, photoMask: Mask, render: Raster, expected: PlanarTransform
  ) -> [(photo: SIMD2<Double>, render: SIMD2<Double>)] {
    guard let face = find(photo, mask: photoMask), let box = photoMask.bounds else { return [] }
    let reach = max(3, box.width / 12)
    let radius = max(4, box.width / 10)
    // The render as the photo would show it if the expectation were right: only a shift is left to find.
    let moved = expected.sample(render, width: photo.width, height: photo.height, background: 1)
    return face.points.compactMap { point in
      guard let shift = shift(photo, moved, around: point, radius: radius, reach: reach) else { return nil }
      return (point, expected(point + shift))
    }
  }

  /// The whole-pixel shift within `reach` at which a square patch correlates best, to a fraction of a pixel by a parabola;
  /// nil below 0.6 or at the border of the search.
  private static func shift(
    _ photo: Raster, _ moved: Raster, around point: SIMD2<Double>, radius: Int, reach: Int
  ) -> SIMD2<Double>? {
    let (cx, cy) = (Int(point.x.rounded()), Int(point.y.rounded()))
    let margin = radius + reach
    guard cx >= margin, cy >= margin, cx + margin < photo.width, cy + margin < photo.height else { return nil }
    let side = 2 * reach + 1
    var scores = [Double](repeating: -1, count: side * side)
    for dy in -reach...reach {
      for dx in -reach...reach {
        var (sa, sb, saa, sbb, sab, n) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for y in -radius...radius {
          for x in -radius...radius {
            let a = Double(photo.pixels[(cy + y) * photo.width + cx + x])
            let b = Double(moved.pixels[(cy + y + dy) * moved.width + cx + x + dx])
            sa += a
            sb += b
            saa += a * a
            sbb += b * b
            sab += a * b
            n += 1
          }
        }
        let (va, vb) = (saa - sa * sa / n, sbb - sb * sb / n)
        if va > 1e-9, vb > 1e-9 {
          scores[(dy + reach) * side + dx + reach] = (sab - sa * sb / n) / (va * vb).squareRoot()
        }
      }
    }
    guard let best = scores.indices.max(by: { scores[$0] < scores[$1] }), scores[best] >= 0.6 else { return nil }
    let (x, y) = (best % side, best / side)
    guard x > 0, y > 0, x + 1 < side, y + 1 < side else { return nil }
    func peak(_ before: Double, _ at: Double, _ after: Double) -> Double {
      let bend = before - 2 * at + after
      return bend < 0 ? 0.5 * (before - after) / bend : 0
    }
    return SIMD2(
      Double(x - reach) + peak(scores[best - 1], scores[best], scores[best + 1]),
      Double(y - reach) + peak(scores[best - side], scores[best], scores[best + side]))
  }
}
