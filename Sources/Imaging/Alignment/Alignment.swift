import Basics
import Foundation

/// Brings a render onto the photo it was made from: a similarity from point pairs by RANSAC, refined on the pixels by
/// enhanced correlation (ECC). Point pairs come from imported landmarks or, without any model, from the two silhouettes.
public enum Alignment {
  public struct Result: Hashable, Sendable {
    /// From photo pixels to render pixels: ``PlanarTransform/sample(_:width:height:background:)`` of the render with it
    /// lies on the photo.
    public let transform: PlanarTransform
    /// Share of the point pairs within the tolerance.
    public let inlierShare: Double
    /// Correlation of the two images after refinement; nil when that was left out or failed.
    public let correlation: Double?
  }

  /// What the pictures are compared on after the key points.
  public enum Refinement: String, Hashable, Sendable, CaseIterable {
    /// Nothing: the similarity through the key points.
    case none
    /// The head above the shoulders with its outline.
    case head
    /// As `head`, then the inside of the face alone: eyes, nose and mouth, which the blurred rim of a splat render does not
    /// move.
    case face
  }

  /// The least-squares similarity from `source` to `target` (Umeyama, 1991, in the plane); nil below two distinct points.
  public static func similarity(_ source: [SIMD2<Double>], _ target: [SIMD2<Double>]) -> PlanarTransform? {
    guard source.count == target.count, source.count >= 2 else { return nil }
    let n = Double(source.count)
    let from = source.reduce(SIMD2<Double>.zero, +) / n
    let to = target.reduce(SIMD2<Double>.zero, +) / n
    var (dots, crosses, spread) = (0.0, 0.0, 0.0)
    for (s, t) in zip(source, target) {
      let (p, q) = (s - from, t - to)
      dots += p.x * q.x + p.y * q.y
      crosses += p.x * q.y - p.y * q.x
      spread += p.x * p.x + p.y * p.y
    }
    if spread < 1e-12 { return nil }
    let (p, q) = (dots / spread, crosses / spread)
    if p * p + q * q < 1e-12 { return nil }
    return PlanarTransform(
      a: p, b: -q, c: to.x - p * from.x + q * from.y, d: q, e: p, f: to.y - q * from.x - p * from.y)
  }

  /// RANSAC (Fischler and Bolles, 1981) over pairs of points, seeded, then least squares on the inliers.
  /// - Parameter tolerance: in pixels of the target.
  public static func ransacSimilarity(
    _ source: [SIMD2<Double>], _ target: [SIMD2<Double>], tolerance: Double = 8, rounds: Int = 500, seed: UInt64
  ) -> (transform: PlanarTransform, inlierShare: Double)? {
    guard source.count == target.count, source.count >= 2 else { return nil }
    var random = SeededRandom(seed: seed, stream: "ransac")
    func inliers(_ transform: PlanarTransform) -> [Int] {
      source.indices.filter {
        let d = transform(source[$0]) - target[$0]
        return (d * d).sum() <= tolerance * tolerance
      }
    }
    var best: [Int] = []
    for _ in 0..<rounds {
      let i = random.index(below: source.count)
      let j = random.index(below: source.count)
      guard i != j, let guess = similarity([source[i], source[j]], [target[i], target[j]]) else { continue }
      // A head is never rendered at a quarter or four times the size of its photo.
      if guess.scale < 0.25 || guess.scale > 4 { continue }
      let fitting = inliers(guess)
      if fitting.count > best.count { best = fitting }
    }
    for _ in 0..<3 {
      guard let fit = similarity(best.map { source[$0] }, best.map { target[$0] }) else { return nil }
      let next = inliers(fit)
      if next.count <= best.count { return (fit, Double(best.count) / Double(source.count)) }
      best = next
    }
    return similarity(best.map { source[$0] }, best.map { target[$0] }).map {
      ($0, Double(best.count) / Double(source.count))
    }
  }

  /// The head above neck and bust, which photo and render cut off differently: its top row and its width.
  struct HeadBox: Hashable {
    var top: Int
    var width: Double
    var centre: SIMD2<Double>
    /// Rows above this hold no shoulders: a head is some 1.3 times as high as wide.
    var bottom: Int { top + Int(1.1 * width) }
  }

  /// The width is the greatest above the row that lies 0.8 widths below the top; found by growing it until it stays.
  static func headBox(_ mask: Mask) -> HeadBox? {
    guard let box = mask.bounds, box.height >= 16 else { return nil }
    let rows = (0..<box.height).map { row -> (first: Int, last: Int) in
      let line = mask.bits[(box.y + row) * mask.width..<(box.y + row + 1) * mask.width]
      let first = line.firstIndex { $0 != 0 } ?? line.startIndex
      let last = line.lastIndex { $0 != 0 } ?? line.startIndex
      return (first - line.startIndex, last - line.startIndex)
    }
    var width = Double(rows[min(rows.count - 1, 4)].last - rows[min(rows.count - 1, 4)].first + 1)
    for _ in 0..<64 {
      let reach = rows.prefix(max(5, Int(0.8 * width)))
      let next = Double(reach.map { $0.last - $0.first + 1 }.max() ?? 1)
      if next <= width { break }
      width = next
    }
    let reach = rows.prefix(max(5, Int(0.8 * width)))
    let middle = reach.reduce(0.0) { $0 + Double($1.first + $1.last) / 2 } / Double(reach.count)
    return HeadBox(top: box.y, width: width, centre: SIMD2(middle, Double(box.y) + 0.6 * width))
  }

  /// Points of the outline of a head that the same rule finds in the photo and in the render: where lines from the middle of
  /// the head, sideways and upwards, leave the mask.
  public static func outline(_ mask: Mask, rays: Int = 72) -> [SIMD2<Double>]? {
    guard let head = headBox(mask) else { return nil }
    return (0..<rays).compactMap { k -> SIMD2<Double>? in
      let angle = 2 * Double.pi * Double(k) / Double(rays)
      let direction = SIMD2(cos(angle), sin(angle))
      if direction.y > 0.3 { return nil }
      // From outside inwards, so that hollows do not end the ray; half-pixel steps. A head is no wider than this.
      var distance = head.width
      while distance > 0 {
        let p = head.centre + direction * distance
        let (x, y) = (Int(p.x.rounded()), Int(p.y.rounded()))
        if x >= 0, y >= 0, x < mask.width, y < mask.height, mask[x, y] { return p }
        distance -= 0.5
      }
      return head.centre
    }
  }

  /// Longest side of the pictures on which the start is looked for.
  static let coarseSide = 256

  /// Finds the transform from point pairs (the outlines of both silhouettes, eyes and nose tip found in the photo and looked
  /// up in the render; or `landmarks`), then refines it on the images, at a quarter of the size first.
  /// - Parameters:
  ///   - photo, render: one or three channels, the same size; refinement compares their luminance inside the photo's mask.
  ///   - landmarks: pairs of photo and render points in pixels.
  ///   - tolerance: of RANSAC, in pixels; 8 in the study, at 1024.
  /// - Returns: nil when a mask is empty or too few points agree.
  public static func align(
    photo: Raster, photoMask: Mask, render: Raster, renderMask: Mask,
    landmarks: [(photo: SIMD2<Double>, render: SIMD2<Double>)]? = nil, tolerance: Double = 8,
    refine: Refinement = .head,
    seed: UInt64 = 0
  ) -> Result? {
    precondition(
      photo.width == render.width && photo.height == render.height && photoMask.width == photo.width
        && photoMask.height == photo.height && renderMask.width == render.width && renderMask.height == render.height,
      "photo, render and their masks differ in size")
    let factor = max(1, Double(max(photo.width, photo.height)) / Double(coarseSide))
    let (width, height) = (Int(Double(photo.width) / factor), Int(Double(photo.height) / factor))
    func small(_ raster: Raster) -> Raster {
      factor > 1 ? Resize.area(raster.luminance, width: width, height: height) : raster.luminance
    }
    let (coarsePhoto, coarseRender) = (small(photo), small(render))
    let (coarsePhotoMask, coarseRenderMask) = (
      photoMask.resized(width: width, height: height), renderMask.resized(width: width, height: height)
    )
    let start: (transform: PlanarTransform, inlierShare: Double)?
    if let landmarks {
      let found = ransacSimilarity(landmarks.map(\.photo), landmarks.map(\.render), tolerance: tolerance, seed: seed)
      start = found.map { ($0.transform.resized(by: 1 / factor), $0.inlierShare) }
    } else {
      start = silhouettes(coarsePhotoMask, coarseRenderMask, tolerance: max(2, tolerance / factor), seed: seed).map {
        let cues = FacialCues.pairs(
          photo: coarsePhoto, photoMask: coarsePhotoMask, render: coarseRender, expected: $0.transform)
        return combined(cues, $0, tolerance: max(2, tolerance / factor), seed: seed)
      }
    }
    guard let start, start.inlierShare >= 0.2 else { return nil }
    var transform = start.transform
    var correlation: Double?
    if refine != .none {
      let ecc = EnhancedCorrelation()
      if let found = ecc.refine(
        template: coarsePhoto, image: coarseRender,
        mask: shared(coarsePhotoMask, coarseRenderMask, transform), from: transform)
      {
        (transform, correlation) = (found.transform, found.correlation)
      }
      transform = transform.resized(by: factor)
      if factor > 1,
        let found = ecc.refine(
          template: photo.luminance, image: render.luminance, mask: shared(photoMask, renderMask, transform),
          from: transform)
      {
        (transform, correlation) = (found.transform, found.correlation)
      }
      if refine == .face,
        let found = ecc.refine(
          template: photo.luminance, image: render.luminance, mask: inside(photoMask, renderMask, transform),
          from: transform)
      {
        (transform, correlation) = (found.transform, found.correlation)
      }
    } else {
      transform = transform.resized(by: factor)
    }
    return Result(transform: transform, inlierShare: start.inlierShare, correlation: correlation)
  }

  /// A start: the similarity, the pairs of outline points that it came from.
  private typealias Start = (
    transform: PlanarTransform, inlierShare: Double, source: [SIMD2<Double>], target: [SIMD2<Double>]
  )

  /// The similarity between two outlines. The k-th ray of one outline is not that of the other once the head is turned, so
  /// the pairs are made anew from the nearest points, a few times.
  private static func silhouettes(_ photo: Mask, _ render: Mask, tolerance: Double, seed: UInt64) -> Start? {
    guard let source = outline(photo), var target = outline(render), let dense = outline(render, rays: 720),
      var best = ransacSimilarity(source, target, tolerance: tolerance, seed: seed)
    else { return nil }
    for _ in 0..<20 {
      let nearest = source.map { point -> SIMD2<Double> in
        let moved = best.transform(point)
        return dense.min { distance($0, moved) < distance($1, moved) } ?? moved
      }
      guard let next = ransacSimilarity(source, nearest, tolerance: tolerance, seed: seed) else { break }
      let change = source.map { distance(next.transform($0), best.transform($0)) }.max() ?? 0
      (best, target) = (next, nearest)
      if change < 1e-4 { break }
    }
    return (best.transform, best.inlierShare, source, target)
  }

  private static func distance(_ a: SIMD2<Double>, _ b: SIMD2<Double>) -> Double { ((a - b) * (a - b)).sum() }

  /// The similarity through outline, eyes and nose together: each of the three weighs as much as six points of the outline,
  /// and counts only where all agree to the tolerance.
  private static func combined(
    _ cues: [(photo: SIMD2<Double>, render: SIMD2<Double>)], _ start: Start, tolerance: Double, seed: UInt64
  ) -> (transform: PlanarTransform, inlierShare: Double) {
    let repeated = cues.flatMap { Array(repeating: $0, count: 6) }
    let all = ransacSimilarity(
      start.source + repeated.map(\.photo), start.target + repeated.map(\.render), tolerance: tolerance, seed: seed)
    return all ?? (start.transform, start.inlierShare)
  }

  /// The inside of the face: what both show of the head, far enough from either outline.
  private static func inside(_ photoMask: Mask, _ renderMask: Mask, _ transform: PlanarTransform) -> Mask {
    let moved = Mask(transform.sample(renderMask.raster, width: photoMask.width, height: photoMask.height))
    let both = shared(photoMask, renderMask, transform).intersection(moved)
    return Morphology.erode(both, ellipse: max(3, photoMask.width / 14 | 1))
  }

  /// What both pictures show of the head: the photo's mask above the shoulders, where the moved render is, and a little more,
  /// so that the outline takes part.
  private static func shared(_ photoMask: Mask, _ renderMask: Mask, _ transform: PlanarTransform) -> Mask {
    let moved = Mask(transform.sample(renderMask.raster, width: photoMask.width, height: photoMask.height))
    var mask = photoMask.intersection(Morphology.dilate(moved, ellipse: max(3, photoMask.width / 40 | 1)))
    if let head = headBox(photoMask) {
      for y in min(mask.height, head.bottom)..<mask.height {
        for x in 0..<mask.width { mask[x, y] = false }
      }
    }
    return mask
  }
}
