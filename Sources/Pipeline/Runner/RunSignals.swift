import Foundation

/// Catches the signals that end a run, so that stages can save their work first.
///
/// Unchecked because Dispatch does not declare its sources sendable; they are set once and only cancelled afterwards.
public final class RunSignals: @unchecked Sendable {
  private let sources: [any DispatchSourceSignal]

  /// - Parameter handler: called with SIGINT, SIGTERM or SIGHUP, each time one arrives.
  public init(_ handler: @escaping @Sendable (Int32) -> Void) {
    Foundation.signal(SIGPIPE, SIG_IGN)
    sources = [SIGINT, SIGTERM, SIGHUP].map { number in
      Foundation.signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { handler(number) }
      source.resume()
      return source
    }
  }

  /// Signals end the process again.
  public func cancel() {
    for source in sources { source.cancel() }
    for number in [SIGINT, SIGTERM, SIGHUP] { Foundation.signal(number, SIG_DFL) }
  }
}
