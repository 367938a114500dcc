import Basics
import Foundation
import NN
import ParityHarness
import Testing

/// The harness takes every shape and option from the fixtures, and no fixture can end it.
@Suite struct ParityTests {
  /// What the program printed, by lines, and its exit code.
  private func tool(_ folder: FixtureFolder, _ arguments: [String] = []) throws -> (code: Int32, lines: [String]) {
    try folder.write()
    let process = Process()
    process.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(
      path: "parity")
    process.arguments = [folder.url.path, "--threads", "2"] + arguments
    let output = folder.url.appending(path: "output.txt")
    try Data().write(to: output)
    let handle = try FileHandle(forWritingTo: output)
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    let text = try String(contentsOf: output, encoding: .utf8)
    return (process.terminationStatus, text.split(separator: "\n").map(String.init))
  }

  @Test(arguments: [1, 2, 3, 4])
  func freshFixturesPass(seed: UInt64) throws {
    let folder = try FixtureFolder()
    let fixtures = FreshFixtures.make(seed: seed)
    for fixture in fixtures { try folder.add(fixture) }
    let (code, lines) = try tool(folder)
    #expect(code == 0, "seed \(seed): \(lines.filter { !$0.hasPrefix("pass") }.joined(separator: "\n"))")
    for pass in ["direct", "fast"] {
      #expect(lines.contains("\(pass): \(fixtures.count) passed, 0 failed, 0 skipped, 0 unknown"))
    }
  }

  /// Ways to spoil a case. Each must make it fail with a reason that says where; none may end the process.
  private static let spoilings: [(name: String, reason: String, apply: @Sendable (inout Fixture) -> Void)] = [
    ("no inputs", "", { $0.tensors = $0.tensors.filter { !$0.key.hasPrefix("in.") && !$0.key.hasPrefix("param.") } }),
    ("no outputs", "", { $0.tensors = $0.tensors.filter { !$0.key.hasPrefix("out.") } }),
    ("no tolerance", "tolerance", { $0.tolerance = [:] }),
    (
      "not a number", "must be finite",
      { fixture in
        spoil(&fixture, inputsOnly: true) { StoredTensor($0.doubles.map { _ in Float.nan }, shape: $0.shape) }
      }
    ),
    (
      "one axis more", "shape",
      { fixture in spoil(&fixture) { StoredTensor(type: $0.type, shape: [1, 1] + $0.shape, bytes: $0.bytes) } }
    ),
    (
      "flat", "",
      { fixture in spoil(&fixture) { StoredTensor(type: $0.type, shape: [$0.count], bytes: $0.bytes) } }
    ),
    (
      "cut", "",
      { fixture in
        // The largest tensor loses half of its last axis.
        guard let name = fixture.tensors.max(by: { ($0.value.count, $0.key) < ($1.value.count, $1.key) })?.key,
          let tensor = fixture.tensors[name], let last = tensor.shape.last, last > 1
        else { return fixture.tensors = [:] }
        let rows = tensor.count / last
        let values = (0..<rows).flatMap { row in tensor.doubles[row * last..<row * last + last / 2].map { Float($0) } }
        fixture.tensors[name] = StoredTensor(values, shape: tensor.shape.dropLast() + [last / 2])
      }
    ),
    ("empty axis", "axis is empty", { $0.tensors["in.extra"] = StoredTensor([Float](), shape: [0, 3]) }),
  ]

  private static func spoil(_ fixture: inout Fixture, inputsOnly: Bool = false, _ body: (StoredTensor) -> StoredTensor)
  {
    for (name, tensor) in fixture.tensors where !inputsOnly || name.hasPrefix("in.") {
      fixture.tensors[name] = body(tensor)
    }
  }

  @Test func spoiltCasesFailWithAReasonAndEndNothing() throws {
    let folder = try FixtureFolder()
    var expected: [String: String] = [:]
    for fixture in FreshFixtures.make(seed: 7) {
      for spoiling in Self.spoilings {
        if spoiling.name == "not a number" && !fixture.tensors.keys.contains(where: { $0.hasPrefix("in.") }) {
          continue
        }
        // A schedule has no inputs to lose, and its rates may have any number.
        if fixture.operation == "lr_schedule" && ["no inputs", "flat", "cut"].contains(spoiling.name) { continue }
        var spoilt = fixture
        spoiling.apply(&spoilt)
        // Flattening what is flat changes nothing; element-wise functions take any shape.
        if spoilt.tensors == fixture.tensors && spoilt.tolerance == fixture.tolerance { continue }
        spoilt.name = "\(fixture.name): \(spoiling.name)"
        expected["\(spoilt.group)/\(spoilt.name)"] = spoiling.reason
        try folder.add(spoilt)
      }
    }
    let (code, lines) = try tool(folder, ["--algorithm", "direct"])
    #expect(code == 1)
    #expect(!lines.contains { $0.contains("signal") }, "\(lines.filter { $0.contains("signal") })")
    let anyShape: Set = [
      "relu", "tanh", "sigmoid", "softplus", "leaky_relu", "clamp_-0.25_0.5", "clamp_of_attributes", "abs",
    ]
    for (id, reason) in expected.sorted(by: { $0.key < $1.key }) {
      let place = lines.firstIndex { $0.hasPrefix("FAIL \(id)") || $0.hasPrefix("pass \(id)") }
      let line = try #require(place, "\(id) is not reported")
      let name = id.dropFirst("layers/".count).split(separator: ":")[0]
      if anyShape.contains(String(name)) && (id.hasSuffix("one axis more") || id.hasSuffix("flat")) { continue }
      #expect(lines[line].hasPrefix("FAIL"), "\(id) passes")
      let said = lines[line...].prefix(2).joined(separator: " ")
      #expect(reason.isEmpty || said.contains(reason), "\(id): \(said)")
    }
    let total = "direct: "
    #expect(lines.last { $0.hasPrefix(total) }?.contains(" 0 skipped, 0 unknown") == true)
  }

  /// Attributes that are absent, of another type, or so large that the library would trap or fill the memory.
  @Test(arguments: [JSON.null, "text", -1, 1_000_000_000_000, 1e300, []])
  func wrongAttributesFailWithTheirNames(value: JSON) throws {
    let folder = try FixtureFolder()
    var names: [String] = []
    for fixture in FreshFixtures.make(seed: 11) {
      for key in (fixture.attributes.objectValue ?? [:]).keys.sorted() {
        guard var fields = fixture.attributes.objectValue else { continue }
        fields[key] = value
        var spoilt = fixture
        spoilt.attributes = .object(fields)
        spoilt.name = "\(fixture.name) \(key)"
        names.append("\(spoilt.group)/\(spoilt.name)")
        try folder.add(spoilt)
      }
    }
    let (_, lines) = try tool(folder, ["--algorithm", "direct"])
    #expect(!lines.contains { $0.contains("signal") }, "\(lines.filter { $0.contains("signal") })")
    for name in names { #expect(lines.contains { $0.contains(" \(name)") }, "\(name) is not reported") }
  }

  @Test func brokenFoldersAndEntriesAreNamed() throws {
    let folder = try FixtureFolder()
    let good = FreshFixtures.make(seed: 5)[0]
    try folder.add(good)
    folder.add(entry: good.entry(path: "absent.safetensors"))
    try Data("not a tensor".utf8).write(to: folder.url.appending(path: "broken.safetensors"))
    folder.add(entry: good.entry(path: "broken.safetensors"))
    folder.add(entry: ["case": "half", "group": "layers"])
    folder.add(entry: 17)
    var listed = good.entry(path: "0.safetensors").objectValue ?? [:]
    listed["tensors"] = ["in.x": ["float32", [1, 2, 3]]]
    listed["case"] = "listed"
    folder.add(entry: .object(listed))
    let (code, lines) = try tool(folder, ["--algorithm", "fast"])
    #expect(code == 1)
    #expect(lines.last == "fast: 1 passed, 5 failed, 0 skipped, 0 unknown")
    for text in [
      "absent.safetensors", "broken.safetensors", "entry 3 needs a text in `file`, `op`", "entry 4", "cases.json lists",
    ] {
      #expect(lines.contains { $0.contains(text) }, "nothing says \(text): \(lines)")
    }
    try Data("{".utf8).write(to: folder.url.appending(path: "cases.json"))
    #expect(throws: ParityError.self) { try ParityRunner(folder: folder.url, options: ComputeOptions()) }
  }

  /// Kinds that no operation knows are named and counted; known kinds with options that are not offered are skipped.
  @Test func unknownKindsAreNamedAndCounted() throws {
    let folder = try FixtureFolder()
    var fixture = FreshFixtures.make(seed: 5)[0]
    try folder.add(fixture)
    for name in ["one", "two"] {
      fixture.name = name
      fixture.operation = "grid_sample"
      try folder.add(fixture)
    }
    fixture.name = "three"
    fixture.operation = "maxpool2x2"
    fixture.attributes = ["kernel": 3]
    try folder.add(fixture)
    let (code, lines) = try tool(folder, ["--algorithm", "direct"])
    #expect(code == 0)
    #expect(lines.contains { $0.contains("layers/one: unknown kind layers/grid_sample") })
    #expect(lines.contains { $0.hasPrefix("skip layers/three: not offered: `kernel` 3") })
    #expect(
      lines.suffix(2) == [
        "direct: 1 passed, 0 failed, 1 skipped, 2 unknown", "direct: unknown kinds: layers/grid_sample (2)",
      ])
    // With nothing checked the folder has not passed.
    let empty = try FixtureFolder()
    #expect(try tool(empty, ["--algorithm", "direct"]).code == 1)
  }

  /// The shared fixtures, where they are: `SHARED_DIR`, or beside the package.
  private static let shared: URL? = {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let folder =
      ProcessInfo.processInfo.environment["SHARED_DIR"].map { URL(filePath: $0, relativeTo: package) }
      ?? package.deletingLastPathComponent().appending(path: "shared")
    let parity = folder.appending(path: "parity")
    return FileManager.default.fileExists(atPath: parity.appending(path: "cases.json").path) ? parity : nil
  }()

  /// A pattern that was changed by mistake would leave cases unchecked without failing any.
  @Test(.enabled(if: shared != nil, "needs the shared data (SHARED_DIR)"))
  func everySharedKindIsKnown() throws {
    let runner = try ParityRunner(folder: try #require(Self.shared), options: ComputeOptions())
    #expect(runner.cases.count > 200)
    for item in runner.cases { #expect(runner.knows(item), "\(item.id): no operation for \(item.kind)") }
  }

  /// A case that traps or does not end fails alone: the next cases run.
  @Test func caseThatEndsItsProcessFailsAlone() throws {
    let folder = try FixtureFolder()
    var fixtures = Array(FreshFixtures.make(seed: 6).prefix(2))
    try folder.add(fixtures[0])
    for operation in ["trap", "sleep"] {
      folder.add(entry: ["case": .string(operation), "group": "harness", "op": .string(operation), "file": "none"])
    }
    fixtures[1].name = "last"
    try folder.add(fixtures[1])
    let (code, lines) = try tool(folder, ["--algorithm", "direct", "--case-seconds", "1"])
    #expect(code == 1)
    #expect(lines.contains { $0.contains("ended the process with signal") })
    #expect(lines.contains { $0.contains("took longer than 1 s") })
    #expect(lines.contains { $0.hasPrefix("pass layers/last") })
    #expect(lines.last == "direct: 2 passed, 2 failed, 0 skipped, 0 unknown")
  }
}
