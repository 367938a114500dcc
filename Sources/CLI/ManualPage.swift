import Basics

/// A manual page, made from what the command line says of itself.
struct ManualPage {
  /// As `--experimental-dump-help` prints it.
  let help: JSON
  let version: String

  /// Text in the macros of man(7).
  var text: String {
    let root = help["command"] ?? .null
    let name = Self.string(root, "commandName")
    var lines = [
      ".TH \(name.uppercased()) 1 \"\" \"\(name) \(version)\" \"User Commands\"",
      ".SH NAME", "\(name) \\- \(Self.escaped(Self.string(root, "abstract")))",
      ".SH SYNOPSIS", ".B \(name)", "\\fIcommand\\fR [\\fIoptions\\fR]",
      ".SH DESCRIPTION",
    ]
    lines += Self.paragraphs(Self.string(root, "discussion"))
    lines += Self.options(root)
    lines.append(".SH COMMANDS")
    for command in Self.commands(of: root) { lines += Self.section(command, path: [name]) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One command, then those below it.
  private static func section(_ command: JSON, path: [String]) -> [String] {
    let path = path + [string(command, "commandName")]
    let words = arguments(command).filter { $0["kind"]?.stringValue == "positional" }.map { argument in
      let name =
        "\\fI\(escaped(string(argument, "valueName")))\\fR"
        + (argument["isRepeating"]?.boolValue == true ? " ..." : "")
      return argument["isOptional"]?.boolValue == true ? "[\(name)]" : name
    }
    var lines = [".SS \(path.joined(separator: " ")) \(words.joined(separator: " "))".trimmed]
    lines += paragraphs(string(command, "abstract")) + paragraphs(string(command, "discussion"), isFirst: false)
    lines += options(command)
    for inner in commands(of: command) { lines += section(inner, path: path) }
    return lines
  }

  private static func options(_ command: JSON) -> [String] {
    arguments(command).filter { string($0, "commandName") != "help" && !isHelp($0) }.flatMap { argument -> [String] in
      let value = escaped(string(argument, "valueName"))
      let names = (argument["names"]?.arrayValue ?? []).map { name in
        "\\fB" + escaped((name["kind"]?.stringValue == "long" ? "--" : "-") + string(name, "name")) + "\\fR"
      }
      let heading: String
      switch argument["kind"]?.stringValue {
      case "positional": heading = "\\fI\(value)\\fR"
      case "option": heading = names.joined(separator: ", ") + " \\fI\(value)\\fR"
      default: heading = names.joined(separator: ", ")
      }
      var text = escaped(string(argument, "abstract"))
      if let standard = argument["defaultValue"]?.stringValue { text += " (default: \(escaped(standard)))" }
      return [".TP", heading, text.isEmpty ? "\\&" : text]
    }
  }

  /// `help` explains the others; the page does that itself.
  private static func commands(of command: JSON) -> [JSON] {
    (command["subcommands"]?.arrayValue ?? []).filter { isShown($0) && string($0, "commandName") != "help" }
  }

  private static func arguments(_ command: JSON) -> [JSON] { (command["arguments"]?.arrayValue ?? []).filter(isShown) }

  private static func isShown(_ item: JSON) -> Bool { item["shouldDisplay"]?.boolValue != false }

  private static func isHelp(_ argument: JSON) -> Bool {
    (argument["names"]?.arrayValue ?? []).contains { string($0, "name") == "help" }
  }

  private static func string(_ item: JSON, _ name: String) -> String { item[name]?.stringValue ?? "" }

  private static func paragraphs(_ text: String, isFirst: Bool = true) -> [String] {
    let parts = text.split(separator: "\n\n").map { $0.split(separator: "\n").map { escaped(String($0)) } }
    return parts.enumerated().flatMap { ($0.offset == 0 && isFirst ? [] : [".PP"]) + $0.element }
  }

  /// Backslashes, hyphens and a leading dot or quote mean something in the format.
  private static func escaped(_ text: String) -> String {
    let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while text.last == " " { text = text.dropLast() }
    return String(text)
  }
}
