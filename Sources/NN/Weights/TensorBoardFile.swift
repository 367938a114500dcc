import Foundation

/// Training curves as a TensorBoard event file: records of length, masked CRC-32C, a protocol-buffer `Event`, masked CRC-32C.
///
/// Sources: TensorFlow `record_writer.h` (framing), `event.proto` and `summary.proto` (field numbers). TensorBoard looks for
/// files whose names contain `tfevents`.
public enum TensorBoardFile {
  /// Scalars of one step.
  public struct Entry: Hashable, Sendable {
    public var step: Int
    /// Seconds since 1970; TensorBoard shows the difference to the first entry as "relative time".
    public var time: Double
    public var scalars: [String: Double]

    public init(step: Int, time: Double, scalars: [String: Double]) {
      self.step = step
      self.time = time
      self.scalars = scalars
    }
  }

  /// The bytes of a file with these entries, in their order.
  public static func data(_ entries: [Entry]) -> Data {
    var version = ProtocolBuffer()
    version.double(1, entries.first?.time ?? 0)
    version.string(3, "brain.Event:2")
    var data = framed(version.data)
    for entry in entries {
      var summary = ProtocolBuffer()
      for (tag, value) in entry.scalars.sorted(by: { $0.key < $1.key }) {
        var item = ProtocolBuffer()
        item.string(1, tag)
        item.float(2, Float(value))
        summary.message(1, item)
      }
      var event = ProtocolBuffer()
      event.double(1, entry.time)
      event.integer(2, entry.step)
      event.message(5, summary)
      data.append(framed(event.data))
    }
    return data
  }

  private static func framed(_ payload: Data) -> Data {
    var record = Data()
    withUnsafeBytes(of: UInt64(payload.count).littleEndian) { record.append(contentsOf: $0) }
    withUnsafeBytes(of: CRC32C.masked(record).littleEndian) { record.append(contentsOf: $0) }
    record.append(payload)
    withUnsafeBytes(of: CRC32C.masked(payload).littleEndian) { record.append(contentsOf: $0) }
    return record
  }
}

/// The Castagnoli checksum (RFC 3720, appendix B.4).
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
  }

  static func of(_ data: Data) -> UInt32 {
    ~data.reduce(~UInt32(0)) { crc, byte in table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ crc >> 8 }
  }

  /// Rotated and shifted, as records hold it, since a checksum of data with checksums is weak.
  static func masked(_ data: Data) -> UInt32 {
    let crc = of(data)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }
}
