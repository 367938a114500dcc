import Basics
import Foundation
import Pipeline
import Testing

/// Pipeline files that are small and ask for much. Each is answered with an error of its own.
@Suite struct HostileFileTests {
  private func doubling(_ first: String, _ next: (Int) -> String, steps: Int = 60) -> String {
    var text = "version: 1\nname: hostile\nvars:\n  v0: \(first)\n"
    for step in 1..<steps { text += "  v\(step): \(next(step - 1))\n" }
    return text + "stages:\n  photos: { uses: images.collect, with: { source: \"${v\(steps - 1)}\" } }\n"
  }

  /// A thousand bytes that would be 2^59 times as many.
  @Test func textThatDoublesIsStopped() throws {
    let said = try problems(doubling("\"0123456789\"") { "\"${v\($0)}${v\($0)}\"" })
    #expect(said.contains("`${...}` expands to more than 32 MiB here"), "\(said.prefix(500))")
    #expect(said.components(separatedBy: "expands to more than").count == 2, "reported more than once")
  }

  @Test func listsAndMapsThatDoubleAreStopped() throws {
    let lists = try problems(doubling("[1, 2]") { "[\"${v\($0)}\", \"${v\($0)}\"]" })
    #expect(lists.contains("`${...}` expands to more than 32 MiB here"), "\(lists.prefix(500))")
    let maps = try problems(doubling("{ a: 1 }") { "{ a: \"${v\($0)}\", b: \"${v\($0)}\" }" })
    #expect(maps.contains("`${...}` expands to more than 32 MiB here"), "\(maps.prefix(500))")
  }

  /// Ordinary reuse stays far below the limit.
  @Test func valuesThatAreUsedOftenAreNoProblem() throws {
    let names = (0..<2000).map { "face \($0)" }.joined(separator: ", ")
    let text = "version: 1\nname: sound\nvars: { names: [\(names)], size: 3 }\n"
    let said = try problems(text + "stages:\n  photos: { uses: images.collect, with: { source: \"${names}\" } }\n")
    #expect(!said.contains("expands to more than"))
  }

  /// As many unused variables as a file may hold lines: the nearest names are looked for among the first only.
  @Test func manyUnusedVariablesAreReportedWithoutComparingAll() throws {
    let count = 10_000
    var text = "version: 1\nname: hostile\nvars:\n"
    for index in 0..<count { text += "  unused_\(index): \(index)\n  used_\(index): \(index)\n" }
    text += "  all: [\((0..<count).map { "\"${used_\($0)}\"" }.joined(separator: ", "))]\n"
    let said = try problems(text + "stages: { photos: { uses: images.collect, with: { source: \"${all}\" } } }\n")
    #expect(said.contains("variable `unused_9999` is never used"))
  }

  /// Each step is a step into the stack.
  @Test func longChainsOfVariablesAreStopped() throws {
    // Each variable uses the one after it, so that the first leads down to the last.
    var text = "version: 1\nname: hostile\nvars:\n"
    for step in 0..<50_000 { text += "  v\(step): \"${v\(step + 1)}\"\n" }
    text += "  v50000: x\n"
    let said = try problems(text + "stages: { photos: { uses: images.collect, with: { source: \"${v0}\" } } }\n")
    #expect(said.contains("variables refer to one another more than 100 deep"), "\(said.prefix(500))")
  }

  /// A pipe would be waited for, `/dev/zero` read without end.
  @Test func onlyFilesAreExtended() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    try #require(mkfifo(folder.path + "/pipe.yaml", 0o600) == 0)
    for base in ["pipe.yaml", "/dev/zero"] {
      try folder.write("extends: \(base)\nname: hostile\n", to: "test.yaml")
      let errors = #expect(throws: SpecificationErrors.self) {
        try Specification.load(
          file: "test.yaml", overrides: [], profile: nil, catalogue: TestCatalogue.catalogue, directory: folder.path)
      }
      #expect(
        errors?.diagnostics.contains { $0.message == "\(base) is a pipe, a socket or a device, not a file" } == true)
    }
  }
}
