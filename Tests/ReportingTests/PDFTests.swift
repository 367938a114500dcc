import Foundation
import Reporting
import Testing

@Suite("Figures as PDF") struct PDFTests {
  @Test("Every chart becomes a file whose cross-reference table points at its objects", arguments: ChartTests.charts)
  func structure(name: String, chart: any Chart) throws {
    // Labels in other scripts have a test of their own below.
    guard let data = chart.drawing.pdf else {
      #expect(chart.drawing.svg.unicodeScalars.contains { $0.value > 0x2FF })
      return
    }
    let bytes = Array(data)
    let text = String(decoding: bytes.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    #expect(text.hasPrefix("%PDF-1.4\n") && text.hasSuffix("%%EOF\n"))
    let start = try #require(text.range(of: "startxref\n"))
    let offset = try #require(Int(text[start.upperBound...].prefix { $0.isNumber }))
    let table = String(decoding: bytes[offset...], as: UTF8.self).split(separator: "\n")
    #expect(table[0] == "xref")
    let count = try #require(Int(table[1].split(separator: " ")[1]))
    for number in 1..<count {
      let position = try #require(Int(table[2 + number].prefix(10)))
      #expect(String(decoding: bytes[position...].prefix(20), as: UTF8.self).hasPrefix("\(number) 0 obj\n"))
    }
    // No operator got a number that PDF does not know.
    #expect(!text.contains("nan") && !text.contains("inf"))
  }

  @Test("A label that the standard fonts cannot show gives no file rather than a wrong one")
  func otherScripts() {
    func figure(_ label: String) -> Drawing {
      var drawing = Drawing(width: 100, height: 50, title: "t", description: "d")
      drawing.text(label, x: 10, y: 20)
      return drawing
    }
    #expect(figure("渲染").pdf == nil)
    for label in ["naïve café", "−0.5 ± 0.1 dB → σ ≤ 2", "decomposed e\u{301}", "✓ ran", "(a) \\ b)"] {
      #expect(figure(label).pdf != nil, "\(label)")
    }
  }

  @Test(
    "Poppler reads every label back, in place",
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/pdftotext"), "needs poppler-utils"))
  func readBack() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("figure-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("figure.pdf")
    try #require(ChartTests.heatMap.drawing.pdf).write(to: file)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/pdftotext")
    process.arguments = ["-layout", file.path, "-"]
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaints = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0 && complaints.isEmpty, "\(complaints)")
    for label in ["44.6", "43.1", "40.6", "tested on", "higher is better"] { #expect(text.contains(label), "\(text)") }
    #expect(text.split(separator: "\n").contains { $0.contains("44.6") && $0.contains("43.1") }, "a row is one line")
  }
}
