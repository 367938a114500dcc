import Foundation
import Testing

/// `scripts/install`, as `make install` and `make uninstall` call it, into a folder of the test's.
@Suite struct InstallTests {
  private static let repository = cliTestFolder.deletingLastPathComponent().deletingLastPathComponent()

  private func install(_ arguments: String..., prefix: String, destination: String = "") throws -> Program.Result {
    let products = Program.url.deletingLastPathComponent()
    return try Program.run(
      arguments, program: Self.repository.appendingPathComponent("scripts/install").path,
      environment: [
        "PREFIX": prefix, "DESTDIR": destination, "BUILD": products.path,
        "CHECKOUTS": products.resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
          .appendingPathComponent("checkouts").path,
      ])
  }

  private func files(below folder: URL) -> Set<String> {
    let found = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
    return Set(
      (found?.compactMap { $0 as? URL } ?? []).filter { !$0.hasDirectoryPath }.map {
        String($0.path.dropFirst(folder.path.count + 1))
      })
  }

  @Test func everythingIsPutInPlaceAndTakenAway() throws {
    let folder = try Program.temporaryFolder().resolvingSymlinksInPath()
    defer { try? FileManager.default.removeItem(at: folder) }  // best effort
    let other = folder.appendingPathComponent("usr/bin/other")
    try FileManager.default.createDirectory(at: other.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data().write(to: other)
    let result = try install(prefix: "/usr", destination: folder.path)
    #expect(result.code == 0, "\(result.errors)")
    let installed = files(below: folder.appendingPathComponent("usr"))
    let expected: Set = [
      "bin/other", "bin/pipeline", "share/bash-completion/completions/pipeline", "share/zsh/site-functions/_pipeline",
      "share/fish/vendor_completions.d/pipeline.fish", "share/man/man1/pipeline.1", "share/doc/pipeline/LICENSE",
      "share/doc/pipeline/CHANGELOG.md", "share/doc/pipeline/licences/FlyingFox/LICENSE",
      "share/doc/pipeline/licences/swift-argument-parser/LICENSE.txt",
    ]
    #expect(expected.isSubset(of: installed), "missing: \(expected.subtracting(installed))")
    let program = folder.appendingPathComponent("usr/bin/pipeline").path
    let version = try Program.run(["--version"], program: program)
    #expect(version.output.contains(/^\d+\.\d+\.\d+( \([0-9a-f]{12}(, modified)?\))?\n$/), "\(version.output)")
    let removed = try install("--uninstall", prefix: "/usr", destination: folder.path)
    #expect(removed.code == 0, "\(removed.errors)")
    #expect(
      try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted() == ["usr", "usr/bin", "usr/bin/other"])
  }

  @Test func aRelativePrefixIsRefused() throws {
    let result = try install(prefix: "usr")
    #expect(result.code == 2 && result.errors.contains("PREFIX must be an absolute path, not `usr`"))
  }

  /// The page names every command that the help names, and its options.
  @Test func theManualPageHoldsTheHelp() throws {
    let page = try Program.run(["manual"]).output
    #expect(page.hasPrefix(".TH PIPELINE 1"))
    let help = try Program.run(["--help"]).output
    let commands = help.matches(of: /(?m)^  ([a-z]+) {2,}\S/).map { String($0.1) }.filter { $0 != "help" }
    #expect(commands.count > 15, "\(commands)")
    for command in commands { #expect(page.contains("\n.SS pipeline \(command)"), "\(command)") }
    #expect(page.contains("\\fB\\-\\-dry\\-run\\fR"))
    #expect(!page.contains("\n\n"), "empty lines are no paragraphs in this format")
  }

  /// The release in the program is the newest one of the changelog.
  @Test func theChangelogHasTheRelease() throws {
    let text = try String(contentsOf: Self.repository.appendingPathComponent("CHANGELOG.md"), encoding: .utf8)
    let newest = try #require(text.firstMatch(of: /(?m)^## (\d+\.\d+\.\d+), \d{4}-\d{2}-\d{2}$/)?.1)
    #expect(try Program.run(["--version"]).output.hasPrefix(newest))
  }
}
