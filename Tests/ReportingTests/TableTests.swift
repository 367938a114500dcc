import Reporting
import Testing

private let sample = Table(
  caption: "Quality of 100 % of samples under_one protocol.",
  columns: [
    .init("Method"), .init("Parameters"), .init("per sample", unit: "dB", group: "PSNR", decimals: 1, best: .highest),
    .init("of mean MSE", unit: "dB", group: "PSNR", decimals: 1, best: .highest),
    .init("L1", decimals: 5, best: .lowest), .init("Change", unit: "%", decimals: 1, signed: true),
  ],
  sections: [
    .init(
      title: "render & 8-bit",
      rows: [
        [.text("Bicubic"), .missing, .deviation(41.74, 1.2), .number(41.1), .number(0.00332), .number(0)],
        [.text("EDSR_light <x>"), .count(1_517_571), .number(46.04), .number(45.2), .number(0.00241), .number(-27.4)],
        [.text("UNet | \"ours\""), .count(7_773_505), .number(46.02), .number(45.6), .number(0.00228), .number(3.25)],
      ]),
    .init(
      title: "one, alone",
      rows: [[.text("[x]"), .integer(12), .number(.infinity), .number(.nan), .missing, .number(-0.01)]]),
  ], sectionTitle: "Test set", notes: ["Masked; value range 1."])

@Suite("Tables") struct TableTests {
  @Test func csv() throws { try expectGolden(sample.csv, "table.csv") }
  @Test func markdown() throws { try expectGolden(sample.markdown, "table.md") }
  @Test func latex() throws { try expectGolden(sample.latex(label: "tab:a b_c"), "table.tex") }
  @Test func plainText() throws { try expectGolden(sample.plainText, "table.txt") }
  @Test func html() throws {
    let html = sample.html(id: "t").html
    try expectGolden(html, "table.html")
    let elements = try parseXML(html)
    #expect(elements.filter { $0.name == "caption" }.count == 1)
    #expect(elements.filter { $0.name == "th" }.allSatisfy { $0.attributes["scope"] != nil })
    #expect(elements.filter { $0.name == "th" && $0.attributes["scope"] == "row" }.count == 4)
  }

  @Test func bestAndSecondFollowWhatIsPrinted() {
    // 46.04 and 46.02 are both printed 46.0: they share the first place, and 41.7 is second of only two: unmarked.
    let marks = sample.marks(0)
    #expect(marks[1][2] == .best && marks[2][2] == .best && marks[0][2] == nil)
    #expect(marks[2][3] == .best && marks[1][3] == .second && marks[0][3] == nil)
    #expect(marks[2][4] == .best && marks[1][4] == .second)
    #expect(sample.marks(1).joined().allSatisfy { $0 == nil }, "a lone row is not best of anything")
  }

  @Test(arguments: [
    (1.005, 2, "1.00"), (-0.0004, 2, "0.00"), (-0.006, 2, "-0.01"), (.infinity, 1, "∞"), (.nan, 1, "–"), (0, 0, "0"),
    (46.15, 1, "46.1"), (1e15, 0, "1000000000000000"),
  ])
  func fixedNumbers(value: Double, decimals: Int, expected: String) {
    #expect(Numbers.fixed(value, decimals) == expected)
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (1158, "1,158"), (9999, "9,999"), (10_000, "10 k"), (999_499, "999 k"),
    (7_773_505, "7.77 M"),
    (29_000_000, "29.00 M"), (-1_234_567, "−1,234,567"),
  ])
  func counts(value: Int, expected: String) { #expect(Numbers.count(value) == expected) }

  @Test(arguments: [
    (0.0, "0 ms"), (0.0421, "42 ms"), (0.4, "0.4 s"), (9.96, "10 s"), (59.7, "1 min 00 s"), (200, "3 min 20 s"),
    (7500, "2 h 05 min"), (-1, "–"),
  ])
  func durations(seconds: Double, expected: String) { #expect(Numbers.duration(seconds) == expected) }
}

@Suite("CSV") struct CSVTests {
  @Test func quotesOnlyWhereNeeded() {
    #expect(
      CSV.encode([["a", "b,c", "d\"e", "f\ng", " h", "", "ü"]]) == "a,\"b,c\",\"d\"\"e\",\"f\ng\",\" h\",,ü\r\n")
  }

  @Test func readsBackWhatItWrites() throws {
    let records = [nastyNames, nastyNames.reversed(), nastyNames.map { _ in "" }]
    #expect(try CSV.decode(CSV.encode(records)) == records)
  }

  @Test(arguments: [
    ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]), ("a,b\r\n1,2", [["a", "b"], ["1", "2"]]), ("\u{FEFF}a\r\n", [["a"]]),
    ("a,\n,b", [["a", ""], ["", "b"]]), ("\"x\"\"y\",\"\"\n", [["x\"y", ""]]), ("\"a\r\nb\"\r\n", [["a\r\nb"]]),
    ("", []),
    ("\n", [[""]]), ("a,", [["a", ""]]), ("\"\"", [[""]]),
  ])
  func reads(text: String, expected: [[String]]) throws { #expect(try CSV.decode(text) == expected) }

  @Test(arguments: [("a\n\"b\nc", 2), ("a\n\"b\"c\n", 2)])
  func namesTheLine(text: String, line: Int) {
    let error = #expect(throws: CSV.Problem.self) { try CSV.decode(text) }
    #expect(error?.line == line)
  }

  @Test func rowsMustFitTheHeader() {
    let error = #expect(throws: CSV.Problem.self) { try CSV.decodeRows("a,b\n1,2\n3\n") }
    #expect(error?.message == "line 3: 1 fields where the header has 2")
  }
}

@Suite("LaTeX") struct LaTeXTests {
  @Test(arguments: [
    ("50 % of a_b & c#d $e", "50 \\% of a\\_b \\& c\\#d \\$e"),
    ("\\x{}~^", "\\textbackslash{}x\\{\\}\\textasciitilde{}\\textasciicircum{}"),
    ("1 ± 2 − 3 × 4 ≤ ∞", "1 $\\pm$ 2 $-$ 3 $\\times$ 4 $\\leq$ $\\infty$"),
    ("<a> | \"b\"", "\\textless{}a\\textgreater{} \\textbar{} \\textquotedbl{}b\\textquotedbl{}"),
    ("line\nbreak\u{7}", "line break"), ("Zoë", "Zoë"),
  ])
  func escapes(text: String, expected: String) { #expect(LaTeX.escaped(text) == expected) }
}
