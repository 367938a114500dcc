import Basics

/// A class of hardware by name, such as `cpu avx512 with OpenBLAS 0.3.26 SkylakeX`: on all machines of a class the same arithmetic
/// gives the same bits, between two classes the last bits may differ. The engine compares and shows names and knows nothing of
/// what is behind them; stage types tell theirs (`Stage.hardwareClass`).
public struct HardwareClass: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  public var rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { rawValue = value }
  public var description: String { rawValue }

  /// Of work that was begun by a version that did not record it.
  public static let unknown: HardwareClass = "unknown"
}

extension HardwareClass: RecordValue {}

extension Sequence<HardwareClass> {
  /// In the order of the work: `cpu avx512, then cpu avx2`; empty for none.
  public var text: String { map(\.rawValue).joined(separator: ", then ") }
}
