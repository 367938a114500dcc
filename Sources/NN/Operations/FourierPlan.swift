import Foundation

/// A complex number in double precision.
struct Complex {
  var re: Double
  var im: Double

  static func * (a: Complex, b: Complex) -> Complex {
    Complex(re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re)
  }
  static func + (a: Complex, b: Complex) -> Complex { Complex(re: a.re + b.re, im: a.im + b.im) }
  static func - (a: Complex, b: Complex) -> Complex { Complex(re: a.re - b.re, im: a.im - b.im) }
}

/// A discrete Fourier transform of one length, X[k] = sum x[n] exp(-2 pi i k n / N): mixed radix by prime factors, and
/// Bluestein's convolution when a factor is large. Double precision throughout.
///
/// Source: Cooley and Tukey 1965; Bluestein 1970.
final class FourierPlan: Sendable {
  let length: Int
  private let factors: [Int]
  /// exp(-2 pi i k / N).
  private let roots: [Complex]
  private let bluestein: Bluestein?

  init(_ length: Int) {
    precondition(length > 0, "a transform needs at least one value")
    self.length = length
    var factors: [Int] = []
    var rest = length
    for prime in [4, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31] {
      while rest % prime == 0 {
        factors.append(prime)
        rest /= prime
      }
    }
    self.factors = factors
    roots = Self.roots(length)
    bluestein = rest == 1 ? nil : Bluestein(length)
  }

  /// Roots of unity, exact at multiples of an eighth of a turn up to one rounding.
  private static func roots(_ n: Int) -> [Complex] {
    (0..<n).map { k in
      let eighths = 8 * k / n
      // Reduced to the first half quadrant, where sine and cosine are accurate.
      let angle = 2 * .pi * (Double(k) / Double(n) - Double((eighths + 1) / 2) / 4)
      let (c, s) = (cos(angle), sin(angle))
      switch (eighths + 1) / 2 % 4 {
      case 0: return Complex(re: c, im: -s)
      case 1: return Complex(re: -s, im: -c)
      case 2: return Complex(re: -c, im: s)
      default: return Complex(re: s, im: c)
      }
    }
  }

  /// Transforms `length` values at `input`, `stride` apart, into adjacent values at `output`; not in place.
  func transform(_ input: UnsafePointer<Complex>, stride: Int, _ output: UnsafeMutablePointer<Complex>) {
    if let bluestein {
      bluestein.transform(input, stride: stride, output)
    } else {
      step(input, stride, output, length, 0)
    }
  }

  private func step(
    _ input: UnsafePointer<Complex>, _ stride: Int, _ output: UnsafeMutablePointer<Complex>, _ n: Int, _ level: Int
  ) {
    if n == 1 {
      output[0] = input[0]
      return
    }
    let radix = factors[level]
    let m = n / radix
    for r in 0..<radix { step(input + r * stride, stride * radix, output + r * m, m, level + 1) }
    let jump = length / n
    switch radix {
    case 2:
      for k in 0..<m {
        let (a, b) = (output[k], output[m + k] * roots[k * jump])
        output[k] = a + b
        output[m + k] = a - b
      }
    case 4:
      for k in 0..<m {
        let a = output[k]
        let b = output[m + k] * roots[k * jump]
        let c = output[2 * m + k] * roots[2 * k * jump]
        let d = output[3 * m + k] * roots[3 * k * jump]
        let (sum, difference, cross, turned) = (a + c, a - c, b + d, b - d)
        output[k] = sum + cross
        output[m + k] = Complex(re: difference.re + turned.im, im: difference.im - turned.re)
        output[2 * m + k] = sum - cross
        output[3 * m + k] = Complex(re: difference.re - turned.im, im: difference.im + turned.re)
      }
    default:
      withUnsafeTemporaryAllocation(of: Complex.self, capacity: radix) { parts in
        for k in 0..<m {
          for r in 0..<radix { parts[r] = output[r * m + k] * roots[r * k * jump] }
          for q in 0..<radix {
            var sum = parts[0]
            for r in 1..<radix { sum = sum + parts[r] * roots[q * r % radix * (length / radix)] }
            output[q * m + k] = sum
          }
        }
      }
    }
  }
}

/// A transform of any length as a convolution of a power-of-two length.
private final class Bluestein: Sendable {
  let length: Int
  let plan: FourierPlan
  /// exp(-pi i n² / N).
  let chirp: [Complex]
  /// The transform of the conjugate chirp, divided by the length of the convolution.
  let kernel: [Complex]

  init(_ length: Int) {
    self.length = length
    var size = 1
    while size < 2 * length - 1 { size *= 2 }
    let plan = FourierPlan(size)
    self.plan = plan
    let chirp = (0..<length).map { n -> Complex in
      let angle = Double.pi * Double(n * n % (2 * length)) / Double(length)
      return Complex(re: cos(angle), im: -sin(angle))
    }
    self.chirp = chirp
    var wave = [Complex](repeating: Complex(re: 0, im: 0), count: size)
    for n in 0..<length {
      let value = Complex(re: chirp[n].re / Double(size), im: -chirp[n].im / Double(size))
      wave[n] = value
      if n > 0 { wave[size - n] = value }
    }
    var result = wave
    result.withUnsafeMutableBufferPointer { output in
      wave.withUnsafeBufferPointer { input in
        plan.transform(input.baseAddress!, stride: 1, output.baseAddress!)  // not nil: size >= 1
      }
    }
    kernel = result
  }

  func transform(_ input: UnsafePointer<Complex>, stride: Int, _ output: UnsafeMutablePointer<Complex>) {
    let size = plan.length
    withUnsafeTemporaryAllocation(of: Complex.self, capacity: 2 * size) { buffer in
      let (a, b) = (buffer.baseAddress!, buffer.baseAddress! + size)  // not nil: size >= 1
      for n in 0..<length { a[n] = input[n * stride] * chirp[n] }
      for n in length..<size { a[n] = Complex(re: 0, im: 0) }
      plan.transform(a, stride: 1, b)
      // The inverse transform by conjugation.
      for n in 0..<size {
        b[n] = b[n] * kernel[n]
        b[n].im = -b[n].im
      }
      plan.transform(b, stride: 1, a)
      for n in 0..<length { output[n] = Complex(re: a[n].re, im: -a[n].im) * chirp[n] }
    }
  }
}
