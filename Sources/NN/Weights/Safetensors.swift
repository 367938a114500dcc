import Foundation

/// The safetensors format: eight bytes of header length, a JSON header with each tensor's type, shape and byte range, then
/// the data. Reading is strict: every byte of the data belongs to exactly one tensor.
///
/// Source: huggingface/safetensors, README "Format". Parity: `checkpoints/safetensors_*`.
public enum Safetensors {
  /// Headers beyond this are refused, as the reference reader does.
  static let headerLimit = 100_000_000

  public struct Contents: Sendable, Hashable {
    public var tensors: [String: StoredTensor]
    public var metadata: [String: String]

    public init(tensors: [String: StoredTensor], metadata: [String: String] = [:]) {
      self.tensors = tensors
      self.metadata = metadata
    }
  }

  /// Reads a file; the tensors are slices of the mapped file.
  /// - Throws: `WeightsError` naming the file and what is wrong with it.
  public static func read(_ url: URL) throws -> Contents {
    let data: Data
    do {
      data = try Data(contentsOf: url, options: .mappedIfSafe)
    } catch {
      throw WeightsError(file: url.path, reason: "cannot be read: \(error.localizedDescription)")
    }
    return try read(data, name: url.path)
  }

  /// Reads the bytes of a file; `name` stands for it in errors.
  public static func read(_ data: Data, name: String) throws -> Contents {
    func refuse(_ reason: String) -> WeightsError { WeightsError(file: name, reason: reason) }
    var reader = ByteReader(data)
    guard data.count >= 8, let length = try? reader.integer(UInt64.self) else {  // the guard makes the read safe
      throw refuse("not a safetensors file: \(data.count) bytes, too short for the header length")
    }
    guard length <= UInt64(headerLimit), Int(length) <= reader.remaining else {
      throw refuse(
        "not a safetensors file, or truncated: the header claims \(length) bytes of \(reader.remaining) that follow")
    }
    let header = try SafetensorsHeader.parse(data.dropFirst(8).prefix(Int(length)), file: name)
    let start = data.startIndex + 8 + Int(length)
    let available = data.count - 8 - Int(length)
    var tensors: [String: StoredTensor] = [:]
    tensors.reserveCapacity(header.entries.count)
    var end = 0
    for entry in header.entries.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
      guard entry.start <= entry.end else { throw refuse("tensor `\(entry.name)` ends before it starts") }
      guard entry.end <= available else {
        throw refuse("tensor `\(entry.name)` claims bytes up to \(entry.end) of \(available): truncated?")
      }
      guard entry.start >= end else { throw refuse("tensor `\(entry.name)` overlaps the one before it") }
      guard entry.start == end else {
        throw refuse("bytes \(end)..<\(entry.start) belong to no tensor (before `\(entry.name)`)")
      }
      guard let type = ElementType(rawValue: entry.type) else {
        throw refuse("tensor `\(entry.name)` has the unknown element type `\(entry.type)`")
      }
      var bytes = type.size
      for extent in entry.shape {
        let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
        guard !overflow, extent >= 0 else {
          throw refuse("tensor `\(entry.name)` of shape \(entry.shape) has more elements than can be counted")
        }
        bytes = product
      }
      guard bytes == entry.end - entry.start else {
        throw refuse(
          "tensor `\(entry.name)`, \(entry.type) of shape \(entry.shape), needs \(bytes) bytes and has "
            + "\(entry.end - entry.start)")
      }
      tensors[entry.name] = StoredTensor(
        type: type, shape: entry.shape, bytes: data[(start + entry.start)..<(start + entry.end)])
      end = entry.end
    }
    guard end == available else { throw refuse("\(available - end) bytes after the last tensor belong to none") }
    return Contents(tensors: tensors, metadata: header.metadata)
  }

  /// The bytes of a file with these tensors. Equal contents give equal bytes: tensors lie by falling element size, then by
  /// name; metadata keys are sorted; the data begins at a multiple of eight.
  public static func data(_ tensors: [String: StoredTensor], metadata: [String: String] = [:]) -> Data {
    let order = tensors.sorted { a, b in
      a.value.type.size != b.value.type.size
        ? a.value.type.size > b.value.type.size : a.key.utf8.lexicographicallyPrecedes(b.key.utf8)
    }
    var header = "{"
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      header +=
        "\"__metadata__\":{"
        + pairs.map { "\(SafetensorsHeader.quoted($0.key)):\(SafetensorsHeader.quoted($0.value))" }.joined(
          separator: ",") + "}"
    }
    var offset = 0
    for (name, tensor) in order {
      if header.utf8.count > 1 { header += "," }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      header +=
        "\(SafetensorsHeader.quoted(name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],"
        + "\"data_offsets\":[\(offset),\(offset + tensor.bytes.count)]}"
      offset += tensor.bytes.count
    }
    header += "}"
    header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    var data = Data(capacity: 8 + header.utf8.count + offset)
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
    data.append(contentsOf: header.utf8)
    for (_, tensor) in order { data.append(tensor.bytes) }
    return data
  }

  /// Writes a file; it appears complete or not at all.
  public static func write(_ tensors: [String: StoredTensor], metadata: [String: String] = [:], to url: URL) throws {
    do {
      try data(tensors, metadata: metadata).write(to: url, options: .atomic)
    } catch {
      throw WeightsError(file: url.path, reason: "cannot be written: \(error.localizedDescription)")
    }
  }
}
