import Foundation
import NN
import Testing

@Suite struct SafetensorsTests {
  static let tensors: [String: StoredTensor] = [
    "w": StoredTensor([1, -2.5, .infinity, 0.1, 5, 6] as [Float], shape: [2, 3]),
    "steps": StoredTensor([7] as [Int64], shape: []),
    "none": StoredTensor([] as [Float], shape: [0, 4]),
    "name with \"quotes\" and \\ and é\n": StoredTensor([0.5] as [Double], shape: [1]),
  ]

  @Test("what was written is read back") func roundTrip() throws {
    let metadata = ["format": "pt", "note": "tab\there"]
    let data = Safetensors.data(Self.tensors, metadata: metadata)
    let contents = try Safetensors.read(data, name: "memory")
    #expect(contents.tensors == Self.tensors)
    #expect(contents.metadata == metadata)
    #expect(Safetensors.data(contents.tensors, metadata: contents.metadata) == data)
  }

  @Test("every truncation and every flipped header byte is refused or read without a crash") func damaged() throws {
    let data = Safetensors.data(Self.tensors)
    for length in 0..<data.count {
      #expect(throws: WeightsError.self) { try Safetensors.read(data.prefix(length), name: "memory") }
    }
    var refused = 0
    for index in 0..<data.count {
      var damaged = data
      damaged[index] ^= 0x40
      do { _ = try Safetensors.read(damaged, name: "memory") } catch is WeightsError { refused += 1 }
    }
    #expect(refused > 100)
  }

  @Test("half precision widens exactly") func widening() {
    let half = StoredTensor(type: .float16, shape: [3], bytes: Data([0x00, 0x3C, 0x01, 0x00, 0x00, 0xFC]))
    #expect(half.floats == [1, 0x1p-24, -.infinity])
    let brain = StoredTensor(type: .bfloat16, shape: [2], bytes: Data([0x80, 0x3F, 0x40, 0xC0]))
    #expect(brain.floats == [1, -3])
  }
}
