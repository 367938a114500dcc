import Basics
import Foundation
import Pipeline
import Synchronization

/// Shows a run on standard error as `ProgressView` draws it, or its events as JSON Lines on standard output.
final class RunView: Sendable {
  enum Style: Sendable { case terminal, plain, json }

  private let style: Style
  private let view: Mutex<ProgressView>
  private let start = ContinuousClock.now

  init(style: Style, colour: Bool) {
    self.style = style
    view = Mutex(ProgressView(style: style == .terminal ? .terminal : .plain, colour: colour))
  }

  func show(_ event: RunEvent) {
    if style == .json {
      Console.standardOutput(event.json.canonical + "\n")
      return
    }
    view.withLock { view in write(view.show(event, at: seconds, size: Self.terminalSize)) }
  }

  /// Takes the bars away and prints what is to be read last.
  func close() {
    guard style != .json else { return }
    view.withLock { view in write(view.close(at: seconds, size: Self.terminalSize)) }
  }

  private func write(_ text: String) { if !text.isEmpty { Console.standardError(text) } }

  private var seconds: Double {
    let components = start.duration(to: .now).components
    return Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }

  private static func terminalSize() -> ProgressView.Size {
    var size = winsize()
    guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0 else { return .init(columns: 80, lines: 22) }
    return .init(
      columns: size.ws_col > 20 ? Int(size.ws_col) : 80, lines: size.ws_row > 4 ? Int(size.ws_row) : 22)
  }
}
