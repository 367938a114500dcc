import Basics

/// Dilation, erosion, closing and opening with OpenCV's elliptical element. Pixels outside the image never count: they do
/// not grow into it and do not eat from it.
///
/// Parity: `image/morph_close_ellipse5_x2`.
public enum Morphology {
  /// For each row of a `side` x `side` ellipse (row offset from the anchor at side / 2): the first and last column offset.
  static func ellipse(_ side: Int) -> [(dy: Int, columns: ClosedRange<Int>)] {
    precondition(side > 0, "a structuring element of \(side) pixels")
    let radius = side / 2
    if radius == 0 { return [(0, 0...0)] }
    return (0..<side).map { row in
      let dy = row - radius
      let half = Double(radius) * (Double(radius * radius - dy * dy) / Double(radius * radius)).squareRoot()
      let dx = Int(half.rounded(.toNearestOrEven))
      return (dy, max(-dx, -radius)...min(dx, side - 1 - radius))
    }
  }

  public static func dilate(_ mask: Mask, ellipse side: Int, iterations: Int = 1) -> Mask {
    var result = mask
    for _ in 0..<iterations { result = dilated(result, ellipse(side)) }
    return result
  }

  public static func erode(_ mask: Mask, ellipse side: Int, iterations: Int = 1) -> Mask {
    let mirrored = ellipse(side)
    var result = mask.inverted
    for _ in 0..<iterations { result = dilated(result, mirrored) }
    return result.inverted
  }

  /// `iterations` dilations, then as many erosions: closes gaps.
  public static func close(_ mask: Mask, ellipse side: Int, iterations: Int = 1) -> Mask {
    erode(dilate(mask, ellipse: side, iterations: iterations), ellipse: side, iterations: iterations)
  }

  /// `iterations` erosions, then as many dilations: removes specks.
  public static func open(_ mask: Mask, ellipse side: Int, iterations: Int = 1) -> Mask {
    dilate(erode(mask, ellipse: side, iterations: iterations), ellipse: side, iterations: iterations)
  }

  private static func dilated(_ mask: Mask, _ element: [(dy: Int, columns: ClosedRange<Int>)]) -> Mask {
    let (width, height) = (mask.width, mask.height)
    var result = [UInt8](repeating: 0, count: mask.bits.count)
    mask.bits.withReader { source in
      result.withWriter { target in
        forRows(height, work: width * height * 4) { band in
          for y in band {
            let to = target.pointer + y * width
            for (dy, columns) in element {
              guard y + dy >= 0 && y + dy < height else { continue }
              let from = source.pointer + (y + dy) * width
              for dx in columns {
                let start = max(0, -dx)
                let end = min(width, width - dx)
                if start >= end { continue }
                for x in start..<end { to[x] |= from[x + dx] }
              }
            }
          }
        }
      }
    }
    return Mask(width: width, height: height, bits: result)
  }
}
