import ArgumentParser
import FlyingFox
import FlyingSocks
import Foundation
import Pipeline

/// `pipeline serve [FILE]`: the page of a run while it goes on, for a browser on this machine.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Show a run in the browser while it goes on, and approve what waits at gates.",
    discussion: """
      Listens on 127.0.0.1 only. The address it prints holds a key; without it nothing is shown. Starts nothing: run \
      `pipeline run` beside it, before or after.
      """)

  @Argument(
    help: "The pipeline file; the one that ran last when not given.", completion: .file(extensions: ["yaml", "yml"]))
  var words: [String] = []

  @Option(help: "Port on 127.0.0.1; 0 takes a free one.")
  var port = 8765

  @Option(name: .customLong("run"), help: ArgumentHelp("A run's id; the newest when not given.", valueName: "run"))
  var runID: String?

  @Flag(help: "Show it in the browser.")
  var open = false

  @OptionGroup var last: LastRunOptions

  func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("--port must be 0...65535, not \(port)") }
  }

  func run() async throws {
    let context = try last.load(words)
    if let runID, try context.store.run(runID) == nil {
      throw Diagnostic("there is no run `\(runID)`", help: "`pipeline runs` lists them")
    }
    let serveGuard = ServeGuard()
    let site = LiveSite(
      guard: serveGuard, state: LiveState(context: context, token: serveGuard.token, runID: runID))
    let server = HTTPServer(
      address: try .inet(ip4: "127.0.0.1", port: UInt16(port)), timeout: 60, logger: .disabled, handler: site)
    do {
      try await withThrowingTaskGroup(of: Void.self) { [self] group in
        group.addTask { try await server.run() }
        group.addTask {
          try await server.waitUntilListening(timeout: 60)
          await announce(server, site, key: serveGuard.key)
        }
        for try await _ in group {}  // the first error ends both
      }
    } catch SocketError.failed(_, EADDRINUSE, _) {
      throw Diagnostic("port \(port) is taken", help: "`--port 0` takes a free one")
    }
  }

  /// Prints the address with the key, from when the server listens.
  private func announce(_ server: HTTPServer, _ site: LiveSite, key: String) async {
    guard case .ip4(_, let port) = await server.listeningAddress else { return }
    site.opened(port: Int(port))
    let address = "http://127.0.0.1:\(port)/?key=\(key)"
    Console.standardOutput("serving \(address)\nCtrl-C ends it\n")
    if open {
      do { try ReportCommand.show(address) } catch { Console.standardError("\(error)\n") }
    }
  }
}
