import Basics

/// Everything wrong with a pipeline file, found in one go, in the order of the text.
public struct SpecificationErrors: ReadableError {
  public var diagnostics: [Diagnostic]
  public var message: String { diagnostics.map(\.description).joined(separator: "\n") }
  /// Texts by file name, so that the lines can be shown.
  public var sources: [String: String]

  public init(_ diagnostics: [Diagnostic], sources: [String: String] = [:]) {
    self.diagnostics = diagnostics
    self.sources = sources
  }
}
