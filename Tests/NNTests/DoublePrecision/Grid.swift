import Basics
import Foundation

/// An array of doubles with a shape: what the definitions of operations are written in, plainly, so that gradients of the
/// library can be held to differences of something that shares no code with it.
struct Grid {
  var shape: [Int]
  var values: [Double]

  init(_ shape: [Int], _ value: (Int) -> Double = { _ in 0 }) {
    self.shape = shape
    values = (0..<shape.reduce(1, *)).map(value)
  }

  /// Random single-precision numbers, so that the library sees the very same ones.
  init(_ shape: [Int], _ random: inout SeededRandom, _ range: ClosedRange<Double> = -1...1) {
    self.init(shape)
    for i in values.indices { values[i] = Double(Float(random.uniform(range.lowerBound, range.upperBound))) }
  }

  var floats: [Float] { values.map { Float($0) } }
  var n: Int { shape[0] }
  var c: Int { shape[1] }
  var h: Int { shape[2] }
  var w: Int { shape[3] }

  /// Of an image; zero outside.
  subscript(n: Int, c: Int, y: Int, x: Int) -> Double {
    get {
      guard y >= 0, x >= 0, y < h, x < w else { return 0 }
      return values[((n * shape[1] + c) * h + y) * w + x]
    }
    set { values[((n * shape[1] + c) * h + y) * w + x] = newValue }
  }

  func map(_ change: (Double) -> Double) -> Grid {
    var result = self
    for i in values.indices { result.values[i] = change(values[i]) }
    return result
  }

  /// An image made element by element.
  static func image(_ shape: [Int], _ value: (_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double) -> Grid {
    Grid(shape) { i in
      let (x, rest) = (i % shape[3], i / shape[3])
      return value(rest / shape[2] / shape[1], rest / shape[2] % shape[1], rest % shape[2], x)
    }
  }

  /// A single number.
  static func scalar(_ value: Double) -> Grid { Grid([]) { _ in value } }

  var mean: Double { values.reduce(0, +) / Double(values.count) }

  /// Mean and population variance of some of the values.
  static func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
  }

  /// All pixels of one channel of one image.
  func plane(_ n: Int, _ c: Int) -> [Double] { Array(values[(n * self.c + c) * h * w..<(n * self.c + c + 1) * h * w]) }
}
