import Foundation
import Testing

/// The lists "How to add" of docs/ARCHITECTURE.md are true: as many places as they promise, each there, and the example of a
/// list, which is the type that its first file is named after, is known to no other source file.
@Suite struct HowToAddTests {
  struct List: Sendable, CustomTestStringConvertible {
    var title: String
    var promised: Int
    var places: [String]
    var testDescription: String { title }
    var example: String {
      places.first.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent } ?? ""
    }
  }

  static let lists: [List] = {
    // An unreadable document has no lists, which `theKindsAreListed` reports.
    let url = ReferenceTests.root.appendingPathComponent("docs/ARCHITECTURE.md")
    let text = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
    var lists: [List] = []
    var isInside = false
    for line in text.split(separator: "\n") {
      if line.hasPrefix("#") { isInside = false }
      if let match = line.wholeMatch(of: /### (.+): ([0-9]+) places/) {
        lists.append(List(title: String(match.output.1), promised: Int(match.output.2) ?? 0, places: []))
        isInside = true
      } else if isInside, let match = line.firstMatch(of: /^[0-9]+\. `([^`]+)`/) {
        lists[lists.count - 1].places.append(String(match.output.1))
      }
    }
    return lists
  }()

  @Test func theKindsAreListed() {
    let expected = [
      "A stage type", "A metric", "A degradation of depth", "A degradation of photos", "A subcommand", "A loss",
    ]
    #expect(Set(expected).isSubset(of: Set(Self.lists.map(\.title))))
    #expect(Self.lists.first { $0.title == "A stage type" }?.promised == 3)
    for list in Self.lists where expected.dropFirst().contains(list.title) { #expect(list.promised == 2) }
  }

  @Test(arguments: lists) func countsItsPlaces(_ list: List) throws {
    #expect(list.places.count == list.promised, "\(list.title): \(list.places)")
    for place in list.places {
      let path = ReferenceTests.root.appendingPathComponent(place).path
      #expect(FileManager.default.fileExists(atPath: path), "\(list.title): \(place) is not there")
    }
    // Every term of today has a second mention, in the list of those that old keys name (`inEveryKey`); none joins it.
    guard list.title != "A loss" else { return }
    // `PhotosSplit.self` is two words here, though not in Unicode's sense.
    let word = try Regex("\\b\(list.example)\\b").wordBoundaryKind(.simple)
    let sources = ReferenceTests.root.appendingPathComponent("Sources")
    let found = try FileManager.default.subpathsOfDirectory(atPath: sources.path).filter { $0.hasSuffix(".swift") }
      .filter { try String(contentsOf: sources.appendingPathComponent($0), encoding: .utf8).contains(word) }
      .map { "Sources/\($0)" }
    #expect(found.sorted() == list.places.filter { $0.hasPrefix("Sources/") }.sorted(), "places of \(list.example)")
  }
}
