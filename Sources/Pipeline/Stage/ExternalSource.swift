/// A file or folder of the user's that a stage reads as a whole.
public struct ExternalSource: Hashable, Sendable {
  public var name: String
  /// An absolute path, or `input:<port>` or `input:<port>/<folder>`: the files (below that folder) of the artifact on
  /// that input port (layout `.files`, or each file of each sample as `<sample>/<role>`), so that a generated folder
  /// stands in for a user's. Declare that port `arity: .optional, lookup: true`.
  public var path: String
  /// Lower-case extensions that count; empty for all files. Ignored for a single file.
  public var extensions: [String]
  public var recursive: Bool

  public init(_ name: String, path: String, extensions: [String] = [], recursive: Bool = true) {
    self.name = name
    self.path = path
    self.extensions = extensions
    self.recursive = recursive
  }
}

/// A file of the user's that belongs to one sample.
public struct ExternalFile: Hashable, Sendable {
  /// Role, such as `depth`.
  public var role: String
  /// Paths to try, first found wins. Absolute, or `input:<port>/<relative path>`: a file inside the artifact (layout
  /// `.files`) on that input port.
  public var candidates: [String]
  public var required: Bool

  public init(_ role: String, candidates: [String], required: Bool = true) {
    self.role = role
    self.candidates = candidates
    self.required = required
  }
}
