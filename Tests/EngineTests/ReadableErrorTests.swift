import Basics
import Foundation
import Pipeline
import Testing

/// Every error that reaches people keeps its message and its help apart, and one mapping makes them a diagnostic.
@Suite struct ReadableErrorTests {
  private static let errors: [(any Error, message: String, help: String?)] = [
    (StageFailure("it broke", help: "mend it"), "it broke", "mend it"),
    (BadSample("too dark"), "too dark", nil),
    (
      FileProblem("write", "/x", code: EROFS), "cannot write /x: Read-only file system",
      "the file system is read-only; choose another place with --store"
    ),
    (Diagnostic("no such stage", help: "name one"), "no such stage", "name one"),
    (ParameterProblems([Diagnostic("too large", help: "use less")]), "too large", "use less"),
    (ParameterProblems([Diagnostic("a", help: "x"), Diagnostic("b", help: "y")]), "a\nb", nil),
    (
      JSONProblem(line: 1, column: 2, reason: "a comma is missing"),
      "not valid JSON at line 1, column 2: a comma is missing", nil
    ),
    (CocoaError(.fileNoSuchFile, userInfo: [NSLocalizedDescriptionKey: "no such file"]), "no such file", nil),
  ]

  @Test(arguments: errors.indices) func becomesADiagnostic(index: Int) {
    let (error, message, help) = Self.errors[index]
    let found = Diagnostic(error)
    #expect(found.message == message)
    #expect(found.help == help)
  }

  @Test func aTextHasAllParts() {
    #expect("\(StageFailure("it broke", help: "mend it"))" == "it broke\nhelp: mend it")
    let placed = Diagnostic("wrong", at: Mark(file: "a.yaml", line: 2, column: 3), help: "right")
    #expect("\(placed)" == "a.yaml:2:3: wrong\nhelp: right")
    #expect(Diagnostic(placed).mark == placed.mark, "a diagnostic stays what it is")
  }
}
