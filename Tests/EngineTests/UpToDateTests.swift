import Basics
import EngineToys
import Foundation
import Pipeline
import Testing

/// Guarantee 14: a run that says "nothing to do" without looking is right: whatever planning reads is noticed when it changes.
@Suite struct UpToDateTests {
  /// A pipeline file with a base file, a folder of photos, one file read as a whole, a gate and published outputs.
  final class Project: Sendable {
    let bench: Bench
    var file: String { bench.root + "/pipeline.yaml" }
    var store: Store { bench.store }
    var root: String { bench.root }

    init() async throws {
      bench = try Bench()
      try bench.addPhotos(["face 1", "face 2", "nested/face 3"])
      for name in ["face 1", "face 2"] { try bench.write("result", "\(bench.results)/\(name).txt") }
      try bench.write("result", bench.results + "/nested/face 3.txt")
      try bench.write("whole", bench.root + "/whole/a.txt")
      try FileManager.default.createSymbolicLink(
        atPath: bench.root + "/whole/link.txt", withDestinationPath: bench.root + "/linked.txt")
      try bench.write("linked", bench.root + "/linked.txt")
      try bench.write(
        """
        version: 1
        vars: { text: base }
        stages:
          collect: { uses: toy.collect, with: { folder: photos } }
          map: { uses: toy.map, with: { add: "${text}" }, inputs: { in: collect.samples } }
        """, bench.root + "/base.yaml")
      try bench.write(
        """
        version: 1
        extends: base.yaml
        name: proof
        stages:
          made:
            uses: toy.gate
            gate: { approve: automatic, coverage: 0.6 }
            on_bad_sample: skip
            with: { folder: results }
            inputs: { photos: map.samples }
          whole: { uses: toy.read, with: { folder: whole } }
          join: { uses: toy.join, inputs: { in: [made.samples, whole.files] } }
        """, file)
    }

    func request(
      overrides: [String] = [], targets: [String] = [], salt: String? = nil, publish: PublishMode = .copy,
      outputs: String = "outputs"
    ) -> RunRequest {
      RunRequest(
        file: file, overrides: overrides, targets: targets, salt: salt, publish: publish,
        outputsFolder: root + "/" + outputs, store: store, directory: root)
    }

    /// Whether the answer is known without looking.
    func isKnown(_ request: RunRequest? = nil) -> Bool {
      (request ?? self.request()).answer(threads: 2, observe: { _ in }) != nil
    }

    /// A run that looks at everything, as `pipeline run` does when it has to.
    @discardableResult
    func run() async throws -> RunSummary {
      let request = request()
      let pipeline = try request.reading { () throws(SpecificationErrors) -> ResolvedPipeline in
        try Specification.load(file: file, catalogue: Toys.catalogue, directory: root)
      }
      let runner = try Runner(
        pipeline: pipeline, store: store,
        options: RunOptions(
          targets: pipeline.targets, cpus: 2, memory: 1 << 30, workerCommand: [Bench.probe, "worker"],
          outputsFolder: root + "/outputs", publish: .copy, request: request),
        observe: { _ in })
      return try await runner.run()
    }

    func result(_ instance: String) throws -> StageResult {
      try #require(try Inspection.latestResult(instance, pipeline: "proof", store: store))
    }
    func recordPath(_ instance: String) throws -> String {
      let hex = try result(instance).key.hex
      return "\(root)/.pipeline/results/\(hex.prefix(2))/\(hex.dropFirst(2)).json"
    }
    func manifestPath(_ instance: String) throws -> String {
      let reference = try #require(try result(instance).outputs.values.first)
      return store.file(reference.digest, size: reference.size).path
    }
    func journalPath(_ instance: String) throws -> String {
      let base = root + "/.pipeline/samples"
      let logs = try FileManager.default.subpathsOfDirectory(atPath: base).filter { $0.hasSuffix(".log") }
      let wanted = try logs.first { try String(contentsOfFile: "\(base)/\($0)", encoding: .utf8).contains(instance) }
      return "\(base)/\(try #require(wanted))"
    }
  }

  /// Changes the last byte, keeping the size and both time stamps that a program can set.
  private static func flip(_ path: String) throws {
    var before = stat()
    let code = stat(path, &before)
    try #require(code == 0)
    chmod(path, 0o644)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count - 2] ^= 1
    let fd = open(path, O_WRONLY)
    defer { close(fd) }
    _ = bytes.withUnsafeBytes { pwrite(fd, $0.baseAddress, $0.count, 0) }
    futimens(fd, [before.st_atim, before.st_mtim])
    chmod(path, before.st_mode & 0o777)
  }

  struct Mutation: Sendable, CustomTestStringConvertible {
    var name: String
    /// Whether a run that looks has something to do; nil where either is right.
    var matters: Bool?
    var apply: @Sendable (Project) throws -> Void
    var testDescription: String { name }

    init(_ name: String, matters: Bool? = true, _ apply: @escaping @Sendable (Project) throws -> Void) {
      self.name = name
      self.matters = matters
      self.apply = apply
    }
  }

  private static func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

  static let mutations: [Mutation] = [
    .init("a photo of the same size and time") { try flip($0.bench.photos + "/face 1.txt") },
    .init("a photo more") { try $0.bench.addPhotos(["face 9"]) },
    .init("a photo more in a folder below") { try $0.bench.addPhotos(["nested/face 9"]) },
    .init("a photo less") { try remove($0.bench.photos + "/face 2.txt") },
    .init("a photo renamed") {
      _ = rename($0.bench.photos + "/face 2.txt", $0.bench.photos + "/face 7.txt")
    },
    .init("a photo replaced by one of the same bytes", matters: false) {
      try $0.bench.write("photo face 1", $0.bench.photos + "/face 1.txt")
    },
    .init("the folder of photos moved away") { _ = rename($0.bench.photos, $0.root + "/elsewhere") },
    .init("a hidden file beside the photos", matters: false) { try $0.bench.write("x", $0.bench.photos + "/.note") },
    .init("a file read as a whole") { try flip($0.root + "/whole/a.txt") },
    .init("what a link leads to") { try $0.bench.write("LINKED", $0.root + "/linked.txt") },
    .init("where a link leads to") {
      try remove($0.root + "/whole/link.txt")
      try $0.bench.write("other", $0.root + "/other.txt")
      try FileManager.default.createSymbolicLink(
        atPath: $0.root + "/whole/link.txt", withDestinationPath: $0.root + "/other.txt")
    },
    .init("a file that a gate takes") { try $0.bench.write("another", $0.bench.results + "/face 1.txt") },
    .init("a file that a gate takes, gone") { try remove($0.bench.results + "/face 1.txt") },
    .init("a rejection", matters: nil) {
      try $0.bench.write(
        #"{"decisions": []}"#, $0.root + "/.pipeline/approvals/proof/made.json")
    },
    .init("a parameter in the file") {
      let text = try String(contentsOfFile: $0.file, encoding: .utf8)
      try $0.bench.write(text.replacing("uses: toy.join,", with: "uses: toy.join, with: { add: x },"), $0.file)
    },
    .init("a variable in the base file") {
      let text = try String(contentsOfFile: $0.root + "/base.yaml", encoding: .utf8)
      try $0.bench.write(text.replacing("base", with: "BASE"), $0.root + "/base.yaml")
    },
    .init("a comment", matters: false) {
      try $0.bench.write(try String(contentsOfFile: $0.file, encoding: .utf8) + "\n# nothing\n", $0.file)
    },
    .init("a stage more") {
      try $0.bench.write(
        try String(contentsOfFile: $0.file, encoding: .utf8)
          + "\n  more: { uses: toy.join, inputs: { in: join.table } }\n",
        $0.file)
    },
    .init("a record gone") { try remove($0.recordPath("map")) },
    .init("a record damaged") { try flip($0.recordPath("whole")) },
    .init("a manifest gone") { try remove($0.manifestPath("join")) },
    .init("a manifest cut short") { _ = truncate(try $0.manifestPath("collect"), 5) },
    .init("a gate's journal gone") { try remove($0.journalPath("\"external\":{\"result\"")) },
    .init("a published folder gone") { try remove($0.root + "/outputs/proof/join/table") },
    .init("all published folders gone") { try remove($0.root + "/outputs") },
    .init("the note of what was published gone") { try remove($0.root + "/.pipeline/published/proof/map/samples") },
    .init("the latest results gone", matters: nil) { try remove($0.root + "/.pipeline/latest/proof.json") },
    .init("all results forgotten") { try remove($0.root + "/.pipeline/results") },
    .init("garbage collected after the results were forgotten") {
      try remove($0.root + "/.pipeline/latest")
      _ = try $0.store.collectGarbage(keepRuns: 0, grace: -1, dryRun: false)
    },
    .init("garbage collected", matters: false) {
      _ = try $0.store.collectGarbage(keepRuns: 1, grace: -1, dryRun: false)
    },
  ]

  @Test(arguments: mutations) func everyChangeIsNoticed(_ mutation: Mutation) async throws {
    let project = try await Project()
    #expect(!project.isKnown())
    #expect(try await project.run().exitCode == 0)
    #expect(project.isKnown())
    #expect(project.isKnown())
    try mutation.apply(project)
    let isKnown = project.isKnown()
    // A broken file or a missing folder is something to do, too.
    var mustAct = true
    if let summary = try? await project.run() {
      mustAct = summary.exitCode != 0 || summary.ran > 0 || summary.samplesRun > 0
    }
    if mutation.name.contains("published") { mustAct = true }
    if let matters = mutation.matters { #expect(mustAct == matters, "the test does not test what it says") }
    if mustAct { #expect(!isKnown) }
  }

  @Test func anotherQuestionHasAnotherAnswer() async throws {
    let project = try await Project()
    try await project.run()
    #expect(project.isKnown())
    #expect(!project.isKnown(project.request(overrides: ["vars.text=other"])))
    #expect(!project.isKnown(project.request(targets: ["map"])))
    #expect(!project.isKnown(project.request(salt: "x")))
    #expect(!project.isKnown(project.request(publish: .link)))
    #expect(!project.isKnown(project.request(outputs: "elsewhere")))
    #expect(project.isKnown())
  }

  /// A file of the same size and time, changed as soon as the run has ended.
  @Test func aChangeRightAfterARunIsNoticed() async throws {
    let project = try await Project()
    try await project.run()
    for round in 0..<8 {
      let path = project.bench.photos + "/face 1.txt"
      try project.bench.write("photo \(round % 2)", path)
      try await project.run()
      var before = stat()
      let code = stat(path, &before)
      try #require(code == 0)
      let bytes = Array("photo \((round + 1) % 2)".utf8)
      let fd = open(path, O_WRONLY)
      _ = pwrite(fd, bytes, bytes.count, 0)
      futimens(fd, [before.st_atim, before.st_mtim])
      close(fd)
      #expect(!project.isKnown(), "round \(round)")
    }
  }

  @Test func aDamagedProofIsNoProof() async throws {
    let project = try await Project()
    try await project.run()
    let folder = project.root + "/.pipeline/index/proofs"
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
    let good = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
    for position in Swift.stride(from: 0, to: good.count, by: max(1, good.count / 199)) {
      var bad = good
      bad[position] ^= 0x20
      try bad.write(to: URL(fileURLWithPath: folder + "/" + name))
      #expect(!project.isKnown(), "byte \(position)")
      try good.prefix(position).write(to: URL(fileURLWithPath: folder + "/" + name))
      #expect(!project.isKnown(), "cut at \(position)")
    }
    try good.write(to: URL(fileURLWithPath: folder + "/" + name))
    #expect(project.isKnown())
  }

  /// Once files are no longer young, their time stamps are enough: nothing is read again.
  @Test func whatComesOfAgeIsNotReadAgain() async throws {
    let project = try await Project()
    try await project.run()
    let folder = project.root + "/.pipeline/index/proofs"
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
    func proof() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)) }
    let young = try proof()
    try await Task.sleep(for: .milliseconds(2300))
    #expect(project.isKnown())
    let grown = try proof()
    #expect(grown != young)
    #expect(grown.count == young.count)
    #expect(project.isKnown())
    #expect(try proof() == grown)
  }
}
