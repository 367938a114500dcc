import Basics

extension Tensor {
  /// A modulated deformable convolution: each kernel point reads, by bilinear interpolation, at its place plus an offset,
  /// times a factor; places outside (-1, h) x (-1, w) read zero.
  ///
  /// Shapes: input [n, c, h, w]; offsets [n, 2 g p, oh, ow] for g offset groups and p kernel points in row-major order,
  /// (dy, dx) interleaved; factors [n, g p, oh, ow]; weight [k, c/groups, kh, kw]; bias [k].
  /// Source: Zhu et al., "Deformable ConvNets v2", CVPR 2019, equation 1. Parity: layers/deform_conv_*.
  public func deformablyConvolved(
    offsets: Tensor, factors: Tensor, _ weight: Tensor, bias: Tensor? = nil, _ geometry: ConvolutionGeometry
  ) -> Tensor {
    let points = weight.shape[2] * weight.shape[3]
    let layout = DeformableConvolution(
      n: n, c: c, h: h, w: w, k: weight.shape[0], kernelHeight: weight.shape[2], kernelWidth: weight.shape[3],
      oh: offsets.h, ow: offsets.w, offsetGroups: factors.c / points, geometry: geometry)
    precondition(
      offsets.c == 2 * factors.c && factors.c % points == 0 && weight.shape[1] * geometry.groups == c
        && offsets.h == geometry.outputSize(h, weight.shape[2]) && offsets.w == geometry.outputSize(w, weight.shape[3]),
      "offsets \(offsets.shape), factors \(factors.shape), weight \(weight.shape) do not fit the input \(shape)")
    let (x, o) = (contiguous(), layout.aligned(offsets.contiguous()))
    let (f, m) = (factors.contiguous(), weight.contiguous())
    let y = layout.forward(x, o, f, m, bias?.contiguous())
    let (input, shifts, modulation, filter) = (x.detached(), o.detached(), f.detached(), m.detached())
    return y.recorded([x, o, f, m, bias]) { gradient, needs in
      let dy = gradient.contiguous()
      let results = layout.backward(input, shifts, modulation, filter, dy)
      return [results.x, results.offsets, results.factors, results.weight, needs[4] ? dy.biasGradient() : nil]
    }
  }
}

private struct DeformableConvolution {
  let n: Int, c: Int, h: Int, w: Int, k: Int
  let kernelHeight: Int, kernelWidth: Int
  let oh: Int, ow: Int
  let offsetGroups: Int
  let geometry: ConvolutionGeometry

  private var points: Int { kernelHeight * kernelWidth }
  private var pixels: Int { oh * ow }

  /// Where a kernel point reads without an offset: in row `y` for the first of each pair of offsets, else in column `x`.
  private func base(_ axis: Int, _ point: Int, _ pixel: Int) -> Float {
    let (output, tap) = axis == 0 ? (pixel / ow, point / kernelWidth) : (pixel % ow, point % kernelWidth)
    return Float(output * geometry.stride - geometry.padding + tap * geometry.dilation)
  }

  /// The offsets with each reading place between the pixels where a record in force has it: the interpolation has kinks at
  /// whole numbers. Normally just the offsets.
  func aligned(_ offsets: Tensor) -> Tensor {
    guard let kinks = Kinks.active else { return offsets }
    let values = offsets.values
    func start(_ index: Int) -> Float {
      let channel = index / pixels % (2 * offsetGroups * points)
      return base(channel % 2, channel / 2 % points, index % pixels)
    }
    let places = values.enumerated().map { start($0) + $1 }
    var moves: [(index: Int, value: Float)] = []
    kinks.align(places.map { Int32($0.rounded(.down)) }, magnitude: Kinks.magnitude(places)) { index, side in
      let (start, isUp) = (start(index), places[index] < Float(side))
      var value = (isUp ? Float(side) : Float(side + 1).nextDown) - start
      while (start + value).rounded(.down) != Float(side) { value = isUp ? value.nextUp : value.nextDown }
      moves.append((index, value))
      return abs(start + value - places[index])
    }
    return offsets.replacing(moves)
  }

  /// The four pixels around a reading place, with their weights and the derivatives of the weights; an index of -1 is
  /// outside the image.
  private struct Reading {
    var indices = (-1, -1, -1, -1)
    var weights: (Float, Float, Float, Float) = (0, 0, 0, 0)
    var fractionY: Float = 0
    var fractionX: Float = 0
  }

  private func reading(_ offsets: SharedReader<Float>, group: Int, point: Int, pixel: Int)
    -> Reading
  {
    let plane = offsets + (group * points + point) * 2 * pixels + pixel
    let (y, x) = (base(0, point, pixel) + plane[0], base(1, point, pixel) + plane[pixels])
    guard y > -1, x > -1, y < Float(h), x < Float(w) else { return Reading() }
    let (top, left) = (Int(y.rounded(.down)), Int(x.rounded(.down)))
    let (fy, fx) = (y - Float(top), x - Float(left))
    func index(_ row: Int, _ column: Int) -> Int {
      row >= 0 && row < h && column >= 0 && column < w ? row * w + column : -1
    }
    return Reading(
      indices: (index(top, left), index(top, left + 1), index(top + 1, left), index(top + 1, left + 1)),
      weights: ((1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx), fractionY: fy, fractionX: fx)
  }

  @inline(__always)
  private static func value(_ plane: SharedReader<Float>, _ index: Int) -> Float {
    index < 0 ? 0 : plane[index]
  }

  /// The unfolded input of one image, [c][points][pixels].
  private func unfold(
    _ x: SharedReader<Float>, _ offsets: SharedReader<Float>,
    _ factors: SharedReader<Float>,
    _ columns: SharedWriter<Float>
  ) {
    let perGroup = c / offsetGroups
    parallel(offsetGroups * points) { task in
      let (group, point) = (task / points, task % points)
      for pixel in 0..<pixels {
        let place = reading(offsets, group: group, point: point, pixel: pixel)
        let factor = factors[(group * points + point) * pixels + pixel]
        for channel in group * perGroup..<(group + 1) * perGroup {
          let plane = x + channel * h * w
          let sum =
            place.weights.0 * Self.value(plane, place.indices.0) + place.weights.1 * Self.value(plane, place.indices.1)
            + place.weights.2 * Self.value(plane, place.indices.2) + place.weights.3
            * Self.value(plane, place.indices.3)
          columns[(channel * points + point) * pixels + pixel] = sum * factor
        }
      }
    }
  }

  func forward(_ x: Tensor, _ offsets: Tensor, _ factors: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    let y = Tensor.empty([n, k, oh, ow])
    let columns = Tensor.empty([c * points, pixels])
    let groups = geometry.groups
    let (rows, inner) = (k / groups, c / groups * points)
    for image in 0..<n {
      unfold(
        x.reader + image * c * h * w, offsets.reader + image * offsetGroups * points * 2 * pixels,
        factors.reader + image * offsetGroups * points * pixels, columns.writer)
      for group in 0..<groups {
        MatrixProduct.product(
          false, false, m: rows, n: pixels, k: inner, weight.reader + group * rows * inner,
          columns.reader + group * inner * pixels, y.writer + (image * k + group * rows) * pixels)
      }
    }
    if let bias {
      for plane in 0..<n * k {
        for i in plane * pixels..<(plane + 1) * pixels { y.writer[i] += bias.reader[plane % k] }
      }
    }
    return y
  }

  func backward(
    _ x: Tensor, _ offsets: Tensor, _ factors: Tensor, _ weight: Tensor, _ dy: Tensor
  ) -> (x: Tensor, offsets: Tensor, factors: Tensor, weight: Tensor) {
    let dx = Tensor.zeros([n, c, h, w])
    let (dOffsets, dFactors) = (Tensor.empty(offsets.shape), Tensor.empty(factors.shape))
    let dWeight = Tensor.empty(weight.shape)
    let columns = Tensor.empty([c * points, pixels])
    let dColumns = Tensor.empty([c * points, pixels])
    let groups = geometry.groups
    let (rows, inner) = (k / groups, c / groups * points)
    for image in 0..<n {
      let shifts = offsets.reader + image * offsetGroups * points * 2 * pixels
      let modulation = factors.reader + image * offsetGroups * points * pixels
      let source = x.reader + image * c * h * w
      unfold(source, shifts, modulation, columns.writer)
      for group in 0..<groups {
        let upstream = dy.reader + (image * k + group * rows) * pixels
        let filter = group * rows * inner
        MatrixProduct.product(
          true, false, m: inner, n: pixels, k: rows, weight.reader + filter, upstream,
          dColumns.writer + group * inner * pixels)
        MatrixProduct.product(
          false, true, m: rows, n: inner, k: pixels, upstream,
          columns.reader + group * inner * pixels, adds: image > 0,
          dWeight.writer + filter)
      }
      scatter(dColumns.reader, shifts, modulation, dx.writer + image * c * h * w)
      placeGradients(
        source, dColumns.reader, shifts, modulation,
        dOffsets.writer + image * offsetGroups * points * 2 * pixels,
        dFactors.writer + image * offsetGroups * points * pixels)
    }
    return (dx, dOffsets, dFactors, dWeight)
  }

  /// Adds the gradient of the unfolded input to the pixels that were read; one channel at a time, so that no two threads
  /// write to one place.
  private func scatter(
    _ dColumns: SharedReader<Float>, _ offsets: SharedReader<Float>,
    _ factors: SharedReader<Float>,
    _ dx: SharedWriter<Float>
  ) {
    let perGroup = c / offsetGroups
    parallel(c) { channel in
      let group = channel / perGroup
      let plane = dx + channel * h * w
      for point in 0..<points {
        for pixel in 0..<pixels {
          let place = reading(offsets, group: group, point: point, pixel: pixel)
          let part =
            dColumns[(channel * points + point) * pixels + pixel] * factors[(group * points + point) * pixels + pixel]
          if place.indices.0 >= 0 { plane[place.indices.0] += part * place.weights.0 }
          if place.indices.1 >= 0 { plane[place.indices.1] += part * place.weights.1 }
          if place.indices.2 >= 0 { plane[place.indices.2] += part * place.weights.2 }
          if place.indices.3 >= 0 { plane[place.indices.3] += part * place.weights.3 }
        }
      }
    }
  }

  private func placeGradients(
    _ x: SharedReader<Float>, _ dColumns: SharedReader<Float>,
    _ offsets: SharedReader<Float>,
    _ factors: SharedReader<Float>, _ dOffsets: SharedWriter<Float>,
    _ dFactors: SharedWriter<Float>
  ) {
    let perGroup = c / offsetGroups
    parallel(offsetGroups * points) { task in
      let (group, point) = (task / points, task % points)
      for pixel in 0..<pixels {
        let place = reading(offsets, group: group, point: point, pixel: pixel)
        let factor = factors[task * pixels + pixel]
        var (sum, sumY, sumX): (Float, Float, Float) = (0, 0, 0)
        for channel in group * perGroup..<(group + 1) * perGroup {
          let plane = x + channel * h * w
          let upstream = dColumns[(channel * points + point) * pixels + pixel]
          let (a, b) = (Self.value(plane, place.indices.0), Self.value(plane, place.indices.1))
          let (d, e) = (Self.value(plane, place.indices.2), Self.value(plane, place.indices.3))
          sum +=
            upstream * (place.weights.0 * a + place.weights.1 * b + place.weights.2 * d + place.weights.3 * e)
          sumY += upstream * ((1 - place.fractionX) * (d - a) + place.fractionX * (e - b))
          sumX += upstream * ((1 - place.fractionY) * (b - a) + place.fractionY * (e - d))
        }
        dFactors[task * pixels + pixel] = sum
        dOffsets[2 * task * pixels + pixel] = sumY * factor
        dOffsets[(2 * task + 1) * pixels + pixel] = sumX * factor
      }
    }
  }
}
