import Basics
import Foundation
import Pipeline
import Testing

/// Results on an HTTP server: they travel whole, what is damaged does not count, and a server that fails is left alone.
@Suite(.serialized) struct RemoteTests {
  static let hasNginx = Nginx.program != nil
  private static let photos = ["face 1", "face 2", "face 3"]
  /// Short, so that broken servers do not hold up the tests.
  private static let limits = RemoteLimits(connect: 1000, question: 2000, stall: 1, rate: 1000)

  /// What a run with these photos delivers.
  private struct Shared {
    var server: Nginx
    var home: Bench
    var text: String
  }

  /// A server that holds the results of a run.
  private func shared(path: String = "", photos: [String] = RemoteTests.photos) async throws -> Shared {
    let home = try Bench()
    try home.addPhotos(photos)
    let server = try Nginx(in: home.root)
    let run = try await home.run(try home.chain())
    #expect(run.summary.exitCode == 0)
    let report = try home.store.push(to: RemoteAddress(server.address + path))
    #expect(report.results == 4 && report.samples == 3 * photos.count && report.skipped == 0)
    return Shared(server: server, home: home, text: try home.output(run.summary, [], "join"))
  }

  /// Another machine with the same photos and nothing else.
  private func other() throws -> Bench {
    let bench = try Bench()
    try bench.addPhotos(Self.photos)
    return bench
  }

  private func run(_ bench: Bench, _ address: String) async throws -> Bench.Outcome {
    try await bench.run(try bench.chain(), remote: RemoteAddress(address), remoteLimits: Self.limits)
  }

  private func notes(_ run: Bench.Outcome) -> [String] {
    run.events.compactMap { if case .note(_, let message) = $0 { message } else { nil } }
  }

  /// How many files the server took. It writes its log after it has answered, so the count has to come to rest.
  private func puts(_ server: Nginx) async throws -> Int {
    var last = -1
    while true {
      let count = server.requests.count { $0.hasPrefix("PUT") }
      if count == last { return count }
      last = count
      try await Task.sleep(for: .milliseconds(300))
    }
  }

  @Test(.enabled(if: hasNginx, "no nginx with WebDAV")) func aRunTakesWhatOthersMade() async throws {
    let shared = try await shared()
    // What is there is not sent again.
    let before = try await puts(shared.server)
    let again = try shared.home.store.push(to: RemoteAddress(shared.server.address))
    #expect(again.results == 0 && again.blobs == 0 && again.samples == 0)
    #expect(try await puts(shared.server) == before)

    // What the server has dropped is.
    let dropped = try #require(try shared.server.files("cas").first)
    try FileManager.default.removeItem(atPath: dropped)
    #expect(try shared.home.store.push(to: RemoteAddress(shared.server.address)).blobs == 1)

    let bench = try other()
    let run = try await run(bench, shared.server.address)
    #expect(run.summary.exitCode == 0)
    #expect(run.trace == [])
    #expect(try bench.output(run.summary, [], "join") == shared.text)
    #expect(try bench.store.verify(threads: 1).isClean)
    #expect(notes(run).contains { $0.hasPrefix("its result came from \(shared.server.address): ") })
    // Bazel's layout and nothing else.
    let paths = Set(shared.server.requests.compactMap { $0.split(separator: " ").dropFirst().first })
    #expect(paths.allSatisfy { $0.wholeMatch(of: /\/(ac|cas)\/[0-9a-f]{64}/) != nil })
  }

  @Test(.enabled(if: hasNginx, "no nginx with WebDAV")) func onlyWhatIsNewRuns() async throws {
    let shared = try await shared()
    let bench = try other()
    try bench.write("another photo", bench.photos + "/face 2.txt")
    let run = try await run(bench, shared.server.address)
    #expect(run.trace == ["collect face 2", "join", "mapa face 2", "mapb face 2"])
    #expect(try bench.store.verify(threads: 1).isClean)
    // What this machine adds reaches the first one, beside what it has.
    #expect(try bench.store.push(to: RemoteAddress(shared.server.address)).samples == 3)
    let third = try other()
    try third.write("another photo", third.photos + "/face 2.txt")
    #expect(try await self.run(third, shared.server.address).trace == [])
  }

  @Test(.enabled(if: hasNginx, "no nginx with WebDAV")) func pullBringsWhatAPipelineNeeds() async throws {
    let shared = try await shared()
    let bench = try other()
    let address = try RemoteAddress(shared.server.address)
    let options = PlanOptions(outputsFolder: bench.root + "/outputs")
    let report = try Inspection.pull(
      bench.pipeline(try bench.chain()), store: bench.store, from: address, options: options)
    #expect(report.results == 4)
    #expect(try await bench.run(try bench.chain()).trace == [])
    let nothing = try Inspection.pull(
      bench.pipeline(try bench.chain()), store: bench.store, from: address, options: options)
    #expect(nothing.results == 0 && nothing.blobs == 0)
  }

  /// Also on a machine with fewer cores: they would only wait.
  @Test(.enabled(if: hasNginx, "no nginx with WebDAV")) func aSlowServerIsAskedForEightFilesAtOnce() async throws {
    let photos = (1...24).map { "face \($0)" }
    let shared = try await shared(photos: photos)
    let server = try FaultyServer(.ponders, folder: shared.server.data)
    let bench = try Bench()
    try bench.addPhotos(photos)
    let report = try Inspection.pull(
      bench.pipeline(try bench.chain()), store: bench.store, from: RemoteAddress(server.address),
      options: PlanOptions(outputsFolder: bench.root + "/outputs"))
    #expect(report.results == 4)
    #expect(server.mostAtOnce == 8)
    #expect(try await bench.run(try bench.chain()).trace == [])
  }

  /// Every object that the server holds, damaged one after the other.
  @Test(.enabled(if: hasNginx, "no nginx with WebDAV"), arguments: ["flip", "truncate", "swap", "empty", "page"])
  func damageOnTheServerDoesNotCount(_ how: String) async throws {
    let shared = try await shared()
    for path in try shared.server.files("ac") + shared.server.files("cas") {
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      var data = whole
      switch how {
      case "flip": data[data.count / 2] ^= 1
      case "truncate": data = data.prefix(data.count / 2)
      case "swap": data = Data(data.reversed())
      case "empty": data = Data()
      default: data = Data("<html>no such page</html>".utf8)
      }
      try data.write(to: URL(fileURLWithPath: path))
      let bench = try other()
      let run = try await run(bench, shared.server.address)
      #expect(run.summary.exitCode == 0, "\(how) \(path)")
      #expect(try bench.output(run.summary, [], "join") == shared.text, "\(how) \(path)")
      #expect(try bench.store.verify(threads: 1).isClean, "\(how) \(path)")
      try whole.write(to: URL(fileURLWithPath: path))
    }
  }

  @Test(.enabled(if: hasNginx, "no nginx with WebDAV"), arguments: FaultyServer.Fault.allCases)
  func aFaultyServerBreaksNothing(_ fault: FaultyServer.Fault) async throws {
    let shared = try await shared()
    let server = try FaultyServer(fault, folder: shared.server.data)
    let bench = try other()
    let run = try await run(bench, server.address)
    #expect(run.summary.exitCode == 0)
    #expect(run.trace.contains("join") || fault == .dies)
    #expect(try bench.output(run.summary, [], "join") == shared.text)
    #expect(try bench.store.verify(threads: 1).isClean)
    #expect(notes(run).count { $0.hasPrefix("going on without the remote cache: ") } == 1, "\(notes(run))")
    // The first failure is the last question, apart from those on their way at that moment.
    #expect(server.requests <= (fault == .dies ? 3 : 1) + 8)
    if fault != .dies && fault != .garbles { #expect(server.requests == 1) }
  }

  @Test func anAbsentServerIsAskedOnce() async throws {
    let bench = try other()
    let run = try await run(bench, "http://127.0.0.1:\(FaultyServer.freePort())")
    #expect(run.summary.exitCode == 0)
    #expect(run.trace.count == 10)
    #expect(notes(run).count { $0.hasPrefix("going on without the remote cache: ") } == 1)
    let problem = #expect(throws: StageFailure.self) {
      try bench.store.push(to: RemoteAddress("http://127.0.0.1:\(FaultyServer.freePort())"))
    }
    #expect(problem?.help?.contains("0 results and 0 files were sent") == true)
  }

  @Test(.enabled(if: hasNginx, "no nginx with WebDAV")) func passwordsAreUsedAndNeverShown() async throws {
    let home = try Bench()
    try home.addPhotos(Self.photos)
    let server = try Nginx(in: home.root)
    try await home.run(try home.chain())
    let secret = "http://\(Nginx.user):s3cret%2Fword@127.0.0.1:\(server.port)/secret"
    #expect(try RemoteAddress(secret).text == "http://127.0.0.1:\(server.port)/secret")
    #expect(Credentials.redacted(secret) == "http://***@127.0.0.1:\(server.port)/secret")
    #expect(try home.store.push(to: RemoteAddress(secret)).results == 4)

    let bench = try other()
    let run = try await bench.run(
      try bench.chain(), remote: RemoteAddress(secret), remoteLimits: Self.limits, command: ["run", "--remote", secret])
    #expect(run.trace == [])
    let wrong = secret.replacing("s3cret", with: "wr0ng")
    let refused = try await bench.run(
      try bench.chain(add: "x"), remote: RemoteAddress(wrong), remoteLimits: Self.limits, command: [wrong])
    #expect(refused.summary.exitCode == 0)
    #expect(notes(refused).contains { $0.contains("permission is refused") })
    // In no message, record, job or log.
    var searched = 0
    for path in try FileManager.default.subpathsOfDirectory(atPath: bench.root) {
      guard let data = FileManager.default.contents(atPath: bench.root + "/" + path) else { continue }
      searched += 1
      for word in ["s3cret", "wr0ng"] { #expect(data.range(of: Data(word.utf8)) == nil, "\(path) holds the password") }
    }
    #expect(searched > 20)
    for run in [run, refused] {
      for event in run.events {
        let text = event.json.canonical
        #expect(!text.contains("s3cret") && !text.contains("wr0ng"))
      }
    }
  }

  @Test(.enabled(if: hasNginx, "no nginx with WebDAV")) func thePasswordCanStandInNetrc() async throws {
    let shared = try await shared()
    let files = FileManager.default
    try files.moveItem(atPath: shared.server.data, toPath: shared.server.folder + "/all")
    try files.createDirectory(atPath: shared.server.data, withIntermediateDirectories: true)
    try files.moveItem(atPath: shared.server.folder + "/all", toPath: shared.server.data + "/secret")
    let bench = try other()
    let path = try bench.writePipeline(
      try bench.chain(), ["publish": false, "remote": .string(shared.server.address + "/secret")])
    let refused = try bench.start(path, environment: ["HOME": bench.root]).wait()
    #expect(refused.status == 0 && bench.traceLines().count == 10)
    try files.removeItem(atPath: bench.root + "/.pipeline")
    try files.removeItem(atPath: bench.trace)
    try bench.write("machine 127.0.0.1 login \(Nginx.user) password \(Nginx.password)\n", bench.root + "/.netrc")
    let found = try bench.start(path, environment: ["HOME": bench.root]).wait()
    #expect(found.status == 0, "\(found.output)")
    #expect(bench.traceLines() == [])
  }

  @Test(arguments: ["ftp://host/x", "http://", "folder", "http://host/x?y=1", "http://user:pw@host/#z"])
  func otherAddressesAreRefused(_ word: String) {
    let problem = #expect(throws: Diagnostic.self) { try RemoteAddress(word) }
    #expect(problem?.message.contains("pw") == false)
  }
}
