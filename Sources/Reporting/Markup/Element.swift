/// A piece of HTML or SVG. Text and attribute values are escaped when written, whatever they hold, so nothing from a file
/// name can become markup. The output is well-formed XML as well as HTML.
public indirect enum Markup: Hashable, Sendable {
  case element(Element)
  case text(String)
  /// A comment; used for the marks at which a finished page is extended.
  case comment(String)
  /// A style sheet: not escaped, so it must hold neither `<` nor `&`.
  case styleSheet(String)
}

/// An element with its attributes in writing order.
public struct Element: Hashable, Sendable {
  public var name: String
  public var attributes: [Attribute]
  public var children: [Markup]

  public struct Attribute: Hashable, Sendable {
    public var name: String
    public var value: String
  }

  public init(_ name: String, _ attributes: KeyValuePairs<String, String?> = [:], _ children: [Markup] = []) {
    self.name = name
    self.attributes = attributes.compactMap { pair in pair.value.map { Attribute(name: pair.key, value: $0) } }
    self.children = children
  }
}

extension Markup: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { self = .text(value) }
}

/// An element; attributes whose value is nil are left out.
func el(_ name: String, _ attributes: KeyValuePairs<String, String?> = [:], _ children: [Markup] = []) -> Markup {
  .element(Element(name, attributes, children))
}

/// An element around one text.
func el(_ name: String, _ attributes: KeyValuePairs<String, String?> = [:], text: String) -> Markup {
  .element(Element(name, attributes, [.text(text)]))
}

extension Markup {
  /// Elements that have no end tag in HTML.
  private static let void: Set<String> = ["area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"]
  /// Elements that start a new line, so that the source of a page can be read and compared.
  private static let block: Set<String> = [
    "html", "head", "body", "title", "meta", "style", "header", "nav", "main", "section", "footer", "div", "p", "h1",
    "h2",
    "h3", "h4", "ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "figure", "figcaption",
    "details", "summary", "pre", "svg", "g", "rect", "line", "path", "circle", "text", "desc", "defs", "linearGradient",
    "stop", "img",
  ]

  public var html: String {
    var text = ""
    write(to: &text)
    return text
  }

  func write(to text: inout String) {
    switch self {
    case .text(let value): text += escaped(value)
    case .comment(let value): text += "\n<!-- \(value.replacingAll("--", with: "- -")) -->"
    case .styleSheet(let css): text += "\n" + css
    case .element(let element):
      if Self.block.contains(element.name), text.last != "\n", !text.isEmpty { text += "\n" }
      text += "<" + element.name
      for attribute in element.attributes {
        text += " " + attribute.name + "=\"" + escaped(attribute.value, attribute: true) + "\""
      }
      if Self.void.contains(element.name) {
        text += "/>"
        return
      }
      text += ">"
      for child in element.children { child.write(to: &text) }
      text += "</" + element.name + ">"
    }
  }
}

/// Escapes text for HTML and XML. Characters XML cannot hold (control characters, unpaired code points) become U+FFFD.
public func escaped(_ text: String, attribute: Bool = false) -> String {
  var result = ""
  result.reserveCapacity(text.utf8.count)
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"" where attribute: result += "&quot;"
    case "'" where attribute: result += "&#39;"
    case "\n" where attribute: result += "&#10;"
    case "\t" where attribute: result += "&#9;"
    case "\r": result += "&#13;"
    case "\t", "\n": result.unicodeScalars.append(scalar)
    case let c where c.value < 0x20 || (0x7F...0x9F).contains(c.value) || c.value == 0xFFFE || c.value == 0xFFFF:
      result += "\u{FFFD}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

extension String {
  /// Plain replacement of every occurrence.
  func replacingAll(_ target: String, with replacement: String) -> String {
    var result = ""
    var rest = self[...]
    while let range = rest.firstRange(of: target) {
      result += rest[..<range.lowerBound] + replacement
      rest = rest[range.upperBound...]
    }
    return result + rest
  }
}
