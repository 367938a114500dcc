import Foundation

/// xoshiro256** seeded through SplitMix64 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021).
/// The only source of randomness in this project: always built from a declared seed.
public struct SeededRandom: RandomNumberGenerator, Hashable, Sendable {
  /// The four words of state; saved in checkpoints.
  public var state: (UInt64, UInt64, UInt64, UInt64) {
    get { (s0, s1, s2, s3) }
    set { (s0, s1, s2, s3) = newValue }
  }
  private var s0: UInt64, s1: UInt64, s2: UInt64, s3: UInt64

  public init(seed: UInt64) {
    var mixer = seed
    func split(_ x: inout UInt64) -> UInt64 {
      x &+= 0x9e37_79b9_7f4a_7c15
      var z = x
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
    (s0, s1, s2, s3) = (split(&mixer), split(&mixer), split(&mixer), split(&mixer))
  }

  /// A stream of its own for `name`: independent of how many others exist and of their order.
  public init(seed: UInt64, stream name: String) {
    let digest = Digest.of("\(seed)/\(name)").bytes
    self.init(seed: digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
  }

  public mutating func next() -> UInt64 {
    func rotate(_ x: UInt64, _ k: UInt64) -> UInt64 { x << k | x >> (64 - k) }
    let result = rotate(s1 &* 5, 7) &* 9
    let t = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = rotate(s3, 45)
    return result
  }

  /// Uniform in [0, 1), 53 bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// Uniform in 0 ..< bound, without bias.
  public mutating func index(below bound: Int) -> Int {
    precondition(bound > 0, "a bound of \(bound) leaves nothing to choose")
    return Int(next(upperBound: UInt64(bound)))
  }

  /// Standard normal by the Box-Muller transform; two uniform numbers for each result.
  public mutating func normal() -> Double {
    let u = 1 - uniform()
    let v = uniform()
    return (-2 * log(u)).squareRoot() * cos(2 * .pi * v)
  }

  /// 0 ..< count in random order (Fisher-Yates).
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for i in stride(from: count - 1, to: 0, by: -1) { order.swapAt(i, index(below: i + 1)) }
    return order
  }
}
