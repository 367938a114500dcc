import Basics
import Testing

/// The reader of records and keys: strict, and faithful to types.
@Suite struct JSONParserTests {
  @Test func integersAndNumbersStayApart() throws {
    #expect(
      try JSON(parsing: "[1,1.0,-0,1e2,9223372036854775807,9223372036854775808]")
        == .array([
          1, 1.0, 0, 100.0, .int(.max), 9223372036854775808.0,
        ]))
  }

  @Test func escapesAndPairs() throws {
    #expect(try JSON(parsing: #""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#) == .string("a\"\\/\u{8}\u{c}\n\r\té😀é"))
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\":1,}", "01", "1.", "+1", ".5", "1e", "nul", "tru", "\"", "\"\\x\"", "\"\\u12\"",
    "\"\\ud800\"",
    "\"\\ud800\\u0041\"", "\"\u{1}\"", "{\"a\":1,\"a\":2}", "1 2", "[1 2]", "{1:2}", "NaN", "1e999", "'a'",
  ])
  func whatIsNotJSONIsRefused(_ text: String) {
    #expect(throws: JSONProblem.self) { try JSON(parsing: text) }
  }

  @Test func depthIsLimited() throws {
    #expect(throws: JSONProblem.self) { try JSON(parsing: String(repeating: "[", count: 100_000)) }
    _ = try JSON(parsing: String(repeating: "[", count: 500) + String(repeating: "]", count: 500))
  }

  @Test func problemsNameTheirPlace() {
    #expect {
      try JSON(parsing: "{\n  \"a\": 1,\n  \"b\": x\n}")
    } throws: {
      ($0 as? JSONProblem)?.description == "not valid JSON at line 3, column 8: unexpected character"
    }
  }

  @Test func whatIsWrittenReadsBack() throws {
    var random = SeededRandom(seed: 5)
    func value(_ depth: Int) -> JSON {
      switch random.index(below: depth > 3 ? 5 : 7) {
      case 0: .null
      case 1: .bool(random.uniform() < 0.5)
      case 2: .int(Int(truncatingIfNeeded: random.next()))
      case 3: .double(Double(random.index(below: 1000)) / 8 + 1e-9)
      case 4:
        .string(
          String(
            (0..<random.index(below: 6)).map { _ in ["a", "é", "\"", "\\", "\n", "😀"][random.index(below: 6)] }.joined()
          ))
      case 5: .array((0..<random.index(below: 4)).map { _ in value(depth + 1) })
      default: .object(Dictionary((0..<random.index(below: 4)).map { ("k\($0)", value(depth + 1)) }) { a, _ in a })
      }
    }
    for _ in 0..<500 {
      let json = value(0)
      #expect(try JSON(parsing: json.canonical) == json)
      #expect(try JSON(parsing: json.pretty) == json)
    }
  }
}
