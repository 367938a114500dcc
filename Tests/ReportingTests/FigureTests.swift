import Foundation
import Imaging
import Reporting
import Testing

@Suite("Figures as PDF and PNG") struct FigureTests {
  private static func figure(_ label: String) -> Drawing {
    var drawing = Drawing(width: 100, height: 50, title: "t", description: "d")
    drawing.text(label, x: 10, y: 20)
    return drawing
  }

  private static func isInScript(_ drawing: Drawing) -> Bool {
    !drawing.svg.unicodeScalars.contains { $0.value > 0x2FFF || (0x590...0x8FF).contains($0.value) }
  }

  @Test("Every chart becomes the same bytes twice, without a clock in them", arguments: ChartTests.charts)
  func deterministic(name: String, chart: any Chart) throws {
    let drawing = chart.drawing
    guard Self.isInScript(drawing) else {
      // Labels in other scripts have a test of their own below.
      #expect(throws: FigureProblem.self) { try drawing.pdf() }
      return
    }
    let (pdf, png) = (try drawing.pdf(), try drawing.png())
    #expect(pdf.starts(with: Data("%PDF-1.".utf8)) && pdf.suffix(7).elementsEqual("\n%%EOF\n".utf8))
    #expect(pdf.range(of: Data("Date".utf8)) == nil)
    #expect(try pdf == drawing.pdf() && png == drawing.png())
    let raster = try ImageFile.read(png, name: name).raster
    #expect(raster.width == Int((2 * drawing.width).rounded(.up)) && raster.channels == 3)
    #expect(raster.height == Int((2 * drawing.height).rounded(.up)))
  }

  /// Each way a mark can be painted, looked up in the pixels.
  @Test("Marks are painted where the drawing has them, in its colours") func pixels() throws {
    var drawing = Drawing(width: 60, height: 40, title: "t", description: "d")
    let (red, blue) = (Colour(200, 10, 20), Colour(10, 20, 200))
    drawing.rectangle(x: 5, y: 5, width: 10, height: 10, fill: .colour(red))
    drawing.circle(x: 30, y: 10, radius: 5, fill: .colour(blue))
    drawing.line([(5, 30), (25, 30)], stroke: .init(.colour(red), width: 4))
    drawing.line([(30, 30), (50, 30)], stroke: .init(.colour(blue), width: 4, dashes: [6, 6]))
    drawing.path(
      Outline([(40, 5), (50, 5), (50, 15), (40, 15)], closed: true), fill: .colour(.black), opacity: 0.5)
    let raster = try ImageFile.read(try drawing.png(), name: "marks").raster
    func pixel(_ x: Double, _ y: Double) -> [Int] {
      (0..<3).map { Int((raster[Int(2 * x), Int(2 * y), $0] * 255).rounded()) }
    }
    #expect(pixel(1, 1) == [255, 255, 255], "paper")
    #expect(pixel(10, 10) == [200, 10, 20] && pixel(4, 10) == [255, 255, 255], "rectangle")
    #expect(pixel(30, 10) == [10, 20, 200] && pixel(25.5, 5.5) == [255, 255, 255], "a circle has no corners")
    #expect(pixel(15, 30) == [200, 10, 20] && pixel(15, 27) == [255, 255, 255], "line")
    #expect(pixel(33, 30) == [10, 20, 200] && pixel(39, 30) == [255, 255, 255] && pixel(45, 30) == [10, 20, 200])
    #expect(abs(pixel(45, 10)[0] - 127) <= 1, "half transparent")
  }

  /// Where the ink of a text lies, in units of the drawing.
  @Test("Texts are anchored, turned and underlined") func texts() throws {
    func ink(_ change: (inout Drawing) -> Void) throws -> (x: ClosedRange<Int>, y: ClosedRange<Int>) {
      var drawing = Drawing(width: 200, height: 200, title: "t", description: "d")
      change(&drawing)
      let raster = try ImageFile.read(try drawing.png(scale: 1), name: "text").raster
      var (xs, ys): ([Int], [Int]) = ([], [])
      for y in 0..<200 { for x in 0..<200 where raster[x, y, 0] < 0.7 { xs.append(x); ys.append(y) } }
      return (try #require(xs.min())...(try #require(xs.max())), try #require(ys.min())...(try #require(ys.max())))
    }
    let start = try ink { $0.text("HHHH", x: 100, y: 100, size: 20) }
    let middle = try ink { $0.text("HHHH", x: 100, y: 100, size: 20, anchor: .middle) }
    let end = try ink { $0.text("HHHH", x: 100, y: 100, size: 20, anchor: .end) }
    #expect(start.x.lowerBound >= 100 && end.x.upperBound <= 100)
    #expect(abs(middle.x.lowerBound - (200 - middle.x.upperBound)) <= 2)
    #expect(start.y.upperBound <= 100 && start.y.lowerBound >= 80)
    let bold = try ink { $0.text("HHHH", x: 100, y: 100, size: 20, bold: true) }
    #expect(bold.x.count > start.x.count)
    let underlined = try ink { $0.text("HHHH", x: 100, y: 100, size: 20, underlined: true) }
    #expect((101...105).contains(underlined.y.upperBound))
    let up = try ink { $0.text("HHHH", x: 100, y: 100, size: 20, rotation: -90) }
    #expect(up.y.upperBound <= 100 && up.y.count > 3 * up.x.count, "reads from below")
  }

  @Test(
    "A text the font cannot show gives an error rather than a wrong picture",
    arguments: ["渲染", "صورة", "x\u{301}\u{323}", "👩‍🔬"])
  func otherScripts(label: String) {
    #expect(throws: FigureProblem.text(label)) { try Self.figure(label).pdf() }
    #expect(throws: FigureProblem.text(label)) { try Self.figure(label).png() }
  }

  @Test(
    "What labels hold is shown",
    arguments: [
      "naïve café", "−0.5 ± 0.1 dB → σ ≤ 2", "decomposed e\u{301}", "✓ ran", "✗ ▶ ○ ≡ ★", "(a) \\ b)", "Ђорђе", "",
    ])
  func shown(label: String) throws { _ = try Self.figure(label).pdf() }

  @Test("Without the font the error says what to install") func withoutFont() {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("no-fonts-\(UUID().uuidString)").path
    let error = #expect(throws: FigureProblem.self) {
      try Self.figure("a").png(font: FigureFont(folders: [folder]))
    }
    #expect(error?.description.contains("DejaVu Sans is not installed (looked in \(folder))") == true)
    #expect(error?.description.contains("apt-get install libcairo2 fonts-dejavu-core") == true)
  }

  private static func poppler(_ tool: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/\(tool)")
    process.arguments = arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaints = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0 && complaints.isEmpty, "\(complaints)")
    return text
  }

  @Test(
    "Poppler reads every label back, in place, and finds every font embedded",
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/pdftotext"), "needs poppler-utils"))
  func readBack() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("figure-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // a leftover harms no test
    let file = folder.appendingPathComponent("figure.pdf")
    try ChartTests.heatMap.drawing.pdf().write(to: file)
    let text = try Self.poppler("pdftotext", ["-layout", file.path, "-"])
    for label in ["44.6", "43.1", "40.6", "tested on", "higher is better"] { #expect(text.contains(label), "\(text)") }
    #expect(text.split(separator: "\n").contains { $0.contains("44.6") && $0.contains("43.1") }, "a row is one line")
    let fonts = try Self.poppler("pdffonts", [file.path]).split(separator: "\n").dropFirst(2)
    #expect(!fonts.isEmpty && fonts.allSatisfy { $0.contains("DejaVuSans") && $0.contains(" yes yes ") }, "\(fonts)")
    let about = try Self.poppler("pdfinfo", [file.path])
    #expect(about.contains("PSNR (dB)") && about.contains("242.1"), "title and size in points: \(about)")
  }
}
