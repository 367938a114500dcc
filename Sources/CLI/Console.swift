import ArgumentParser
import Foundation

/// Where text goes and whether it may be coloured.
enum Console {
  static func standardOutput(_ text: String) { write(text, to: stdoutDescriptor) }
  static func standardError(_ text: String) { write(text, to: stderrDescriptor) }

  private static let stdoutDescriptor: Int32 = 1
  private static let stderrDescriptor: Int32 = 2

  /// Writes everything, also through pipes that take a little at a time. A reader that went away (`| head`) is no error.
  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR || errno == EAGAIN { continue }
        return
      }
      bytes = bytes.dropFirst(written)
    }
  }

  /// Whether messages on standard error are coloured: as `--color` says, otherwise on a terminal that can, unless
  /// `NO_COLOR` is set (https://no-color.org).
  static var colour: Bool {
    switch ColourChoice.fromArguments(CommandLine.arguments) {
    case .always: return true
    case .never: return false
    case .auto: break
    }
    let environment = ProcessInfo.processInfo.environment
    if let value = environment["NO_COLOR"], !value.isEmpty { return false }
    return isTerminal(stderrDescriptor)
  }

  /// A terminal that understands cursor movement and colour.
  static func isTerminal(_ descriptor: Int32 = 2) -> Bool {
    isatty(descriptor) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }
}

enum ColourChoice: String, ExpressibleByArgument, CaseIterable {
  case auto, always, never

  /// Looked up before the arguments are parsed, because errors in them are coloured too.
  static func fromArguments(_ arguments: [String]) -> ColourChoice {
    for (index, argument) in arguments.enumerated() {
      if argument == "--color", index + 1 < arguments.count, let choice = ColourChoice(rawValue: arguments[index + 1]) {
        return choice
      }
      if argument.hasPrefix("--color="), let choice = ColourChoice(rawValue: String(argument.dropFirst(8))) {
        return choice
      }
    }
    return .auto
  }
}
