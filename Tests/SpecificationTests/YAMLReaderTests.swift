import Basics
import Pipeline
import Testing

@Suite struct YAMLReaderTests {
  struct Scalar: Sendable, CustomTestStringConvertible {
    var text: String
    var json: JSON
    var testDescription: String { text }
  }

  /// YAML 1.2.2, section 10.3, and the words that YAML 1.1 read otherwise.
  static let scalars: [Scalar] = [
    .init(text: "null", json: .null), .init(text: "~", json: .null), .init(text: "Null", json: .null),
    .init(text: "nULL", json: "nULL"), .init(text: "true", json: true), .init(text: "True", json: true),
    .init(text: "FALSE", json: false), .init(text: "yes", json: "yes"), .init(text: "no", json: "no"),
    .init(text: "on", json: "on"), .init(text: "Off", json: "Off"), .init(text: "y", json: "y"),
    .init(text: "0", json: 0), .init(text: "-19", json: -19), .init(text: "+7", json: 7), .init(text: "007", json: 7),
    .init(text: "0o17", json: 15), .init(text: "0x1F", json: 31), .init(text: "017", json: 17),
    .init(text: "1_000", json: "1_000"), .init(text: "0b11", json: "0b11"), .init(text: "1:30", json: "1:30"),
    .init(text: "1:30:00", json: "1:30:00"), .init(text: "2024-01-02", json: "2024-01-02"),
    .init(text: "1.5", json: 1.5), .init(text: "1.", json: 1.0), .init(text: ".5", json: 0.5),
    .init(text: "-.5e-3", json: -0.0005), .init(text: "1e3", json: 1000.0), .init(text: "1e-3", json: 0.001),
    .init(text: "+12e03", json: 12000.0), .init(text: "e3", json: "e3"), .init(text: "1e", json: "1e"),
    .init(text: ".", json: "."), .init(text: "-", json: [.null]), .init(text: "+", json: "+"),
    .init(text: ".inf", json: .double(.infinity)), .init(text: "-.INF", json: .double(-.infinity)),
    .init(text: "inf", json: "inf"), .init(text: "nan", json: "nan"), .init(text: "0.1.2", json: "0.1.2"),
    .init(text: "9223372036854775807", json: 9_223_372_036_854_775_807), .init(text: "'12'", json: "12"),
    .init(text: "\"null\"", json: "null"), .init(text: "!!str 12", json: "12"),
    .init(text: "!!float 3", json: 3.0), .init(text: "16GB", json: "16GB"),
    .init(text: "bicubic_q8", json: "bicubic_q8"),
  ]

  @Test(arguments: scalars) func coreSchema(_ scalar: Scalar) throws {
    let result = YAMLReader.read(scalar.text, file: "x")
    #expect(result.diagnostics.isEmpty)
    #expect(try #require(result.node).json == scalar.json)
  }

  @Test func notANumberIsADouble() throws {
    let node = try #require(YAMLReader.read(".nan", file: "x").node)
    guard case .double(let value) = node.content else {
      Issue.record("\(node) is not a double")
      return
    }
    #expect(value.isNaN)
  }

  @Test(arguments: ["\n", "\r\n", "\r"]) func marksCountLinesAsYAMLDoes(_ end: String) throws {
    let text = ["a: 1", "bäh: [1,", "  ünï]", "c:", "  d: x"].joined(separator: end)
    for prefix in ["", "\u{feff}"] {
      let node = try #require(YAMLReader.read(prefix + text, file: "f").node)
      guard case .mapping(let entries) = node.content, case .sequence(let items)? = node["bäh"]?.content else {
        Issue.record("not the map that was written")
        return
      }
      #expect(entries.map { $0.keyMark } == [1, 2, 4].map { Mark(file: "f", line: $0, column: 1) })
      #expect(items.map(\.mark) == [Mark(file: "f", line: 2, column: 7), Mark(file: "f", line: 3, column: 3)])
      #expect(node["c"]?["d"]?.mark == Mark(file: "f", line: 5, column: 6))
    }
  }

  @Test func anchorsStandForTheirValues() throws {
    let node = try #require(YAMLReader.read("a: &x { k: [1, &y 2] }\nb: *x\nc: *y", file: "f").node)
    #expect(node.json == ["a": ["k": [1, 2]], "b": ["k": [1, 2]], "c": 2])
  }

  @Test func replaceIsRemembered() throws {
    let node = try #require(YAMLReader.read("a: !replace { x: 1 }\nb: !replace 3\nc: { x: 1 }", file: "f").node)
    #expect(node["a"]?.replaces == true && node["b"]?.replaces == true && node["c"]?.replaces == false)
    #expect(node["b"]?.json == 3)
  }

  @Test func limitsHoldExactly() {
    var limits = YAMLReader.Limits()
    limits.depth = 3
    #expect(YAMLReader.read(Array("[[[1]]]".utf8), file: "f", limits: limits).diagnostics.isEmpty)
    #expect(!YAMLReader.read(Array("[[[[1]]]]".utf8), file: "f", limits: limits).diagnostics.isEmpty)
    limits.aliasedNodes = 6
    #expect(YAMLReader.read(Array("[&a [1, 2], *a, *a]".utf8), file: "f", limits: limits).diagnostics.isEmpty)
    #expect(!YAMLReader.read(Array("[&a [1, 2], *a, *a, *a]".utf8), file: "f", limits: limits).diagnostics.isEmpty)
    limits.bytes = 4
    #expect(!YAMLReader.read(Array("abcde".utf8), file: "f", limits: limits).diagnostics.isEmpty)
  }

  /// Aliases of aliases are counted before they are built: the nodes of a billion-laughs file are never made.
  @Test func aliasBombsAreRefusedWhileSmall() {
    var text = "x: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for level in 1...30 {
      text += "y\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
    }
    let result = YAMLReader.read(text, file: "f")
    #expect(result.node == nil)
    #expect(result.diagnostics.first?.message.contains("aliases expand") == true)
  }

  /// Ten thousand levels of every kind of nesting: refused with a place, by the reader and by everything after it.
  @Test(arguments: ["flow list", "flow map", "block list", "block map", "mixed", "closed"]) func deepNestingIsRefused(
    _ kind: String
  ) {
    let depth = 10_000
    let text: String
    switch kind {
    case "flow list": text = "a: " + String(repeating: "[", count: depth)
    case "flow map": text = "a: " + String(repeating: "{a: ", count: depth)
    case "block list": text = String(repeating: "- ", count: depth) + "1"
    case "block map": text = (0..<depth).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")
    case "mixed": text = "a: " + String(repeating: "[{a: ", count: depth / 2)
    default: text = "a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    let result = YAMLReader.read(text, file: "f")
    #expect(result.node == nil)
    let first = result.diagnostics.first
    #expect(first?.mark != nil && first?.message.contains("deep") == true, "\(first?.message ?? "no message")")
  }

  // MARK: - Properties

  /// JSON is YAML: whatever JSON text says, the reader must say too.
  @Test func jsonTextReadsAsItself() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededRandom(seed: seed)
    for _ in 0..<500 {
      let value = RandomValues.json(&random, depth: 4)
      let text = random.index(below: 2) == 0 ? value.canonical : value.pretty
      let result = YAMLReader.read(text, file: "f")
      #expect(result.diagnostics.isEmpty, "seed \(seed): \(text)")
      #expect(result.node?.json == value, "seed \(seed): \(text)")
    }
  }

  /// Damaged text gives a value or a message with a place in the text, never neither and never a crash.
  @Test func damagedTextGivesAMessage() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededRandom(seed: seed)
    let original = Array(RandomValues.pipeline.utf8)
    let interesting: [UInt8] = Array("{}[]:,&*!|>'\"%@`#-?\t\n\r \u{0}".utf8) + [0x80, 0xc2, 0xe2, 0xff, 0xfe]
    for _ in 0..<2000 {
      var bytes = original
      for _ in 0...random.index(below: 4) {
        let position = random.index(below: bytes.count)
        switch random.index(below: 3) {
        case 0: bytes[position] = interesting[random.index(below: interesting.count)]
        case 1: bytes.insert(interesting[random.index(below: interesting.count)], at: position)
        default: bytes.removeSubrange(position..<min(bytes.count, position + 1 + random.index(below: 8)))
        }
      }
      let result = YAMLReader.read(bytes, file: "f")
      #expect(result.node != nil || !result.diagnostics.isEmpty, "seed \(seed)")
      for diagnostic in result.diagnostics {
        let mark = diagnostic.mark
        #expect(mark.map { $0.line >= 1 && $0.column >= 1 } == true, "seed \(seed): \(diagnostic.message)")
      }
    }
  }
}

enum RandomValues {
  static func json(_ random: inout SeededRandom, depth: Int) -> JSON {
    switch random.index(below: depth > 0 ? 8 : 5) {
    case 0: return .null
    case 1: return .bool(random.index(below: 2) == 0)
    case 2: return .int(Int(truncatingIfNeeded: random.next() >> UInt64(random.index(below: 64))))
    case 3: return .double(random.uniform(-1e6, 1e6))
    case 4: return .string(string(&random))
    case 5, 6: return .array((0..<random.index(below: 4)).map { _ in json(&random, depth: depth - 1) })
    default:
      var members: [String: JSON] = [:]
      for _ in 0..<random.index(below: 4) {
        let key = string(&random)
        members[key.isEmpty ? "k" : key] = json(&random, depth: depth - 1)
      }
      return .object(members)
    }
  }

  static func string(_ random: inout SeededRandom) -> String {
    let alphabet = Array("abc 019_-.:,#'\"\\{}[]&*!|>%@`~üß漢😀\n\t")
    return String((0..<random.index(below: 9)).map { _ in alphabet[random.index(below: alphabet.count)] })
  }

  static let pipeline = """
    version: 1
    vars: { kinds: [bicubic, render], epochs: 3 }
    stages:
      photos: { uses: images.collect, with: { source: "a b", size: 64 } }
      facelift:
        uses: facelift.ingest
        inputs: { photos: photos.images }
      lr: &anchor
        uses: depth.degrade
        matrix: { kind: "${kinds}" }
        with: { kind: "${matrix.kind}", scale: 4 }
      text: |
        several
        lines
      x: *anchor
    """
}
