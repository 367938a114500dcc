import Foundation

/// Writes the wire format of protocol buffers, as far as event files and ONNX need it.
/// Source: protobuf.dev, "Encoding".
struct ProtocolBuffer {
  private(set) var data = Data()

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      data.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    data.append(UInt8(rest))
  }

  private mutating func key(_ field: Int, wire: UInt64) { varint(UInt64(field) << 3 | wire) }

  mutating func integer(_ field: Int, _ value: Int) {
    key(field, wire: 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func double(_ field: Int, _ value: Double) {
    key(field, wire: 1)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
  }

  mutating func float(_ field: Int, _ value: Float) {
    key(field, wire: 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
  }

  mutating func bytes(_ field: Int, _ value: Data) {
    key(field, wire: 2)
    varint(UInt64(value.count))
    data.append(value)
  }

  mutating func string(_ field: Int, _ value: String) { bytes(field, Data(value.utf8)) }
  mutating func message(_ field: Int, _ value: ProtocolBuffer) { bytes(field, value.data) }

  /// A packed list of integers.
  mutating func integers(_ field: Int, _ values: [Int]) {
    var packed = ProtocolBuffer()
    for value in values { packed.varint(UInt64(bitPattern: Int64(value))) }
    bytes(field, packed.data)
  }
}
