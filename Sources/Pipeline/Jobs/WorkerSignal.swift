import Foundation

/// Signals that a worker acts on itself.
enum WorkerSignal {
  /// Calls `body` on another thread for each such signal, as long as the source is kept.
  static func watch(_ number: Int32, _ body: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler(handler: body)
    source.resume()
    return source
  }
}
