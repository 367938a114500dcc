import Basics
import Foundation
import NN

/// `bench --account`: work, bytes and time of each kind of operation in the U-Net at 1024 x 1024, beside two roofs measured in
/// the same run: multiplications and additions in registers alone, and the copy of a large block.
enum Account {
  struct Line {
    var name: String
    /// Operations by direct counting and as the algorithm does them, in units of 10^9.
    var direct: Double
    var done: Double
    /// Bytes that must pass between memory and the cores, each operand once.
    var bytes: Double
    var seconds: Double
  }

  static func run(repetitions: Int) {
    let roof = (0..<repetitions).map { _ in NN.peakRate() }.max() ?? .infinity
    let copy = copyRoof(repetitions)
    say(String(format: "roofs: registers %.0f GFLOP/s, copy %.1f GB/s", roof, copy))
    say(pad("operation", 34) + "   direct     done       MB       ms  GFLOP/s  of roof   GB/s  of roof")
    for level in 0...4 {
      for line in lines(level: level, repetitions) {
        let rate = line.done / line.seconds
        let flow = line.bytes / line.seconds / 1e9
        say(
          pad(line.name, 34)
            + String(
              format: "  %7.2f  %7.2f  %7.0f  %7.1f  %7.0f  %5.0f %%  %5.1f  %5.0f %%", line.direct, line.done,
              line.bytes / 1e6, line.seconds * 1e3, rate, 100 * rate / roof, flow, 100 * flow / copy))
      }
    }
  }

  private static func noise(_ shape: [Int]) -> Tensor {
    var state: UInt32 = 7
    return Tensor(
      (0..<shape.reduce(1, *)).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Float(state >> 8) / Float(1 << 24) - 0.5
      }, shape)
  }

  /// The shortest of some runs.
  private static func best(_ repetitions: Int, _ body: () -> Void) -> Double {
    body()
    return (0..<repetitions).map { _ in
      let start = DispatchTime.now().uptimeNanoseconds
      body()
      return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    }.min() ?? .infinity
  }

  /// Bytes read and written.
  private static func copyRoof(_ repetitions: Int) -> Double {
    let block = Tensor.filled([1, 32, 1024, 1024], 1)
    let other = Tensor.zeros([1, 32, 1024, 1024])
    let bytes = 8.0 * Double(block.count)
    let (from, to) = (block.reader, other.writer)
    let seconds = best(repetitions) {
      parallelChunks(block.count, of: 1 << 18) { range in
        (to + range.lowerBound).update(from: from + range.lowerBound, count: range.count)
      }
    }
    return bytes / seconds / 1e9
  }

  /// A 3x3 convolution from c to c channels, its two gradients, and the transposed convolution to the level above.
  private static func lines(level: Int, _ repetitions: Int) -> [Line] {
    let (side, c) = (1024 >> level, 32 << level)
    let pixels = Double(side * side)
    let x = noise([1, c, side, side]).channelsLast()
    let weight = noise([c, c, 3, 3])
    let geometry = ConvolutionGeometry(kernel: 3, padding: 1)
    let direct = 18 * pixels * Double(c * c) / 1e9
    // 36 products a tile of 16 pixels; about 12 additions and products a pixel and channel for each transform.
    let done = direct / 4 + 2 * 12 * pixels * Double(c) / 1e9
    let images = 8 * pixels * Double(c)
    let upstream = noise([1, c, side, side]).channelsLast()
    func gradient(_ x: Tensor, _ weight: Tensor) -> Double {
      // The forward pass is made anew each time and its time taken off.
      let both = best(repetitions) { x.convolved(weight, geometry).backward(upstream) }
      return both
    }
    let forward = best(repetitions) { NN.withoutGradients { _ = x.convolved(weight, geometry) } }
    let data = gradient(x.variable { _ in }, weight) - forward
    let weights = gradient(x, weight.variable { _ in }) - forward
    var result = [
      Line(name: "3x3 \(c) channels, \(side)²", direct: direct, done: done, bytes: images, seconds: forward),
      Line(name: "  gradient of its input", direct: direct, done: done, bytes: images, seconds: data),
      Line(name: "  gradient of its weights", direct: direct, done: done, bytes: images, seconds: weights),
    ]
    if level > 0 {
      let up = noise([c, c / 2, 2, 2])
      let work = 2 * pixels * Double(c * c / 2 * 4) / 1e9
      let seconds = best(repetitions) {
        NN.withoutGradients { _ = x.convolvedTransposed(up, ConvolutionGeometry(kernel: 2, stride: 2)) }
      }
      result.append(
        Line(
          name: "2x2 up to \(c / 2) channels, \(2 * side)²", direct: work, done: work,
          bytes: 4 * pixels * Double(c) * 3, seconds: seconds))
    }
    let pooled = best(repetitions) { NN.withoutGradients { _ = x.maxPooled2x2() } }
    result.append(
      Line(name: "  pooling", direct: 0, done: 0, bytes: 5 * pixels * Double(c), seconds: pooled))
    return result
  }
}
