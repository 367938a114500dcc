extension TrainingSample {
  /// A rectangle, in pixels of the input, of all planes.
  public func cropped(y: Int, x: Int, height: Int, width: Int) -> TrainingSample {
    precondition(y >= 0 && x >= 0 && y + height <= self.height && x + width <= self.width, "a cut outside `\(name)`")
    func crop(_ plane: [Float], _ factor: Int) -> [Float] {
      let (fullHeight, fullWidth) = (self.height * factor, self.width * factor)
      var result: [Float] = []
      let count = plane.count / (fullHeight * fullWidth)
      result.reserveCapacity(count * height * width * factor * factor)
      for k in 0..<count {
        for row in 0..<height * factor {
          let start = (k * fullHeight + y * factor + row) * fullWidth + x * factor
          result += plane[start..<start + width * factor]
        }
      }
      return result
    }
    return TrainingSample(
      name: name, height: height, width: width, scale: scale, channels: channels, image: crop(image, 1),
      target: crop(target, scale), mask: mask.map { crop($0, scale) }, normal: normal.map { crop($0, scale) },
      guide: guide.map { crop($0, scale) })
  }

  /// The middle of the example, at most `side` input pixels each way.
  public func centre(_ side: Int) -> TrainingSample {
    let (h, w) = (min(side, height), min(side, width))
    return cropped(y: (height - h) / 2, x: (width - w) / 2, height: h, width: w)
  }

  /// Mirrors all planes; the component of the normals along the mirrored axis changes its sign.
  mutating func mirror(vertically: Bool) {
    rearrange { y, x, height, width in vertically ? (height - 1 - y, x) : (y, width - 1 - x) }
    changeNormals { vertically ? ($0, -$1) : (-$0, $1) }
  }

  /// Turns clockwise by quarters of a circle; normals turn with their pixels (x right, y down).
  public mutating func turn(quarters: Int) {
    switch quarters % 4 {
    case 1:
      rearrange(swapsSides: true) { y, x, _, width in (width - 1 - x, y) }
      changeNormals { (-$1, $0) }
    case 2:
      rearrange { y, x, height, width in (height - 1 - y, width - 1 - x) }
      changeNormals { (-$0, -$1) }
    case 3:
      rearrange(swapsSides: true) { y, x, height, _ in (x, height - 1 - y) }
      changeNormals { ($1, -$0) }
    default: break
    }
  }

  /// Changes the pictures among the planes: input and truth of photo super-resolution alike, by the truth's mean, and an RGB
  /// guide.
  mutating func changePhotos(_ change: (_ planes: inout [Float], _ mean: Float) -> Void) {
    func mean(_ values: [Float]) -> Float {
      Float(values.reduce(0.0) { $0 + Double($1) } / Double(max(1, values.count)))
    }
    if channels == 3 {
      let middle = mean(target)
      change(&image, middle)
      change(&target, middle)
    }
    if guideChannels == 3, var planes = guide {
      change(&planes, mean(planes))
      guide = planes
    }
  }

  /// Moves the pixels of all planes: `source` says where the one at (y, x) of the new plane of height x width comes from.
  private mutating func rearrange(
    swapsSides: Bool = false, _ source: (_ y: Int, _ x: Int, _ height: Int, _ width: Int) -> (Int, Int)
  ) {
    func moved(_ plane: [Float], _ oldHeight: Int, _ oldWidth: Int) -> [Float] {
      let (newHeight, newWidth) = swapsSides ? (oldWidth, oldHeight) : (oldHeight, oldWidth)
      let area = newHeight * newWidth
      let places = (0..<area).map { i in
        let (y, x) = source(i / newWidth, i % newWidth, newHeight, newWidth)
        return y * oldWidth + x
      }
      var result = plane
      for start in stride(from: 0, to: plane.count, by: area) {
        for i in 0..<area { result[start + i] = plane[start + places[i]] }
      }
      return result
    }
    let (high, wide) = (height * scale, width * scale)
    image = moved(image, height, width)
    target = moved(target, high, wide)
    mask = mask.map { moved($0, high, wide) }
    guide = guide.map { moved($0, high, wide) }
    normal = normal.map { moved($0, high, wide) }
    if swapsSides { (height, width) = (width, height) }
  }

  private mutating func changeNormals(_ change: (_ x: Float, _ y: Float) -> (Float, Float)) {
    guard var planes = normal else { return }
    let area = planes.count / 3
    for i in 0..<area { (planes[i], planes[area + i]) = change(planes[i], planes[area + i]) }
    normal = planes
  }
}
