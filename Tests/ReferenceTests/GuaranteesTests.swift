import Foundation
import Testing

/// Every promise of docs/GUARANTEES.md names the tests that hold it; a test that was renamed or removed leaves it unheld.
@Suite struct GuaranteesTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The functions of each suite, from the sources of the tests.
  private func functions() throws -> [String: Set<String>] {
    let tests = Self.root.appending(path: "Tests")
    var result: [String: Set<String>] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: tests.path) where path.hasSuffix(".swift") {
      var suite: String?
      for line in try String(contentsOf: tests.appending(path: path), encoding: .utf8).split(separator: "\n") {
        if let match = line.firstMatch(of: /^(?:@\S.* )?(?:final )?(?:struct|class|enum|extension|actor) (\w+)/) {
          suite = String(match.1)
        }
        if let suite, let match = line.firstMatch(of: /func (\w+)\s*[(<]/) {
          result[suite, default: []].insert(String(match.1))
        }
      }
    }
    return result
  }

  @Test func everyTestThatGuaranteesNamesExists() throws {
    let text = try String(contentsOf: Self.root.appending(path: "docs/GUARANTEES.md"), encoding: .utf8)
    let functions = try functions()
    let named = text.matches(of: /`(\w+Tests)(?:\.(\w+))?`/)
    #expect(named.count > 40)
    for match in named {
      let suite = String(match.1)
      guard let known = functions[suite] else {
        Issue.record("docs/GUARANTEES.md names \(match.0), but there is no such suite")
        continue
      }
      guard let test = match.2.map(String.init) else { continue }
      #expect(known.contains(test), "docs/GUARANTEES.md names \(match.0), but \(suite) has no such test")
    }
  }
}
