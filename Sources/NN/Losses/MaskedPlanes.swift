extension Tensor {
  /// Every channel as an image of its own.
  var planes: Tensor { c == 1 ? self : reshaped([n * c, 1, h, w]) }

  /// A mask [n, 1, h, w] once for each of `channels` planes.
  func repeatedPlanes(_ channels: Int) -> Tensor {
    if channels == 1 { return self }
    let (values, area) = (self.values, h * w)
    return Tensor(
      (0..<n).flatMap { image in
        (0..<channels).flatMap { _ in values[image * area..<(image + 1) * area] }
      }, [n * channels, 1, h, w])
  }

  /// `self` where the mask is 1, `other` where it is 0.
  func replaced(outside mask: Tensor?, by other: Tensor) -> Tensor {
    guard let mask else { return self }
    let wide = mask.repeatedPlanes(c).reshaped(shape)
    let rest = NN.withoutGradients { other.detached() * wide.affine(-1, 1) }
    return self * wide + rest
  }

  /// Area averages, without a gradient.
  func averaged(height: Int, width: Int) -> Tensor {
    NN.withoutGradients { h == height && w == width ? self : adaptiveAverage(height: height, width: width) }
  }
}
