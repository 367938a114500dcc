import Basics
import CYaml

/// Reads YAML text into marked nodes with libyaml's events. One document a file, string keys, no duplicate keys, aliases
/// expanded up to a limit.
public struct YAMLReader {
  /// Limits of a file; they protect against files made to exhaust memory or the stack.
  public struct Limits: Sendable {
    /// Lists and maps inside one another.
    public var depth = InputBudget.PipelineFile.depth
    /// Nodes that aliases may add beyond those written.
    public var aliasedNodes = InputBudget.PipelineFile.aliasedNodes
    public var bytes = InputBudget.PipelineFile.bytes
    public init() {}
  }

  /// The root, when the text could be read to its end, and everything wrong with it.
  public struct Result: Sendable {
    public var node: Node?
    public var diagnostics: [Diagnostic]
  }

  /// - Parameters:
  ///   - bytes: UTF-8, with or without a byte-order mark.
  ///   - file: the name for marks.
  public static func read(_ bytes: [UInt8], file: String, limits: Limits = Limits()) -> Result {
    var reader = YAMLReader(file: file, limits: limits)
    do throws(Diagnostic) {
      let node = try reader.read(bytes)
      return Result(node: node, diagnostics: reader.diagnostics)
    } catch {
      return Result(node: nil, diagnostics: reader.diagnostics + [error])
    }
  }

  public static func read(_ text: String, file: String) -> Result { read(Array(text.utf8), file: file) }

  // MARK: - Reading

  private let file: String
  private let limits: Limits
  private var diagnostics: [Diagnostic] = []
  private var frames: [Frame] = []
  private var anchors: [String: (node: Node, size: Int)] = [:]
  private var aliasedNodes = 0
  private var root: Node?

  private init(file: String, limits: Limits) {
    self.file = file
    self.limits = limits
  }

  /// A list or map that is still open.
  private struct Frame {
    var isMapping: Bool
    var mark: Mark
    var anchor: String?
    var replaces: Bool
    var items: [Node] = []
    var entries: [Node.Entry] = []
    var keys: [String: Mark] = [:]
    var key: (text: String, mark: Mark, isDuplicate: Bool)?
    /// Nodes in here, aliases expanded.
    var size = 1
  }

  private mutating func read(_ bytes: [UInt8]) throws(Diagnostic) -> Node {
    guard bytes.count <= limits.bytes else {
      throw Diagnostic(
        "the file has \(bytes.count) bytes; a pipeline file may have \(limits.bytes)", at: mark(1, 1))
    }
    try YAMLText.check(bytes, file: file)
    let start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0

    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else { throw Diagnostic("libyaml cannot start: out of memory") }
    defer { yaml_parser_delete(&parser) }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)

    // The closure's own error cannot be typed through withUnsafeBufferPointer, so it comes back as a value.
    let problem: Diagnostic? = bytes[start...].withUnsafeBufferPointer { buffer in
      yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
      while true {
        var event = yaml_event_t()
        guard yaml_parser_parse(&parser, &event) == 1 else {
          return YAMLText.diagnostic(of: parser, bytes: buffer, file: file)
        }
        defer { yaml_event_delete(&event) }
        if event.type == YAML_STREAM_END_EVENT { return nil }
        do throws(Diagnostic) { try handle(event) } catch { return error }
      }
    }
    if let problem { throw problem }
    guard let root else {
      throw Diagnostic("the file is empty", at: mark(1, 1), help: "a pipeline file starts with `version: 1`")
    }
    return root
  }

  private mutating func handle(_ event: yaml_event_t) throws(Diagnostic) {
    let start = mark(event.start_mark.line + 1, event.start_mark.column + 1)
    switch event.type {
    case YAML_DOCUMENT_START_EVENT:
      if root != nil {
        throw Diagnostic(
          "a second document starts here; a pipeline file holds one", at: start,
          help: "remove the `---`, or put the second document into a file of its own")
      }
    case YAML_SCALAR_EVENT: try scalar(event, at: start)
    case YAML_SEQUENCE_START_EVENT:
      let data = event.data.sequence_start
      try open(isMapping: false, anchor: text(data.anchor), tag: text(data.tag), at: start)
    case YAML_MAPPING_START_EVENT:
      let data = event.data.mapping_start
      try open(isMapping: true, anchor: text(data.anchor), tag: text(data.tag), at: start)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: try close()
    case YAML_ALIAS_EVENT: try alias(text(event.data.alias.anchor) ?? "", at: start)
    default: break
    }
  }

  private mutating func open(isMapping: Bool, anchor: String?, tag: String?, at mark: Mark) throws(Diagnostic) {
    if frames.count >= limits.depth {
      throw Diagnostic("lists and maps are nested more than \(limits.depth) deep", at: mark)
    }
    if let frame = frames.last, frame.isMapping, frame.key == nil {
      throw Diagnostic("a key must be a plain string, not a \(isMapping ? "map" : "list")", at: mark)
    }
    let expected = isMapping ? "tag:yaml.org,2002:map" : "tag:yaml.org,2002:seq"
    var replaces = false
    switch tag {
    case nil, "!", expected: break
    case "!replace": replaces = true
    case let tag?: diagnostics.append(unknownTag(tag, at: mark))
    }
    if let anchor { anchors[anchor] = nil }
    frames.append(Frame(isMapping: isMapping, mark: mark, anchor: anchor, replaces: replaces))
  }

  private mutating func close() throws(Diagnostic) {
    let frame = frames.removeLast()
    var node = Node(frame.isMapping ? .mapping(frame.entries) : .sequence(frame.items), mark: frame.mark)
    node.replaces = frame.replaces
    if let anchor = frame.anchor { anchors[anchor] = (node, frame.size) }
    try add(node, size: frame.size)
  }

  private mutating func alias(_ name: String, at mark: Mark) throws(Diagnostic) {
    guard let (node, size) = anchors[name] else {
      if frames.contains(where: { $0.anchor == name }) {
        throw Diagnostic("`*\(name)` stands inside the value it refers to", at: mark)
      }
      throw Diagnostic(
        "there is no anchor `&\(name)` before this", at: mark,
        help: anchors.isEmpty
          ? "put a value that starts with `*` in quotes" : suggestion(for: name, among: Array(anchors.keys)))
    }
    aliasedNodes += size
    if aliasedNodes > limits.aliasedNodes {
      throw Diagnostic(
        "aliases expand to more than \(limits.aliasedNodes) values here", at: mark,
        help: "use `vars` and `${...}` instead of aliases of aliases")
    }
    try add(node, size: size)
  }

  private mutating func scalar(_ event: yaml_event_t, at mark: Mark) throws(Diagnostic) {
    let data = event.data.scalar
    let value =
      data.value.map {
        String(decoding: UnsafeBufferPointer(start: $0, count: data.length), as: UTF8.self)
      } ?? ""
    var isPlain = data.plain_implicit == 1 && data.style == YAML_PLAIN_SCALAR_STYLE
    let isKey = frames.last.map { $0.isMapping && $0.key == nil } ?? false
    var node = Node(.string(value), mark: mark)
    if let tag = text(data.tag), tag != "!" {
      if tag == "!replace" { isPlain = data.style == YAML_PLAIN_SCALAR_STYLE }
      node.replaces = tag == "!replace"
      if !node.replaces {
        try tagged(&node, value, tag)
        isPlain = false
      }
    }
    if isKey, isPlain, value == "<<" {
      throw Diagnostic(
        "`<<` merged maps in YAML 1.1; YAML 1.2 has no merge key", at: mark,
        help: "share values with `vars` and `${...}`, or files with `extends`")
    }
    if isPlain && !isKey { node.content = try content(value, at: mark) }
    if let anchor = text(data.anchor) { anchors[anchor] = (node, 1) }
    try add(node, size: 1)
  }

  private func content(_ value: String, at mark: Mark) throws(Diagnostic) -> Node.Content {
    switch ScalarSchema.resolve(value) {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .double(let value): return .double(value)
    case .string: return .string(value)
    case .tooLarge:
      throw Diagnostic(
        "`\(value.prefix(40))` does not fit a 64-bit integer", at: mark, help: "put it in quotes if it is a name")
    }
  }

  /// Applies one of YAML's own tags.
  private mutating func tagged(_ node: inout Node, _ value: String, _ tag: String) throws(Diagnostic) {
    guard let mark = node.mark else { return }
    let core = "tag:yaml.org,2002:"
    guard tag.hasPrefix(core) else {
      diagnostics.append(unknownTag(tag, at: mark))
      return
    }
    let name = tag.dropFirst(core.count)
    let typed = try content(value, at: mark)
    switch (name, typed) {
    case ("str", _): break
    case ("int", .int), ("bool", .bool), ("null", .null), ("float", .double): node.content = typed
    case ("float", .int(let whole)): node.content = .double(Double(whole))
    case ("int", _), ("bool", _), ("null", _), ("float", _):
      diagnostics.append(Diagnostic("`\(value)` is not what the tag `!!\(name)` says", at: mark))
    default: diagnostics.append(unknownTag("!!\(name)", at: mark))
    }
  }

  private func unknownTag(_ tag: String, at mark: Mark) -> Diagnostic {
    Diagnostic("unknown tag `\(tag)`", at: mark, help: "the only tag of pipeline files is `!replace`")
  }

  private mutating func add(_ node: Node, size: Int) throws(Diagnostic) {
    guard let top = frames.indices.last else {
      root = node
      return
    }
    frames[top].size += size
    guard frames[top].isMapping else {
      frames[top].items.append(node)
      return
    }
    if let key = frames[top].key {
      frames[top].key = nil
      if !key.isDuplicate {
        frames[top].entries.append(Node.Entry(key: key.text, keyMark: key.mark, value: node))
      }
      return
    }
    guard let mark = node.mark, case .string(let text) = node.content else {
      throw Diagnostic("a key must be a plain string", at: node.mark)
    }
    let first = frames[top].keys[text]
    if let first {
      diagnostics.append(
        Diagnostic(
          "duplicate key `\(text)`", at: mark, help: "remove one of the two",
          notes: [.init(mark: first, message: "first written here")]))
    } else {
      frames[top].keys[text] = mark
    }
    frames[top].key = (text, mark, first != nil)
  }

  private func mark(_ line: Int, _ column: Int) -> Mark { Mark(file: file, line: line, column: column) }

  private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    pointer.map { String(cString: $0) }
  }
}
