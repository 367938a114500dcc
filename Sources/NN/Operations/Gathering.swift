import Basics

/// For every position of a result plane the position of the source plane that it copies, or -1 for zero. Rolls, paddings,
/// crops and window cuts are all of this kind.
struct GatherMap {
  let sourceCount: Int
  let indices: [Int32]

  init(sourceCount: Int, indices: [Int32]) {
    self.sourceCount = sourceCount
    self.indices = indices
  }

  /// A map of images of `height` x `width` to `newHeight` x `newWidth`; `source` returns nil for zero.
  init(
    height: Int, width: Int, newHeight: Int, newWidth: Int, source: (_ y: Int, _ x: Int) -> (y: Int, x: Int)?
  ) {
    var indices: [Int32] = []
    indices.reserveCapacity(newHeight * newWidth)
    for y in 0..<newHeight {
      for x in 0..<newWidth { indices.append(source(y, x).map { Int32($0.y * width + $0.x) } ?? -1) }
    }
    self.init(sourceCount: height * width, indices: indices)
  }
}

extension Tensor {
  /// Applies the map to each of `planes` consecutive planes, whose elements are runs of `run` values.
  func gathered(_ map: GatherMap, planes: Int, run: Int = 1, shape newShape: [Int]) -> Tensor {
    precondition(
      count == planes * map.sourceCount * run && newShape.reduce(1, *) == planes * map.indices.count * run,
      "\(planes) planes of \(map.sourceCount) x \(run) to \(map.indices.count) do not fit \(shape) and \(newShape)")
    let x = contiguous()
    let y = Tensor.empty(newShape)
    let (from, to, oldShape) = (x.reader, y.writer, shape)
    let outputs = map.indices.count
    parallel(planes) { plane in
      let (source, target) = (from + plane * map.sourceCount * run, to + plane * outputs * run)
      map.indices.withUnsafeBufferPointer { indices in
        for i in 0..<outputs {
          let index = Int(indices[i])
          if index < 0 {
            (target + i * run).update(repeating: 0, count: run)
          } else {
            (target + i * run).update(from: source + index * run, count: run)
          }
        }
      }
    }
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.contiguous()
      let dx = Tensor.zeros(oldShape)
      let (upstream, result) = (dy.reader, dx.writer)
      parallel(planes) { plane in
        let (source, target) = (upstream + plane * outputs * run, result + plane * map.sourceCount * run)
        map.indices.withUnsafeBufferPointer { indices in
          for i in 0..<outputs where indices[i] >= 0 {
            let place = target + Int(indices[i]) * run
            for k in 0..<run { place[k] += source[i * run + k] }
          }
        }
      }
      return [dx]
    }
  }

  /// Images with rows and columns added on the right and bottom by reflection, the edge not repeated; sizes in pixels,
  /// smaller than the image. Parity: layers/pad_reflect_right_bottom.
  public func reflectPadded(right: Int, bottom: Int) -> Tensor {
    precondition(right < w && bottom < h, "reflection by \(right), \(bottom) needs a larger image than \(shape)")
    if right == 0 && bottom == 0 { return self }
    let (height, width) = (h, w)
    let map = GatherMap(height: height, width: width, newHeight: height + bottom, newWidth: width + right) { y, x in
      (y < height ? y : 2 * height - 2 - y, x < width ? x : 2 * width - 2 - x)
    }
    return gathered(map, planes: n * c, shape: [n, c, height + bottom, width + right])
  }

  /// Images with zeros added on the right and bottom.
  public func zeroPadded(right: Int, bottom: Int) -> Tensor {
    if right == 0 && bottom == 0 { return self }
    let (height, width) = (h, w)
    let map = GatherMap(height: height, width: width, newHeight: height + bottom, newWidth: width + right) { y, x in
      y < height && x < width ? (y, x) : nil
    }
    return gathered(map, planes: n * c, shape: [n, c, height + bottom, width + right])
  }

  /// The upper left part of images.
  public func cropped(height: Int, width: Int) -> Tensor {
    precondition(height <= h && width <= w, "\(height) x \(width) pixels are not in \(shape)")
    if height == h && width == w { return self }
    let map = GatherMap(height: h, width: w, newHeight: height, newWidth: width) { ($0, $1) }
    return gathered(map, planes: n * c, shape: [n, c, height, width])
  }

  /// Axes 1 and 2 of [n, h, w, c] rotated: element (y, x) moves to (y + dy, x + dx), wrapping around.
  /// Parity: layers/roll_2d.
  public func rolled(dy: Int, dx: Int) -> Tensor {
    precondition(rank == 4, "rolling needs [n, h, w, c], not \(shape)")
    let (height, width) = (shape[1], shape[2])
    func wrapped(_ i: Int, _ size: Int) -> Int { ((i % size) + size) % size }
    let map = GatherMap(height: height, width: width, newHeight: height, newWidth: width) { y, x in
      (wrapped(y - dy, height), wrapped(x - dx, width))
    }
    return gathered(map, planes: shape[0], run: shape[3], shape: shape)
  }
}
