import Foundation

/// Reads little-endian values from bytes, never past their end.
struct ByteReader {
  let data: Data
  /// Bytes from the start of `data`.
  var position = 0

  struct PastEnd: Error {}

  init(_ data: Data, at position: Int = 0) {
    self.data = data
    self.position = position
  }

  var remaining: Int { data.count - position }

  mutating func byte() throws -> UInt8 {
    guard remaining >= 1 else { throw PastEnd() }
    defer { position += 1 }
    return data[data.startIndex + position]
  }

  /// The next bytes, without copying.
  mutating func take(_ count: Int) throws -> Data {
    guard count >= 0, count <= remaining else { throw PastEnd() }
    let start = data.startIndex + position
    position += count
    return data[start..<(start + count)]
  }

  mutating func integer<T: FixedWidthInteger>(_: T.Type) throws -> T {
    var value: T = 0
    for shift in 0..<MemoryLayout<T>.size { value |= T(truncatingIfNeeded: try byte()) << T(shift * 8) }
    return value
  }

  /// Bytes up to the next newline, which is consumed but not returned.
  mutating func line() throws -> Data {
    let start = data.startIndex + position
    guard remaining > 0, let end = data[start...].firstIndex(of: 10) else { throw PastEnd() }
    position = end - data.startIndex + 1
    return data[start..<end]
  }
}
