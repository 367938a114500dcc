import Foundation
import NN
import Testing

/// Zip files that Python's zipfile wrote (Fixtures/make_zips.py), and what damage makes of them.
@Suite("Zip archives") struct ZipArchiveTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

  private static func fixture(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }

  @Test("Stored, deflated and 64-bit archives hold the same tensors", arguments: ["stored", "deflated", "zip64"])
  func reads(name: String) throws {
    let tensors = try PyTorchFile.read(Self.fixture("\(name).pth"), name: name).tensors
    #expect(Set(tensors.keys) == ["w", "b"])
    #expect(tensors["w"]?.shape == [2, 600] && tensors["w"]?.floats == (0..<1200).map { Float($0) / 8 })
    #expect(tensors["b"]?.integers == [-1, 1 << 40])
  }

  /// The bytes of a fixture with other bytes in every place where `pattern` stands, at a distance from it.
  private static func patched(
    _ name: String, after pattern: [UInt8], at distance: Int, _ change: (inout UInt8) -> Void
  ) throws -> Data {
    var bytes = Array(try fixture(name))
    var found = 0
    for start in 0...(bytes.count - pattern.count) where bytes[start..<(start + pattern.count)].elementsEqual(pattern) {
      change(&bytes[start + distance])
      found += 1
    }
    try #require(found > 0, "the fixture has no such bytes")
    return Data(bytes)
  }

  private static let localHeader: [UInt8] = [0x50, 0x4B, 3, 4]
  private static let directoryRow: [UInt8] = [0x50, 0x4B, 1, 2]

  private static func expectRefusal(_ data: Data, _ reason: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let error = #expect(throws: WeightsError.self, sourceLocation: sourceLocation) {
      try PyTorchFile.read(data, name: "given.pth")
    }
    let text = error?.description ?? ""
    #expect(text.hasPrefix("given.pth: ") && text.contains(reason), "\(text)", sourceLocation: sourceLocation)
  }

  @Test("Encrypted entries are named as such") func encrypted() throws {
    let data = try Self.patched("deflated.pth", after: Self.directoryRow, at: 8) { $0 |= 1 }
    Self.expectRefusal(data, "zip entry `model/data.pkl` is encrypted")
  }

  @Test("Other methods than deflate are refused with the way out") func otherMethod() throws {
    Self.expectRefusal(
      try Self.fixture("bzip2.pth"), "compressed by method 12; stored and deflated entries can be read")
  }

  @Test("A name that is there twice has no meaning") func twice() throws {
    Self.expectRefusal(try Self.fixture("twice.pth"), "zip entry `model/data/0` appears twice")
  }

  /// A cut anywhere is an error; one in the directory leaves an archive without a directory.
  @Test("Truncated archives") func truncated() throws {
    let whole = try Self.fixture("deflated.pth")
    let directory = try #require(whole.range(of: Data(Self.directoryRow))).lowerBound
    for length in stride(from: 4, to: whole.count, by: 7) {
      Self.expectRefusal(whole.prefix(length), "zip archive")
    }
    Self.expectRefusal(whole.prefix(directory + 60), "no central directory: truncated?")
    // The end record with half of the directory before it gone.
    var half = whole.prefix(directory + 60)
    half += whole.suffix(22)
    Self.expectRefusal(half, "zip archive is damaged")
  }

  @Test("Entries that share their data are refused before anything is unpacked") func overlapping() throws {
    // Each row of the directory claims the data of the largest entry: the trick of archives that unpack to a multiple.
    var bytes = Array(try Self.fixture("stored.pth"))
    let rows = (0..<(bytes.count - 4)).filter { bytes[$0..<($0 + 4)].elementsEqual(Self.directoryRow) }
    let largest = try #require(rows.max { bytes[$0 + 21] < bytes[$1 + 21] })
    for row in rows {
      for field in [20..<28, 42..<46] {
        bytes.replaceSubrange(
          (row + field.lowerBound)..<(row + field.upperBound),
          with: bytes[(largest + field.lowerBound)..<(largest + field.upperBound)])
      }
    }
    Self.expectRefusal(Data(bytes), "overlaps another")
  }

  @Test("A size that deflate cannot give is refused before it is allocated") func impossibleRatio() throws {
    // Bytes 24 to 27 of a row are the unpacked size: 16 MB and more from a few hundred bytes.
    let data = try Self.patched("deflated.pth", after: Self.directoryRow, at: 27) { $0 = 0x7F }
    Self.expectRefusal(data, "which its method cannot give")
  }

  @Test("All entries together may not unpack to more than the limit") func limit() throws {
    let data = try Self.fixture("deflated.pth")
    try data.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws in
      #expect(try ZipArchive(bytes, file: "given.pth", byteLimit: 8192).entries.count == 5)
      let error = #expect(throws: WeightsError.self) { try ZipArchive(bytes, file: "given.pth", byteLimit: 4096) }
      #expect(error?.reason.contains("unpack to more than 4096 bytes") == true)
    }
  }

  @Test("Damaged data does not pass its checksum, deflated or stored", arguments: ["deflated.pth", "stored.pth"])
  func checksum(name: String) throws {
    let data = try Self.patched(name, after: Array("model/data/0".utf8), at: 112) { $0 ^= 0x10 }
    Self.expectRefusal(data, "zip entry `model/data/0` is damaged")
  }

  @Test("Stored data whose writer computed no checksum is read, as PyTorch does") func withoutChecksum() throws {
    var bytes = Array(try Self.fixture("stored.pth"))
    for start in 0..<(bytes.count - 4) {
      if bytes[start..<(start + 4)].elementsEqual(Self.localHeader) {
        bytes.replaceSubrange((start + 14)..<(start + 18), with: [0, 0, 0, 0])
      } else if bytes[start..<(start + 4)].elementsEqual(Self.directoryRow) {
        bytes.replaceSubrange((start + 16)..<(start + 20), with: [0, 0, 0, 0])
      }
    }
    let tensors = try PyTorchFile.read(Data(bytes), name: "given.pth").tensors
    #expect(tensors["w"]?.floats.last == 149.875)
  }

  @Test("No single changed byte does more than change values or give an error") func everyByte() throws {
    let whole = try Self.fixture("deflated.pth")
    for index in whole.indices {
      var data = whole
      data[index] ^= 0xFF
      do {
        let tensors = try PyTorchFile.read(data, name: "given.pth").tensors
        #expect(tensors.values.allSatisfy { $0.bytes.count == $0.count * $0.type.size })
      } catch let error as WeightsError {
        #expect(error.file == "given.pth")
      }
    }
  }
}
