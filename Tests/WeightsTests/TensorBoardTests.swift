import Foundation
import NN
import Testing

@Suite struct TensorBoardTests {
  @Test("frames an event as TensorFlow's record writer does") func bytes() {
    let data = TensorBoardFile.data([.init(step: 3, time: 2, scalars: ["loss": 0.5])])
    // Two records of length, checksum, payload, checksum: the file version, then step 3 with one scalar.
    #expect(data.count == 12 + 24 + 4 + 12 + 26 + 4)
    #expect(data.prefix(12) == Data([24, 0, 0, 0, 0, 0, 0, 0, 0xA3, 0x7F, 0x4B, 0x22]))
    #expect(data.subdata(in: 12..<36).suffix(15) == Data([0x1A, 13] + Array("brain.Event:2".utf8)))
    let event: [UInt8] =
      [0x09, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x10, 3, 0x2A, 13, 0x0A, 11, 0x0A, 4] + Array("loss".utf8)
      + [0x15, 0, 0, 0, 0x3F]
    #expect(data.subdata(in: 52..<78) == Data(event))
  }
}
