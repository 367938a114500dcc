/// Prints diagnostics as `file:line:col: error: what is wrong`, the source line with a caret, then `help: …`.
public struct DiagnosticRenderer {
  public var colour: Bool
  private var sources: [String: SourceText]

  public init(sources: [String: String], colour: Bool = false) {
    self.sources = sources.mapValues(SourceText.init)
    self.colour = colour
  }

  public func render(_ errors: [Diagnostic]) -> String { errors.map(render).joined(separator: "\n") }

  public func render(_ diagnostic: Diagnostic) -> String {
    var text = entry(diagnostic.mark, "error", "31", diagnostic.message)
    for note in diagnostic.notes { text += entry(note.mark, "note", "36", note.message) }
    if let help = diagnostic.help { text += paint("help:", "32") + " \(help)\n" }
    return text
  }

  private func entry(_ mark: Mark?, _ word: String, _ colour: String, _ message: String) -> String {
    var text = ""
    if let mark { text += paint("\(mark.file):\(mark.line):\(mark.column):", "1") + " " }
    text += paint("\(word):", "1;\(colour)") + " \(message)\n"
    if let mark, let line = sources[mark.file]?.line(mark.line), line.contains(where: { !$0.isWhitespace }) {
      text += excerpt(line, mark.column, colour)
    }
    return text
  }

  /// The line and a caret below its column; long lines are cut around the column, tabs shown as one space.
  private func excerpt(_ line: String, _ column: Int, _ colour: String) -> String {
    let scalars = Array(Credentials.starred(line).unicodeScalars)
    let caret = min(max(column - 1, 0), scalars.count)
    let limit = 110
    let start = caret > limit - 20 ? caret - (limit - 40) : 0
    let end = min(scalars.count, start + limit)
    func clean(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
      var view = String.UnicodeScalarView()
      for scalar in scalars {
        let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.value == 0xfeff
        view.append(isControl ? " " : scalar)
      }
      return String(view)
    }
    let prefix = start > 0 ? "…" : ""
    let shown = prefix + clean(scalars[start..<end]) + (end < scalars.count ? "…" : "")
    // Wide characters take two cells; the caret follows by cells, not by scalars.
    let cells = scalars[start..<caret].reduce(prefix.isEmpty ? 0 : 1) { $0 + DiagnosticRenderer.width($1) }
    return "  \(shown)\n  " + String(repeating: " ", count: cells) + paint("^", "1;\(colour)") + "\n"
  }

  /// Terminal cells of a scalar, after Unicode's East Asian Width in broad strokes.
  static func width(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0x300...0x36f, 0x200b...0x200f, 0xfe00...0xfe0f: 0
    case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
      0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
      2
    default: 1
    }
  }

  private func paint(_ text: String, _ code: String) -> String { colour ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }
}
