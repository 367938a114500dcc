/// A file or folder that a stage reads besides the artifacts on its inputs: the user's own, or one that another stage made in
/// its place.
public enum FileReference: Hashable, Sendable, CustomStringConvertible {
  /// An absolute path on disk.
  case path(String)
  /// A file or folder inside the artifact on an input port: a file of layout `.files` by its path, a file of a sample as
  /// `<sample>/<role>`; empty for all of the artifact. Declare that port `arity: .optional, lookup: true`.
  case input(port: String, path: String = "")

  /// A file or folder below this one.
  public func appending(_ component: String) -> FileReference {
    switch self {
    case .path(let path): .path("\(path)/\(component)")
    case .input(let port, let path): .input(port: port, path: path.isEmpty ? component : "\(path)/\(component)")
    }
  }

  /// The user's path when the parameters give one, else the artifact on an input port.
  public init(_ path: UserPath?, orInput port: String, path inside: String = "") {
    self = path.map { .path($0.path) } ?? .input(port: port, path: inside)
  }

  /// As messages show it: the path, or `input:<port>/<path>`.
  public var description: String {
    switch self {
    case .path(let path): path
    case .input(let port, let path): path.isEmpty ? "input:\(port)" : "input:\(port)/\(path)"
    }
  }
}

/// A file or folder that a stage reads as a whole.
public struct ExternalSource: Hashable, Sendable {
  public var name: String
  public var place: FileReference
  /// Lower-case extensions that count; empty for all files. Ignored for a single file of the user's.
  public var extensions: [String]
  public var recursive: Bool

  public init(_ name: String, at place: FileReference, extensions: [String] = [], recursive: Bool = true) {
    self.name = name
    self.place = place
    self.extensions = extensions
    self.recursive = recursive
  }

  /// - Parameter path: absolute.
  public init(_ name: String, path: String, extensions: [String] = [], recursive: Bool = true) {
    self.init(name, at: .path(path), extensions: extensions, recursive: recursive)
  }
}

/// A file that belongs to one sample.
public struct ExternalFile: Hashable, Sendable {
  /// Role, such as `depth`.
  public var role: String
  /// Places to try; the first where there is a file wins.
  public var candidates: [FileReference]
  public var required: Bool

  public init(_ role: String, candidates: [FileReference], required: Bool = true) {
    self.role = role
    self.candidates = candidates
    self.required = required
  }
}
