import Basics
import Foundation

/// Reads Gaussians from a PLY file piece by piece, so that memory does not grow with the file.
public struct SplatReader {
  /// Name used in errors.
  public let file: String
  let header: SplatHeader
  /// Gaussians promised by the header.
  public var count: Int { header.count }
  public var degree: Int { header.degree }
  public var format: SplatFile.Format { header.format }
  /// Properties of the Gaussians that are not used, such as `nx` or `red`.
  public var extraProperties: [String] {
    let used = Set(header.slots)
    return header.properties.indices.filter { !used.contains($0) }.map { header.properties[$0].name }
  }

  private var source: Source
  private var buffer: [UInt8] = []
  /// First unread byte in `buffer`, and where that byte stands in the file.
  private var cursor = 0
  private var offset = 0
  private var done = 0
  private var scratch: [Float]

  private enum Source {
    case file(FileHandle)
    case memory(Data)

    /// At least one byte, or none at the end.
    mutating func read(_ limit: Int) throws -> Data {
      switch self {
      case .file(let handle): return try handle.read(upToCount: limit) ?? Data()
      case .memory(let data):
        let piece = data.prefix(limit)
        self = .memory(data.dropFirst(piece.count))
        return piece
      }
    }
  }

  private static let pieceSize = 1 << 20

  /// Opens a file and reads its header; errors call it `name`, or by its path.
  /// - Throws: `SplatFileError`.
  public init(_ url: URL, name: String? = nil) throws {
    let file = name ?? url.path
    do {
      try self.init(.file(FileHandle(forReadingFrom: url)), file: file, size: Self.size(of: url))
    } catch let error as SplatFileError {
      throw error
    } catch {
      throw SplatFileError(
        file: file, reason: .unreadable, offset: nil, detail: "cannot be read: \(error.localizedDescription)",
        help: "check the path and its permissions")
    }
  }

  /// Reads from memory; `name` stands for the file in errors.
  public init(_ data: Data, name: String) throws {
    try self.init(.memory(data), file: name, size: data.count)
  }

  private static func size(of url: URL) throws -> Int? {
    let values = try url.resourceValues(forKeys: [.fileSizeKey, .isRegularFileKey])
    return values.isRegularFile == true ? values.fileSize : nil
  }

  private init(_ source: Source, file: String, size: Int?) throws {
    self.file = file
    var source = source
    var bytes: [UInt8] = []
    var lines: [(text: String, offset: Int)] = []
    var lineStart = 0
    var scanned = 0
    func fail(_ reason: SplatFileError.Reason, _ offset: Int, _ detail: String) -> SplatFileError {
      SplatFileError(file: file, reason: reason, offset: offset, detail: detail, help: exportAgain)
    }
    scan: while true {
      while scanned < bytes.count {
        scanned += 1
        guard bytes[scanned - 1] == UInt8(ascii: "\n") else { continue }
        var line = bytes[lineStart..<(scanned - 1)]
        if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
        let text = String(decoding: line, as: UTF8.self)
        if lines.isEmpty, text != "ply" { throw fail(.notPly, 0, "not a PLY file: it does not begin with `ply`") }
        lines.append((text, lineStart))
        lineStart = scanned
        if text == "end_header" { break scan }
        if lines.count > InputBudget.Splats.headerLines {
          throw fail(.header, lineStart, "the header has more than \(InputBudget.Splats.headerLines) lines")
        }
      }
      if lines.isEmpty, !bytes.isEmpty, !"ply\r\n".utf8.starts(with: bytes.prefix(5)), !bytes.starts(with: "ply\n".utf8)
      {
        throw fail(.notPly, 0, "not a PLY file: it does not begin with `ply`")
      }
      let piece = bytes.count > InputBudget.Splats.headerBytes ? Data() : try source.read(4096)
      if piece.isEmpty {
        let reason = bytes.isEmpty ? "the file is empty" : "the header does not end with `end_header`"
        throw fail(bytes.isEmpty ? .empty : .truncated, bytes.count, reason)
      }
      bytes += piece
    }
    header = try SplatHeader(lines: lines, length: lineStart, file: file)
    self.source = source
    buffer = bytes
    cursor = lineStart
    offset = lineStart
    scratch = [Float](repeating: 0, count: header.slots.count)
    if let size { try checkSize(size) }
    try skipEarlierElements()
  }

  /// A count that the file cannot hold is refused before anything is allocated for it.
  private func checkSize(_ size: Int) throws {
    let body = size - header.length - (header.format == .ascii ? 0 : header.skippedBytes)
    // Text needs a digit and a separator for each value; the last separator may be missing.
    let least = header.format == .ascii ? 2 * header.properties.count : header.stride
    let fits = max(0, header.format == .ascii ? body + 1 : body) / least
    guard fits >= header.count else {
      let whole = header.format == .ascii ? "at most \(fits)" : "\(fits) whole ones"
      throw SplatFileError(
        file: file, reason: .truncated, offset: size,
        detail: "the header promises \(header.count) Gaussians, the file ends after \(whole)",
        help: "copy or \(exportAgain)")
    }
  }

  private mutating func skipEarlierElements() throws {
    if header.format == .ascii {
      for _ in 0..<header.skippedLines { _ = try line() }
    } else {
      var left = header.skippedBytes
      while left > 0 {
        let step = min(left, Self.pieceSize)
        try need(step)
        advance(step)
        left -= step
      }
    }
  }

  /// The next Gaussians, at most `limit`; nil when all were read.
  /// - Throws: `SplatFileError` with the byte where the data end or where a value is not finite.
  public mutating func next(_ limit: Int = 65_536) throws -> GaussianCloud? {
    let wanted = min(limit, header.count - done)
    guard wanted > 0 else { return nil }
    var cloud = GaussianCloud(degree: header.degree, capacity: wanted)
    for _ in 0..<wanted {
      if header.format == .ascii { try readText() } else { try readBinary() }
      append(to: &cloud)
      done += 1
    }
    return cloud
  }

  private func append(to cloud: inout GaussianCloud) {
    let v = scratch
    cloud.positions.append(SIMD3(v[0], v[1], v[2]))
    cloud.baseColours.append(SIMD3(v[3], v[4], v[5]))
    cloud.opacityLogits.append(v[6])
    cloud.logScales.append(SIMD3(v[7], v[8], v[9]))
    cloud.rotations.append(SIMD4(v[10], v[11], v[12], v[13]))
    cloud.restColours += v[14...]
  }

  private mutating func readBinary() throws {
    let stride = header.stride
    try need(stride)
    let swapped = header.format == .binaryBigEndian
    for slot in scratch.indices {
      let property = header.properties[header.slots[slot]]
      let value = buffer.withUnsafeBytes {
        Self.number($0, at: cursor + property.offset, type: property.type, swapped: swapped)
      }
      guard value.isFinite else { throw badValue("\(value)", property.name, at: offset + property.offset) }
      scratch[slot] = value
    }
    advance(stride)
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, at i: Int, type: SplatHeader.Scalar, swapped: Bool)
    -> Float
  {
    func load<T: FixedWidthInteger>(_: T.Type) -> T {
      let raw = bytes.loadUnaligned(fromByteOffset: i, as: T.self)
      return swapped ? T(bigEndian: raw) : T(littleEndian: raw)
    }
    switch type {
    case .float32: return Float(bitPattern: load(UInt32.self))
    case .float64: return Float(Double(bitPattern: load(UInt64.self)))
    case .int8: return Float(load(Int8.self))
    case .uint8: return Float(load(UInt8.self))
    case .int16: return Float(load(Int16.self))
    case .uint16: return Float(load(UInt16.self))
    case .int32: return Float(load(Int32.self))
    case .uint32: return Float(load(UInt32.self))
    }
  }

  private mutating func readText() throws {
    let start = offset
    let text = try line()
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
    guard words.count >= header.properties.count else {
      throw SplatFileError(
        file: file, reason: .truncated, offset: start,
        detail: "Gaussian \(done + 1) of \(header.count) has \(words.count) values, not \(header.properties.count)",
        help: exportAgain)
    }
    for slot in scratch.indices {
      let property = header.slots[slot]
      guard let value = Float(words[property]), value.isFinite else {
        let place = text.utf8.distance(from: text.startIndex, to: words[property].startIndex)
        throw badValue(String(words[property].prefix(40)), header.properties[property].name, at: start + place)
      }
      scratch[slot] = value
    }
  }

  private func badValue(_ value: String, _ property: String, at offset: Int) -> SplatFileError {
    SplatFileError(
      file: file, reason: .badValue, offset: offset,
      detail: "property `\(property)` of Gaussian \(done + 1) of \(header.count) is \(value), not a finite number",
      help: exportAgain)
  }

  // MARK: - Bytes

  private mutating func advance(_ count: Int) {
    cursor += count
    offset += count
  }

  /// Adds a piece to the buffer; false at the end of the file.
  private mutating func refill() throws -> Bool {
    if cursor > 0 {
      buffer.removeSubrange(..<cursor)
      cursor = 0
    }
    let piece: Data
    do {
      piece = try source.read(Self.pieceSize)
    } catch {
      throw SplatFileError(
        file: file, reason: .unreadable, offset: offset, detail: "cannot be read: \(error.localizedDescription)",
        help: "check the disk")
    }
    buffer += piece
    return !piece.isEmpty
  }

  private mutating func need(_ count: Int) throws {
    while buffer.count - cursor < count {
      if try !refill() {
        throw SplatFileError(
          file: file, reason: .truncated, offset: offset + buffer.count - cursor,
          detail: "the data end inside Gaussian \(done + 1) of \(header.count)", help: "copy or \(exportAgain)")
      }
    }
  }

  private mutating func line() throws -> String {
    var scanned = cursor
    while true {
      if let end = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
        let text = String(decoding: buffer[cursor..<end], as: UTF8.self)
        advance(end - cursor + 1)
        return text.hasSuffix("\r") ? String(text.dropLast()) : text
      }
      scanned = buffer.count
      let pending = buffer.count - cursor
      if pending > InputBudget.Splats.headerBytes {
        throw SplatFileError(
          file: file, reason: .badValue, offset: offset, detail: "a line of more than 1 MiB", help: exportAgain)
      }
      let more = try refill()
      scanned = pending
      if !more {
        if pending > 0 {
          let text = String(decoding: buffer[cursor...], as: UTF8.self)
          advance(pending)
          return text
        }
        throw SplatFileError(
          file: file, reason: .truncated, offset: offset,
          detail: "the data end after Gaussian \(done) of \(header.count)", help: "copy or \(exportAgain)")
      }
    }
  }
}
