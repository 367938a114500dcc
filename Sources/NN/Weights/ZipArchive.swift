import CZip
import Foundation

/// The entries of a zip file in memory, stored or deflated, with the 64-bit extensions; read with libzip.
///
/// What the directory promises is checked before anything is allocated, so that a small file cannot ask for much memory.
package final class ZipArchive {
  package struct Entry {
    fileprivate var index: UInt64
    /// Bytes when unpacked.
    fileprivate var size: Int
    fileprivate var isStored: Bool
    /// CRC-32 of the unpacked bytes; 0 also where the writer computed none (`torch.serialization.set_crc32_options(False)`).
    fileprivate var checksum: UInt32
  }

  /// By name.
  package private(set) var entries: [String: Entry] = [:]
  private let file: String
  private let archive: OpaquePointer

  /// No stream of deflate unpacks to more than 1032 times its size.
  private static let largestRatio = 1032
  /// The least that an entry takes beside its data and its name: its local header and its row in the directory.
  private static let leastHeaders = 30 + 46

  /// - Parameters:
  ///   - bytes: must stay as they are while the archive is used.
  ///   - file: stands for the archive in errors.
  ///   - byteLimit: bytes that all entries together may unpack to.
  package init(_ bytes: UnsafeRawBufferPointer, file: String, byteLimit: Int) throws {
    self.file = file
    var error = zip_error_t()
    zip_error_init(&error)
    defer { zip_error_fini(&error) }
    guard let source = zip_source_buffer_create(bytes.baseAddress, UInt64(bytes.count), 0, &error) else {
      throw Self.damaged(file, &error)
    }
    guard let archive = zip_open_from_source(source, ZIP_RDONLY, &error) else {
      zip_source_free(source)
      throw Self.damaged(file, &error)
    }
    self.archive = archive
    try readDirectory(fileSize: bytes.count, byteLimit: byteLimit)
  }

  // Nothing was written, so there is nothing to lose.
  deinit { zip_discard(archive) }

  private static func damaged(_ file: String, _ error: inout zip_error_t) -> WeightsError {
    if zip_error_code_zip(&error) == ZIP_ER_NOZIP {
      return WeightsError(file: file, reason: "the zip archive has no central directory: truncated?")
    }
    return WeightsError(
      file: file, reason: "the zip archive is damaged (\(String(cString: zip_error_strerror(&error))))")
  }

  private func refuse(_ reason: String, help: String? = nil) -> WeightsError {
    WeightsError(file: file, reason: reason, help: help)
  }

  private func readDirectory(fileSize: Int, byteLimit: Int) throws {
    var unpacked = 0
    var occupied = 0
    for index in 0..<UInt64(max(0, zip_get_num_entries(archive, 0))) {
      var row = zip_stat_t()
      guard zip_stat_index(archive, index, 0, &row) == 0, let pointer = row.name else {
        throw refuse("the zip archive is damaged: its entry \(index) cannot be read")
      }
      let name = String(cString: pointer)
      guard row.encryption_method == UInt16(ZIP_EM_NONE) else { throw refuse("zip entry `\(name)` is encrypted") }
      let isStored = row.comp_method == UInt16(ZIP_CM_STORE)
      guard isStored || row.comp_method == UInt16(ZIP_CM_DEFLATE) else {
        throw refuse(
          "zip entry `\(name)` is compressed by method \(row.comp_method); stored and deflated entries can be read",
          help: "save the file again with torch.save, which stores its entries uncompressed")
      }
      guard let size = Int(exactly: row.size), let packed = Int(exactly: row.comp_size), packed <= fileSize else {
        throw refuse("zip entry `\(name)` reaches past the end of the file")
      }
      guard isStored ? size == packed : size / Self.largestRatio <= packed else {
        throw refuse("zip entry `\(name)` claims \(size) bytes from \(packed), which its method cannot give")
      }
      occupied += packed + 2 * name.utf8.count + Self.leastHeaders
      guard occupied <= fileSize else { throw refuse("zip entry `\(name)` overlaps another") }
      guard size <= byteLimit - unpacked else {
        throw refuse(
          "its zip entries unpack to more than \(byteLimit) bytes, far beyond the size of the file",
          help: "if you trust it, save it again with torch.save, which stores its entries uncompressed")
      }
      unpacked += size
      let entry = Entry(index: index, size: size, isStored: isStored, checksum: row.crc)
      guard entries.updateValue(entry, forKey: name) == nil else { throw refuse("zip entry `\(name)` appears twice") }
    }
  }

  /// The unpacked bytes of an entry; nil when there is none of this name.
  /// - Throws: `WeightsError` when the data ends early, does not unpack or does not have its checksum.
  package func bytes(_ name: String) throws -> Data? {
    guard let entry = entries[name] else { return nil }
    guard let stream = zip_fopen_index(archive, entry.index, 0) else {
      throw damagedEntry(name, zip_get_error(archive))
    }
    defer { zip_fclose(stream) }
    var data = Data(count: entry.size)
    let isComplete = data.withUnsafeMutableBytes { buffer in
      var filled = 0
      while filled < buffer.count {
        let count = zip_fread(stream, buffer.baseAddress.map { $0 + filled }, UInt64(buffer.count - filled))
        guard count > 0 else { return false }
        filled += Int(count)
      }
      // libzip compares the checksum at the end of the data, which is found by asking for more.
      if entry.isStored, entry.checksum == 0 { return true }
      var byte: UInt8 = 0
      return zip_fread(stream, &byte, 1) == 0
    }
    guard isComplete else { throw damagedEntry(name, zip_file_get_error(stream)) }
    return data
  }

  private func damagedEntry(_ name: String, _ error: UnsafeMutablePointer<zip_error_t>?) -> WeightsError {
    let reason =
      error.flatMap { zip_error_code_zip($0) == ZIP_ER_OK ? nil : String(cString: zip_error_strerror($0)) }
    return refuse("zip entry `\(name)` is damaged (\(reason ?? "its data has another length than its header says"))")
  }
}
