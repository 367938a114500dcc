import Basics
import Foundation
import Pipeline
import Testing

/// Whatever is done to a published file, no result becomes wrong.
@Suite(.serialized, .timeLimit(.minutes(15))) struct PublishTests {
  /// What somebody does to the published file of `map` for `face 1`.
  enum Edit: String, CaseIterable, Sendable {
    case overwritten, shortened, sameSizeAndTime, replaced, removed

    /// In bash; the file is `$f`. Each overrides the write protection.
    var script: String {
      switch self {
      case .overwritten: "chmod u+w \"$f\"; printf 'scribble and more of it' > \"$f\""
      case .shortened: "chmod u+w \"$f\"; truncate -s 3 \"$f\""
      case .sameSizeAndTime:
        "touch -r \"$f\" \"$f.time\"; chmod u+w \"$f\"; printf X | dd of=\"$f\" conv=notrunc status=none; "
          + "chmod 444 \"$f\"; touch -r \"$f.time\" \"$f\"; rm \"$f.time\""
      case .replaced: "printf scribble > \"$f.new\"; mv -f \"$f.new\" \"$f\""
      case .removed: "rm -f \"$f\""
      }
    }

    var reachesALinkedFile: Bool { self != .replaced && self != .removed }
  }

  /// `setpriv` and the right to change to another user.
  private static let canBeAnother: Bool = (try? shell("id -u", as: "setpriv")) == "65534\n"

  private static let reflinksWork: Bool = {
    guard let store = try? Bench().store, (try? store.prepare()) != nil else { return false }
    return (try? store.selfTest().reflinksWork) ?? false  // then the tests that follow say what is wrong
  }()

  /// - Parameter user: `setpriv` for nobody, anything else for whoever runs the tests.
  /// - Returns: what it wrote to standard output.
  @discardableResult
  private static func shell(_ script: String, as user: String, file: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let drop = user == "setpriv" ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
    process.arguments = drop + ["bash", "-c", script]
    process.environment = ProcessInfo.processInfo.environment.merging(["f": file]) { $1 }
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw StageFailure("`\(script)` failed") }
    return String(decoding: data, as: UTF8.self)
  }

  private static func links(_ path: String) -> Int {
    var found = stat()
    return stat(path, &found) == 0 ? Int(found.st_nlink) : 0
  }

  @Test(arguments: [PublishMode.auto, .copy, .link], Edit.allCases)
  func editsNeverMakeAResultWrong(_ mode: PublishMode, _ edit: Edit) async throws {
    let bench = try Bench()
    try bench.addPhotos(["face 1", "face 2"])
    let first = try await bench.run(try bench.chain(), publish: mode)
    let expected = try bench.output(first.summary, try bench.chain(), "join")
    let path = bench.root + "/outputs/test/map/samples/data/face 1.txt"
    let original = try String(contentsOfFile: path, encoding: .utf8)
    let isLink = Self.links(path) > 1
    #expect(!isLink || mode != .copy)
    #expect(isLink || mode != .link)
    try Self.shell(edit.script, as: "own", file: path)

    let second = try await bench.run(try bench.chain(), publish: mode)
    let quarantine = try? FileManager.default.contentsOfDirectory(atPath: bench.root + "/.pipeline/quarantine")
    if isLink && edit.reachesALinkedFile {
      // Found, out of the way, made again and published again.
      #expect(second.trace == ["mapa face 1"])
      #expect(quarantine?.count == 2)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == original)
      #expect(second.events.contains { if case .note(nil, let text) = $0 { text.contains("edited") } else { false } })
    } else {
      #expect(second.trace == [])
      #expect(quarantine == nil)
    }
    #expect(try bench.store.verify(threads: 1).isClean)
    #expect(try bench.output(second.summary, try bench.chain(), "join") == expected)
    // What is made from the edited file from now on is right too.
    let third = try await bench.run(try bench.chain(second: "c"), publish: mode)
    #expect(third.summary.exitCode == 0)
    #expect(
      try bench.output(third.summary, try bench.chain(second: "c"), "join")
        == expected.replacingOccurrences(of: "b/", with: "c/"))
  }

  /// What a plan prints is what runs, also after an edit that reached the store; asking changes nothing there.
  @Test(arguments: Edit.allCases) func aPlanSeesTheEditOfALink(_ edit: Edit) async throws {
    let bench = try Bench()
    try bench.addPhotos(["face 1", "face 2"])
    try await bench.run(try bench.chain(), publish: .link)
    let path = bench.root + "/outputs/test/map/samples/data/face 1.txt"
    try Self.shell(edit.script, as: "own", file: path)
    let before = try Self.shell("cd \"$f\" && find . -type f | sort", as: "own", file: bench.root + "/.pipeline")
    let plan = try bench.plan(try bench.chain())
    let after = try Self.shell("cd \"$f\" && find . -type f | sort", as: "own", file: bench.root + "/.pipeline")
    #expect(before == after)
    if edit.reachesALinkedFile {
      #expect(plan["map"]?.action == .run)
      #expect(plan["map"]?.reasons == [.linkEdited])
      #expect(plan["map"]?.sampleNames == ["face 1"])
      #expect(plan["collect"]?.action == .upToDate)
      #expect(plan["map"]?.reasons.first?.text.contains("hard link") == true)
    } else {
      #expect(plan.isUpToDate)
    }
    #expect(
      try await bench.run(try bench.chain(), publish: .link).trace == (edit.reachesALinkedFile ? ["mapa face 1"] : []))
    #expect(try bench.plan(try bench.chain()).isUpToDate)
  }

  /// A run that is known to have nothing to do is not known any more.
  @Test func anEditOfALinkIsSeenThroughTheProof() async throws {
    let bench = try Bench()
    try bench.addPhotos(["face 1"])
    let path = bench.root + "/outputs/test/map/samples/data/face 1.txt"
    func run() async throws -> Bool {
      let request = RunRequest(
        file: "pipeline.yaml", publish: .link, outputsFolder: bench.root + "/outputs", store: bench.store)
      if request.answer(observe: { _ in }) != nil { return true }
      let stages = try bench.chain()
      let pipeline = request.reading { bench.pipeline(stages) }
      let runner = try Runner(
        pipeline: pipeline, store: bench.store,
        options: RunOptions(
          workerCommand: [Bench.probe, "worker"], outputsFolder: bench.root + "/outputs", publish: .link,
          request: request),
        observe: { _ in })
      #expect(try await runner.run().exitCode == 0)
      return false
    }
    #expect(try await run() == false)
    #expect(try await run())
    let original = try String(contentsOfFile: path, encoding: .utf8)
    try Self.shell(Edit.sameSizeAndTime.script, as: "own", file: path)
    #expect(try await run() == false)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == original)
    #expect(try bench.store.verify(threads: 1).isClean)
    #expect(try await run())
  }

  /// Copies take the place of links when that is asked for.
  @Test func linksBecomeCopies() async throws {
    let bench = try Bench()
    try bench.addPhotos(["face 1"])
    let path = bench.root + "/outputs/test/map/samples/data/face 1.txt"
    try await bench.run(try bench.chain(), publish: .link)
    #expect(Self.links(path) > 1)
    try await bench.run(try bench.chain(), publish: .copy)
    #expect(Self.links(path) == 1)
    #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("photo face 1a/"))
  }

  /// Root's writes pass write protection, so what holds for people is tested as somebody else.
  @Test(
    .enabled(if: canBeAnother, "needs root and setpriv, to be another user"),
    .enabled(if: !reflinksWork, "with reflinks nothing is linked"))
  func forPeopleLinksAreWriteProtectedAndMended() throws {
    let bench = try Bench()
    try bench.addPhotos(["face 1", "face 2"])
    let pipeline = try bench.writePipeline(try bench.chain(), ["publish": "auto"])
    try Self.shell("chown -R 65534:65534 \"$f\"", as: "own", file: bench.root)
    func run() throws -> String {
      try Self.shell("\(Bench.probe) run \(pipeline) \(bench.root)/.pipeline", as: "setpriv")
    }
    _ = try run()
    let path = bench.root + "/outputs/test/map/samples/data/face 1.txt"
    #expect(Self.links(path) == 2)
    let original = try String(contentsOfFile: path, encoding: .utf8)
    // Nobody edits one by mistake.
    let refused = try Self.shell("printf X > \"$f\" || echo refused", as: "setpriv", file: path)
    #expect(refused == "refused\n")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == original)
    for edit in Edit.allCases where edit.reachesALinkedFile {
      try Self.shell(edit.script, as: "setpriv", file: path)
      #expect(try run().contains("edited"), "\(edit)")
      #expect(try String(contentsOfFile: path, encoding: .utf8) == original, "\(edit)")
      #expect(try bench.store.verify(threads: 1).isClean, "\(edit)")
    }
  }
}
