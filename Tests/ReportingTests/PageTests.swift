import Foundation
import Reporting
import Testing

@Suite("Pages") struct PageTests {
  static let document = ReportDocument(
    title: "Report on <faces> & \"more\" 🙂", subtitle: nastyNames.joined(separator: " "),
    facts: [.init("46.2 dB", "best")],
    sections: [
      .init(
        id: "summary", title: "Summary", blocks: [.warning("few samples"), .bullets(nastyNames), .paragraph("Text.")]),
      .init(id: "run", title: "Run", blocks: [.slot("run")]),
      .init(
        id: "figures", title: "Figures",
        blocks: [
          .figures(
            ChartTests.charts.map {
              .init(
                id: "f-\($0.name)", chart: $0.chart, caption: "A caption.",
                table: Table(caption: "The same", columns: [.init("a")], rows: nastyNames.map { [.text($0)] }))
            }),
          .details(summary: "More", [.code("a: <b>\n  c: \"d\" & e"), .definitions([("mask", "face")])]),
          .panels(
            .init(
              id: "p",
              rows: [
                .init(
                  title: "Best: <x>",
                  images: nastyNames.map {
                    .init(png: Data([137, 80, 78, 71]), width: 4, height: 4, caption: $0, alt: $0)
                  })
              ], scale: ErrorScale(limit: 1, unit: "px"))),
        ]),
    ])

  @Test func isWellFormedAndComplete() throws {
    let html = ReportPage.html(Self.document)
    let elements = try parseXML(html.replacing("<!DOCTYPE html>\n", with: ""))
    func all(_ name: String) -> [ParsedElement] { elements.filter { $0.name == name } }
    #expect(html.hasPrefix("<!DOCTYPE html>") && all("html").first?.attributes["lang"] == "en")
    #expect(all("main").count == 1 && all("nav").count == 1 && all("header").count == 1 && all("h1").count == 1)
    #expect(all("script").isEmpty && all("link").isEmpty && all("iframe").isEmpty)
    #expect(all("img").count == nastyNames.count && all("img").allSatisfy { $0.attributes["alt"]?.isEmpty == false })
    #expect(all("img").allSatisfy { $0.attributes["src"]?.hasPrefix("data:image/png;base64,") == true })
    #expect(all("table").count == ChartTests.charts.count)
    #expect(all("caption").count == all("table").count && all("section").count == 2)
    let ids = elements.compactMap { $0.attributes["id"] }
    #expect(ids.count == Set(ids).count, "identifiers are unique")
    for element in elements {
      for key in ["aria-labelledby", "href"] {
        guard let value = element.attributes[key] else { continue }
        for target in value.split(separator: " ") {
          #expect(ids.contains(String(target.hasPrefix("#") ? target.dropFirst() : target)), "\(target) leads nowhere")
        }
      }
      #expect(!element.attributes.keys.contains { $0.hasPrefix("on") }, "no event handlers")
    }
  }

  @Test func loadsNothingFromOutside() throws {
    let html = ReportPage.html(Self.document)
    for element in try parseXML(html.replacing("<!DOCTYPE html>\n", with: "")) {
      for (key, value) in element.attributes where key != "xmlns" {
        #expect(!value.contains("://") && !value.hasPrefix("//"), "\(element.name) \(key)=\(value.prefix(40))")
      }
    }
    #expect(!html.contains("url(") && !html.contains("@import "))
    let policy = try parseXML(html.replacing("<!DOCTYPE html>\n", with: ""))
      .first { $0.attributes["http-equiv"] == "Content-Security-Policy" }
    #expect(policy?.attributes["content"]?.hasPrefix("default-src 'none'") == true)
  }

  @Test func headingsDoNotSkipLevels() throws {
    let levels = try parseXML(ReportPage.html(Self.document).replacing("<!DOCTYPE html>\n", with: ""))
      .compactMap { ["h1": 1, "h2": 2, "h3": 3, "h4": 4][$0.name] }
    #expect(levels.first == 1)
    for (a, b) in zip(levels, levels.dropFirst()) { #expect(b <= a + 1, "h\(a) is followed by h\(b)") }
  }

  @Test func equalDocumentsGiveEqualBytes() {
    #expect(ReportPage.html(Self.document) == ReportPage.html(Self.document))
  }

  @Test func sectionsGoIntoTheirSlotAndTheContents() throws {
    let page = ReportPage.html(Self.document)
    let run = ReportDocument.Section(id: "dag", title: "How <it> ran", blocks: [.paragraph("a & b")])
    let extended = try #require(ReportPage.insert([run], into: page, slot: "run"))
    let elements = try parseXML(extended.replacing("<!DOCTYPE html>\n", with: ""))
    let sections = elements.filter { $0.name == "section" }.compactMap { $0.attributes["id"] }
    #expect(sections == ["summary", "dag", "figures"])
    #expect(
      elements.filter { $0.name == "a" }.compactMap { $0.attributes["href"] } == [
        "#content", "#summary", "#dag", "#figures",
      ])
    #expect(ReportPage.insert([run], into: page, slot: "nowhere") == nil)
  }

  @Test(arguments: [("run `pipeline show`.", ["pipeline show"]), ("a ` alone", []), ("`<b>` & `x`", ["<b>", "x"])])
  func quotedWordsAreCode(text: String, code: [String]) throws {
    let page = ReportPage.html(
      ReportDocument(title: "t", subtitle: "s", sections: [.init(id: "a", title: "A", blocks: [.paragraph(text)])]))
    let elements = try parseXML(page.replacing("<!DOCTYPE html>\n", with: ""))
    #expect(elements.filter { $0.name == "code" }.map(\.text) == code)
  }

  @Test(arguments: nastyNames) func escapingReadsBack(name: String) throws {
    let kept = name.unicodeScalars.map { $0.value < 0x20 && $0 != "\t" && $0 != "\n" ? "\u{FFFD}" : String($0) }
      .joined()
    let element = try #require(try parseXML("<a b=\"\(escaped(name, attribute: true))\">\(escaped(name))</a>").first)
    #expect(element.text == kept)
    #expect(element.attributes["b"] == kept)
  }
}
