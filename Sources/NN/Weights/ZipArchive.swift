import Foundation

/// The entries of a zip file that are stored without compression, as PyTorch writes them, with the 64-bit extensions.
///
/// Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
struct ZipArchive {
  /// Name and bytes (slices of the file).
  private(set) var entries: [String: Data] = [:]

  init(_ data: Data, file: String) throws {
    do {
      try read(data, file: file)
    } catch is ByteReader.PastEnd {
      throw WeightsError(file: file, reason: "the zip archive is damaged: an entry reaches past the end of the file")
    }
  }

  private mutating func read(_ data: Data, file: String) throws {
    func refuse(_ reason: String) -> WeightsError { WeightsError(file: file, reason: reason) }
    guard let end = Self.endOfCentralDirectory(data) else {
      throw refuse("the zip archive has no central directory: truncated?")
    }
    var reader = ByteReader(data, at: end + 10)
    var count = UInt64(try reader.integer(UInt16.self))
    _ = try reader.integer(UInt32.self)
    var directory = UInt64(try reader.integer(UInt32.self))
    if end >= 20 {
      var locator = ByteReader(data, at: end - 20)
      if try locator.integer(UInt32.self) == 0x0706_4B50 {
        _ = try locator.integer(UInt32.self)
        let position = try locator.integer(UInt64.self)
        guard position <= UInt64(data.count) else { throw ByteReader.PastEnd() }
        var record = ByteReader(data, at: Int(position))
        guard try record.integer(UInt32.self) == 0x0606_4B50 else { throw refuse("a damaged zip64 record") }
        record.position += 28
        count = try record.integer(UInt64.self)
        _ = try record.integer(UInt64.self)
        directory = try record.integer(UInt64.self)
      }
    }
    guard directory <= UInt64(data.count), count <= UInt64(data.count / 46) else { throw ByteReader.PastEnd() }
    reader = ByteReader(data, at: Int(directory))
    for _ in 0..<count {
      guard try reader.integer(UInt32.self) == 0x0201_4B50 else { throw refuse("a damaged zip directory") }
      _ = try reader.take(4)
      let flags = try reader.integer(UInt16.self)
      let method = try reader.integer(UInt16.self)
      _ = try reader.take(8)
      var compressed = UInt64(try reader.integer(UInt32.self))
      var size = UInt64(try reader.integer(UInt32.self))
      let nameLength = Int(try reader.integer(UInt16.self))
      let extraLength = Int(try reader.integer(UInt16.self))
      let commentLength = Int(try reader.integer(UInt16.self))
      _ = try reader.take(8)
      var offset = UInt64(try reader.integer(UInt32.self))
      let name = String(decoding: try reader.take(nameLength), as: UTF8.self)
      var extra = ByteReader(Data(try reader.take(extraLength)))
      _ = try reader.take(commentLength)
      while extra.remaining >= 4 {
        let identifier = try extra.integer(UInt16.self)
        var field = ByteReader(try extra.take(Int(try extra.integer(UInt16.self))))
        guard identifier == 1 else { continue }
        if size == 0xFFFF_FFFF { size = try field.integer(UInt64.self) }
        if compressed == 0xFFFF_FFFF { compressed = try field.integer(UInt64.self) }
        if offset == 0xFFFF_FFFF { offset = try field.integer(UInt64.self) }
      }
      guard flags & 1 == 0 else { throw refuse("zip entry `\(name)` is encrypted") }
      guard method == 0, compressed == size else {
        throw refuse("zip entry `\(name)` is compressed; PyTorch stores its entries uncompressed")
      }
      guard offset <= UInt64(data.count), size <= UInt64(data.count) else { throw ByteReader.PastEnd() }
      var local = ByteReader(data, at: Int(offset))
      guard try local.integer(UInt32.self) == 0x0403_4B50 else { throw refuse("zip entry `\(name)` is damaged") }
      _ = try local.take(22)
      let localName = Int(try local.integer(UInt16.self))
      _ = try local.take(localName + Int(try local.integer(UInt16.self)))
      let bytes = try local.take(Int(size))
      guard entries.updateValue(bytes, forKey: name) == nil else { throw refuse("zip entry `\(name)` appears twice") }
    }
  }

  /// Position of the end record: searched backwards, since a comment of up to 65,535 bytes may follow it.
  private static func endOfCentralDirectory(_ data: Data) -> Int? {
    guard data.count >= 22 else { return nil }
    let lowest = max(0, data.count - 22 - 65_535)
    for position in stride(from: data.count - 22, through: lowest, by: -1) {
      let start = data.startIndex + position
      if data[start] == 0x50, data[start + 1] == 0x4B, data[start + 2] == 5, data[start + 3] == 6 { return position }
    }
    return nil
  }
}
