import Basics
import Foundation

/// Two-dimensional transforms of real images and their adjoints, plane by plane in double precision.
///
/// A spectrum is a tensor [2, n, c, h, w/2 + 1]: real parts, then imaginary parts of the left half of the transform.
enum FourierImages {
  /// X[u][v] = sum of x exp(-2 pi i (u y / h + v x / w)). At the bins that are their own conjugates the imaginary part is
  /// exactly +0, so that a phase there is 0 or +pi.
  static func forward(_ x: Tensor) -> Tensor {
    let (planes, h, w) = (x.n * x.c, x.h, x.w)
    let half = w / 2 + 1
    let y = Tensor.empty([2, x.n, x.c, h, half])
    let (from, real) = (x.reader, y.writer)
    let imaginary = real + planes * h * half
    let (rowPlan, columnPlan) = (FourierPlan(w), FourierPlan(h))
    parallel(planes) { plane in
      withUnsafeTemporaryAllocation(of: Complex.self, capacity: h * half + 2 * max(w, h)) { buffer in
        let grid = buffer.baseAddress!  // not nil: images are not empty
        let (line, result) = (grid + h * half, grid + h * half + max(w, h))
        for row in 0..<h {
          for i in 0..<w { line[i] = Complex(re: Double(from[(plane * h + row) * w + i]), im: 0) }
          rowPlan.transform(line, stride: 1, result)
          (grid + row * half).update(from: result, count: half)
        }
        for column in 0..<half {
          columnPlan.transform(grid + column, stride: half, result)
          let isOwnMirror = column == 0 || 2 * column == w
          for row in 0..<h {
            let place = (plane * h + row) * half + column
            real[place] = Float(result[row].re)
            imaginary[place] = isOwnMirror && (row == 0 || 2 * row == h) ? 0 : Float(result[row].im)
          }
        }
      }
    }
    return y
  }

  /// y = Re sum over the stored bins of factor(v) X[u][v] exp(+2 pi i (u y / h + v x / w)): the adjoint of `forward` for
  /// factor 1, the inverse transform for the factors of `inverseFactor`.
  static func adjoint(_ spectrum: Tensor, width w: Int, factor: @Sendable (Int) -> Double) -> Tensor {
    let shape = spectrum.shape
    let (planes, h, half) = (shape[1] * shape[2], shape[3], shape[4])
    let y = Tensor.empty([shape[1], shape[2], h, w])
    let (real, to) = (spectrum.reader, y.writer)
    let imaginary = real + planes * h * half
    let (rowPlan, columnPlan) = (FourierPlan(w), FourierPlan(h))
    let factors = (0..<half).map(factor)
    parallel(planes) { plane in
      withUnsafeTemporaryAllocation(of: Complex.self, capacity: h * half + 2 * max(w, h)) { buffer in
        let grid = buffer.baseAddress!  // not nil: images are not empty
        let (line, result) = (grid + h * half, grid + h * half + max(w, h))
        for column in 0..<half {
          for row in 0..<h {
            let place = (plane * h + row) * half + column
            // Conjugated on the way in: the conjugate of the forward transform is the inverse one.
            line[row] = Complex(
              re: Double(real[place]) * factors[column], im: -Double(imaginary[place]) * factors[column])
          }
          columnPlan.transform(line, stride: 1, result)
          for row in 0..<h { grid[row * half + column] = result[row] }
        }
        for row in 0..<h {
          for i in 0..<half { line[i] = grid[row * half + i] }
          for i in half..<max(w, half) { line[i] = Complex(re: 0, im: 0) }
          rowPlan.transform(line, stride: 1, result)
          for i in 0..<w { to[(plane * h + row) * w + i] = Float(result[i].re) }
        }
      }
    }
    return y
  }

  /// Bins off the mirror columns stand for two; everything is divided by the number of pixels.
  static func inverseFactor(height: Int, width: Int) -> @Sendable (Int) -> Double {
    { column in (column == 0 || 2 * column == width ? 1 : 2) / Double(height * width) }
  }
}

extension Tensor {
  /// The spectrum of real images, unnormalised: [n, c, h, w] to [2, n, c, h, w/2 + 1]. Parity: layers/rfft2_amp_phase.
  public func realFourier() -> Tensor {
    let width = w
    return FourierImages.forward(contiguous()).recorded([self]) { gradient, _ in
      [FourierImages.adjoint(gradient.contiguous(), width: width) { _ in 1 }]
    }
  }

  /// Real images of `width` columns from a spectrum, divided by the number of pixels.
  /// Parity: layers/irfft2_from_amp_phase.
  public func inverseRealFourier(width: Int) -> Tensor {
    precondition(rank == 5 && shape[0] == 2 && shape[4] == width / 2 + 1, "\(shape) is no spectrum of width \(width)")
    let factor = FourierImages.inverseFactor(height: shape[3], width: width)
    return FourierImages.adjoint(contiguous(), width: width, factor: factor).recorded([self]) { gradient, _ in
      let spectrum = FourierImages.forward(gradient.contiguous())
      let half = width / 2 + 1
      let values = spectrum.writer
      parallelChunks(spectrum.count) { range in
        for i in range { values[i] *= Float(factor(i % half)) }
      }
      return [spectrum]
    }
  }

  /// The lengths of the complex numbers of a spectrum, [n, c, h, w/2 + 1].
  public func amplitude() -> Tensor {
    let x = contiguous()
    let half = count / 2
    let y = Tensor.empty(Array(shape.dropFirst()))
    let (from, to, spectrumShape) = (x.reader, y.writer, shape)
    parallelChunks(half) { range in for i in range { to[i] = hypotf(from[i], from[half + i]) } }
    let (input, output) = (x.detached(), y.detached())
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.contiguous()
      let dx = Tensor.empty(spectrumShape)
      let (values, lengths, upstream, target) = (input.reader, output.reader, dy.reader, dx.writer)
      parallelChunks(half) { range in
        for i in range {
          let factor = lengths[i] > 0 ? upstream[i] / lengths[i] : 0
          target[i] = values[i] * factor
          target[half + i] = values[half + i] * factor
        }
      }
      return [dx]
    }
  }

  /// The angles of the complex numbers of a spectrum in -pi ... pi, [n, c, h, w/2 + 1].
  public func phase() -> Tensor {
    let x = contiguous()
    let half = count / 2
    let y = Tensor.empty(Array(shape.dropFirst()))
    let (from, to, spectrumShape) = (x.reader, y.writer, shape)
    parallelChunks(half) { range in for i in range { to[i] = atan2f(from[half + i], from[i]) } }
    let input = x.detached()
    return y.recorded([x]) { gradient, _ in
      let dy = gradient.contiguous()
      let dx = Tensor.empty(spectrumShape)
      let (values, upstream, target) = (input.reader, dy.reader, dx.writer)
      parallelChunks(half) { range in
        for i in range {
          let (re, im) = (values[i], values[half + i])
          let square = re * re + im * im
          let factor = square > 0 ? upstream[i] / square : 0
          target[i] = -im * factor
          target[half + i] = re * factor
        }
      }
      return [dx]
    }
  }

  /// The spectrum of given amplitudes and phases, plus constants on the real and imaginary parts.
  public static func spectrum(
    amplitude: Tensor, phase: Tensor, addingReal realOffset: Float = 0, imaginary imaginaryOffset: Float = 0
  ) -> Tensor {
    precondition(amplitude.shape == phase.shape, "amplitudes \(amplitude.shape) and phases \(phase.shape)")
    let (a, p) = (amplitude.contiguous(), phase.contiguous())
    let count = a.count
    let y = Tensor.empty([2] + a.shape)
    let (lengths, angles, to) = (a.reader, p.reader, y.writer)
    parallelChunks(count) { range in
      for i in range {
        to[i] = lengths[i] * cosf(angles[i]) + realOffset
        to[count + i] = lengths[i] * sinf(angles[i]) + imaginaryOffset
      }
    }
    let (input, turns) = (a.detached(), p.detached())
    return y.recorded([a, p]) { gradient, _ in
      let dy = gradient.contiguous()
      let (da, dp) = (Tensor.empty(input.shape), Tensor.empty(input.shape))
      let (lengths, angles, upstream) = (input.reader, turns.reader, dy.reader)
      let (forLengths, forAngles) = (da.writer, dp.writer)
      parallelChunks(count) { range in
        for i in range {
          let (c, s) = (cosf(angles[i]), sinf(angles[i]))
          forLengths[i] = upstream[i] * c + upstream[count + i] * s
          forAngles[i] = lengths[i] * (upstream[count + i] * c - upstream[i] * s)
        }
      }
      return [da, dp]
    }
  }
}
