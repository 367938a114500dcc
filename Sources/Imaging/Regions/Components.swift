/// Connected components of a mask.
///
/// Parity: `image/connected_components_*` (as a partition).
public struct Components: Hashable, Sendable {
  public let width: Int
  public let height: Int
  /// 0 for the background, then 1, 2, ... in the order of each component's first pixel.
  public let labels: [Int32]
  /// Pixels of each label; index 0 is the background.
  public let areas: [Int]
  /// Whether a component touches the edge of the image, by label.
  public let touchesEdge: [Bool]

  /// Components without the background.
  public var count: Int { areas.count - 1 }

  /// - Parameter connectivity: 4 (edges) or 8 (edges and corners).
  public static func label(_ mask: Mask, connectivity: Int = 8) -> Components {
    precondition(connectivity == 4 || connectivity == 8, "connectivity \(connectivity); it is 4 or 8")
    let (width, height) = (mask.width, mask.height)
    var labels = [Int32](repeating: 0, count: width * height)
    var parents: [Int32] = [0]
    func root(_ label: Int32) -> Int32 {
      var i = label
      while parents[Int(i)] != i {
        parents[Int(i)] = parents[Int(parents[Int(i)])]
        i = parents[Int(i)]
      }
      return i
    }
    mask.bits.withUnsafeBufferPointer { bits in
      labels.withUnsafeMutableBufferPointer { labels in
        for y in 0..<height {
          for x in 0..<width where bits[y * width + x] != 0 {
            let i = y * width + x
            var best: Int32 = 0
            func meet(_ neighbour: Int32) {
              if neighbour == 0 || neighbour == best { return }
              if best == 0 {
                best = neighbour
                return
              }
              let a = root(best)
              let b = root(neighbour)
              if a != b { parents[Int(max(a, b))] = min(a, b) }
              best = min(a, b)
            }
            if x > 0 { meet(labels[i - 1]) }
            if y > 0 {
              meet(labels[i - width])
              if connectivity == 8 {
                if x > 0 { meet(labels[i - width - 1]) }
                if x + 1 < width { meet(labels[i - width + 1]) }
              }
            }
            if best == 0 {
              best = Int32(parents.count)
              parents.append(best)
            }
            labels[i] = best
          }
        }
      }
    }
    // Parents point to smaller labels, so one pass in order numbers the roots by their first pixel.
    var final = [Int32](repeating: 0, count: parents.count)
    var next: Int32 = 0
    for label in 1..<max(1, parents.count) {
      let top = Int(root(Int32(label)))
      if top == label {
        next += 1
        final[label] = next
      } else {
        final[label] = final[top]
      }
    }
    var areas = [Int](repeating: 0, count: Int(next) + 1)
    var edges = [Bool](repeating: false, count: Int(next) + 1)
    for y in 0..<height {
      for x in 0..<width {
        let label = Int(final[Int(labels[y * width + x])])
        labels[y * width + x] = Int32(label)
        areas[label] += 1
        if x == 0 || y == 0 || x == width - 1 || y == height - 1 { edges[label] = true }
      }
    }
    return Components(width: width, height: height, labels: labels, areas: areas, touchesEdge: edges)
  }

  /// The pixels of the components that `keep` accepts.
  public func mask(where keep: (_ label: Int) -> Bool) -> Mask {
    let kept = (0..<areas.count).map { $0 > 0 && keep($0) ? UInt8(1) : 0 }
    return Mask(width: width, height: height, bits: labels.map { kept[Int($0)] })
  }

  /// The label with the largest area (the first of equals); nil when there is none.
  public var largest: Int? {
    var best: Int?
    for label in 1..<max(1, areas.count) where areas[label] > (best.map { areas[$0] } ?? 0) { best = label }
    return best
  }
}

extension Mask {
  /// Background that no path of background pixels (joined by edges) leads from to the edge of the image.
  public var holes: Mask {
    let outside = Components.label(inverted, connectivity: 4)
    return outside.mask { !outside.touchesEdge[$0] }
  }

  /// The mask with its holes set.
  public func fillHoles() -> Mask { union(holes) }

  /// The largest component alone (the first of equals).
  public func largestComponent(connectivity: Int = 8) -> Mask {
    let parts = Components.label(self, connectivity: connectivity)
    let largest = parts.largest
    return parts.mask { $0 == largest }
  }

  /// The largest component and every other of at least `minimumArea` pixels.
  public func keepingComponents(minimumArea: Int, connectivity: Int = 8) -> Mask {
    let parts = Components.label(self, connectivity: connectivity)
    let largest = parts.largest
    return parts.mask { $0 == largest || parts.areas[$0] >= minimumArea }
  }
}
