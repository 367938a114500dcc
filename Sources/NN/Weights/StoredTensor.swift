import Foundation

/// A tensor as it lies in a file: contiguous, row-major, little-endian bytes with their element type.
public struct StoredTensor: Hashable, Sendable {
  public let type: ElementType
  /// Empty for a single number.
  public let shape: [Int]
  /// `count * type.size` bytes; may be a slice of a mapped file.
  public let bytes: Data

  public init(type: ElementType, shape: [Int], bytes: Data) {
    precondition(
      bytes.count == shape.reduce(1, *) * type.size,
      "a \(type.rawValue) tensor of shape \(shape) has \(shape.reduce(1, *) * type.size) bytes, not \(bytes.count)")
    self.type = type
    self.shape = shape
    self.bytes = bytes
  }

  public init(_ values: [Float], shape: [Int]) {
    self.init(type: .float32, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
  }

  public init(_ values: [Double], shape: [Int]) {
    self.init(type: .float64, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
  }

  public init(_ values: [Int64], shape: [Int]) {
    self.init(type: .int64, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
  }

  public var count: Int { shape.reduce(1, *) }

  /// The values as 32-bit floats; half, bfloat16 and small integers convert exactly, wider types round.
  public var floats: [Float] {
    if type == .float32 {
      return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        initialized = bytes.copyBytes(to: buffer) / 4
      }
    }
    if type == .bfloat16 { return map(UInt16.self) { Float(bitPattern: UInt32($0) << 16) } }
    if type == .float16 { return map(Float16.self) { Float($0) } }
    return doubles.map { Float($0) }
  }

  /// The values as doubles; exact except for 64-bit integers beyond 2^53.
  public var doubles: [Double] {
    switch type {
    case .float64: map(Double.self) { $0 }
    case .float32: map(Float.self) { Double($0) }
    case .float16: map(Float16.self) { Double($0) }
    case .bfloat16: map(UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
    case .int64: map(Int64.self) { Double($0) }
    case .int32: map(Int32.self) { Double($0) }
    case .int16: map(Int16.self) { Double($0) }
    case .int8: map(Int8.self) { Double($0) }
    case .uint64: map(UInt64.self) { Double($0) }
    case .uint32: map(UInt32.self) { Double($0) }
    case .uint16: map(UInt16.self) { Double($0) }
    case .uint8: map(UInt8.self) { Double($0) }
    case .bool: map(UInt8.self) { $0 == 0 ? 0 : 1 }
    }
  }

  /// The values of an integer tensor; floating-point values are truncated.
  public var integers: [Int64] {
    switch type {
    case .int64: map(Int64.self) { $0 }
    case .uint64: map(UInt64.self) { Int64(clamping: $0) }
    default: doubles.map { $0.isFinite ? Int64(max(-9.2e18, min(9.2e18, $0))) : 0 }
    }
  }

  private func map<Raw: BitwiseCopyable, Result>(_: Raw.Type, _ convert: (Raw) -> Result) -> [Result] {
    let count = count
    let size = MemoryLayout<Raw>.size
    return bytes.withUnsafeBytes { raw in
      [Result](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count {
          (buffer.baseAddress! + index).initialize(  // not nil: only entered for count > 0
            to: convert(raw.loadUnaligned(fromByteOffset: index * size, as: Raw.self)))
        }
        initialized = count
      }
    }
  }
}
