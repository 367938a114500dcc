import Foundation
import FoundationXML
import Testing

/// Elements of a parsed document in reading order, with their text and the path of names above them.
struct ParsedElement {
  var name: String
  var attributes: [String: String]
  var text = ""
  var ancestors: [String]
}

/// Parses with libxml2, which refuses whatever is not well-formed.
func parseXML(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [ParsedElement] {
  final class Reader: NSObject, XMLParserDelegate {
    var elements: [ParsedElement] = []
    var open: [Int] = []
    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      let ancestors = open.map { elements[$0].name }
      open.append(elements.count)
      elements.append(ParsedElement(name: name, attributes: attributes, ancestors: ancestors))
    }
    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
      open.removeLast()
    }
    func parser(_ parser: XMLParser, foundCharacters string: String) {
      for index in open { elements[index].text += string }
    }
  }
  let reader = Reader()
  let parser = XMLParser(data: Data(text.utf8))
  parser.delegate = reader
  let isWellFormed = parser.parse()
  try #require(
    isWellFormed,
    "not well-formed at line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "unknown error")",
    sourceLocation: sourceLocation)
  return reader.elements
}

/// What a file name can hold.
let nastyNames = [
  "1 (100)_face", "<script>alert('x')</script>", "a & b \"quoted\" 'single'", "🙂 smile", "Zoë\u{301}", "tab\tand\nline",
  "bell\u{7}null\u{0}", "--> ]]> <!--", "]", "%_#$&^~\\{}", "=1+1", "مرحبا", String(repeating: "long", count: 60),
]
