import Basics
import Foundation
import Testing

@Suite struct JSONTests {
  @Test func canonicalTextSortsKeysAndKeepsTypes() throws {
    let value: JSON = ["b": 1, "a": [1.0, 0.1, true, .null, "x\n\u{1}é"]]
    #expect(value.canonical == #"{"a":[1.0,0.1,true,null,"x\n\u0001é"],"b":1}"#)
    #expect(try JSON(parsing: value.canonical)["b"] == 1)
  }

  @Test func canonicalTextOfEveryKind() {
    let value: JSON = [
      "é": 1, "z": .double(-2), "zz": .double(-0.0), "Z": .double(1e14), "": .double(1e17), "q": "\"\\\t\r\u{1f}\u{7f}",
      "n": .double(.nan),
      "i": .double(-.infinity),
    ]
    #expect(
      value.canonical
        == #"{"":1e+17,"Z":100000000000000.0,"i":"-inf","n":"nan","q":"\"\\\t\r\u001f"# + "\u{7f}"
        + #"","z":-2.0,"zz":-0.0,"é":1}"#)
    #expect(JSON.array([]).pretty == "[]")
    #expect(JSON.object(["a": [1]]).pretty == "{\n  \"a\": [\n    1\n  ]\n}")
  }

  @Test(arguments: [0.1, 1e-300, 123456789.125, 1e22, -0.0, 0x1p-1074])
  func doublesReadBackToTheSameBits(_ x: Double) throws {
    #expect(try JSON(parsing: JSON.double(x).canonical).doubleValue?.bitPattern == x.bitPattern || x == 0)
  }
}

@Suite struct DigestTests {
  @Test func agreesWithThePublishedVector() {
    // FIPS 180-2, appendix B.1
    #expect(Digest.of("abc").hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Digest(hex: Digest.of("abc").hex) == Digest.of("abc"))
    #expect(Digest(hex: "zz") == nil)
  }

  @Test func bytesDigitsAndOrderAgree() {
    let digests = (0..<200).map { Digest.of("\($0)") }
    for (a, b) in zip(digests, digests.dropFirst()) {
      #expect(Digest(bytes: a.bytes) == a)
      #expect(a.hex == a.bytes.map { String(format: "%02x", $0) }.joined())
      #expect(String(decoding: a.hexBytes, as: UTF8.self) == a.hex)
      #expect((a < b) == a.bytes.lexicographicallyPrecedes(b.bytes))
    }
    #expect(Digest(hex: String(repeating: "A", count: 64)) == nil)
    #expect(Digest.of(Data("abc".utf8)) == Digest.of("abc"))
    #expect(Digest.of(JSON.int(3)) == Digest.of("3"))
  }
}

/// OpenSSL's digests are the reference.
@Suite(.enabled(if: DigestStream.isSupported, "this processor has no SHA instructions")) struct DigestStreamTests {
  private func padded(_ bytes: [UInt8], length: Int) -> (bytes: [UInt8], blocks: Int) {
    var bytes = bytes + [UInt8](repeating: 0xaa, count: DigestStream.padding)
    let rest = length % DigestStream.block
    let blocks = bytes.withUnsafeMutableBytes {
      DigestStream.finish($0.baseAddress! + (length - rest), count: rest, length: length)  // never empty
    }
    return (bytes, (length - rest) / DigestStream.block + blocks)
  }

  @Test func everyLengthAloneAndBesideAnother() {
    var random = SeededRandom(seed: 7)
    for length in Array(0...260) + [4095, 4096, 100_000] {
      let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let text = padded(bytes, length: length)
      var alone = DigestStream()
      alone.update(text.bytes, blocks: text.blocks)
      #expect(alone.digest == bytes.withUnsafeBytes { Digest.of($0) }, "\(length) bytes")

      let others = Array(bytes.reversed())
      let other = padded(others, length: length)
      var (first, second) = (DigestStream(), DigestStream())
      let common = Int(random.next() % UInt64(text.blocks + 1))
      DigestStream.update(&first, text.bytes, &second, other.bytes, blocks: common)
      first.update(Array(text.bytes.dropFirst(common * DigestStream.block)), blocks: text.blocks - common)
      second.update(Array(other.bytes.dropFirst(common * DigestStream.block)), blocks: text.blocks - common)
      #expect(first.digest == alone.digest, "\(length) bytes")
      #expect(second.digest == others.withUnsafeBytes { Digest.of($0) }, "\(length) bytes, beside another")
    }
  }
}

@Suite struct SeededRandomTests {
  @Test func sameSeedSameNumbersAndStreamsDiffer() {
    var a = SeededRandom(seed: 7)
    var b = SeededRandom(seed: 7)
    var c = SeededRandom(seed: 7, stream: "x")
    let first = (0..<100).map { _ in a.next() }
    #expect(first == (0..<100).map { _ in b.next() })
    #expect(first != (0..<100).map { _ in c.next() })
  }

  @Test func normalNumbersHaveMeanZeroAndDeviationOne() {
    var random = SeededRandom(seed: 1)
    let x = (0..<100_000).map { _ in random.normal() }
    let mean = x.reduce(0, +) / Double(x.count)
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    #expect(abs(mean) < 0.02)
    #expect(abs(variance - 1) < 0.03)
  }

  @Test func permutationHoldsEachIndexOnce() {
    var random = SeededRandom(seed: 3)
    #expect(random.permutation(1000).sorted() == Array(0..<1000))
  }
}

@Suite struct NaturalOrderTests {
  @Test func digitsCompareByValue() {
    let names = ["face 10", "face 2", "1 (100)_face", "1 (20)_face", "face 02", "face", ""]
    let order = ["", "1 (20)_face", "1 (100)_face", "face", "face 2", "face 02", "face 10"]
    #expect(names.sorted(by: naturallyPrecedes) == order)
  }
}
