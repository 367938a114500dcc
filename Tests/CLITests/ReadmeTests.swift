import Foundation
import Testing

/// The commands and YAML excerpts of README.md, word for word, in a copy of `pipelines`.
@Suite struct ReadmeTests {
  private static let root = cliTestFolder.deletingLastPathComponent().deletingLastPathComponent()

  // MARK: - What cannot run as it stands

  /// The demo with fewer and smaller heads and short trainings, so that the commands take seconds.
  private static let smallerDemo = [
    ("count: 24", "count: 6"), ("size: 256 ", "size: 64 "), ("size: 256\n", "size: 64\n"),
    ("cross_epochs: 60", "cross_epochs: 2"), ("patch: 32 ", "patch: 8 "), ("validation: 0.25", "validation: 0.4"),
  ]

  /// Commands that need what a test cannot have: what is put in their place, and why.
  private struct Substitution {
    /// Texts that the line holds.
    var line: [String]
    var replace: (old: String, new: String)?
    var append = ""
    var code: Int32 = 0
    /// Why the line cannot run as it stands.
    var reason: String
  }
  private static let substitutions = [
    Substitution(
      line: ["pipelines/faces.yaml"], replace: ("/data/facelift", "data/facelift"), append: " --dry-run",
      reason: "the heads are a user's, and the training takes hours"),
    Substitution(line: ["run my-faces.yaml", "# goes on"], append: " --dry-run", reason: "the training takes hours"),
    Substitution(line: ["run my-faces.yaml"], code: 3, reason: "it stops at FaceLift's gate, as its comments say"),
    Substitution(line: ["--profile cluster"], append: " --dry-run", reason: "there is no cluster"),
    Substitution(
      line: ["show last --number"], replace: ("38.64", shownNumber), reason: "the smaller demo has other numbers"),
  ]
  /// Replaced by a number that the report of the smaller demo prints.
  private static let shownNumber = "NUMBER"

  // MARK: - The text

  private struct Block {
    /// The text before it, back to the block before.
    var introduction: String
    var lines: [String]
    var text: String { lines.joined(separator: "\n") + "\n" }
    var isCommands: Bool { lines.allSatisfy { $0.hasPrefix("pipeline ") || $0.hasPrefix("make ") } }
    /// `name: value` or `name:` first.
    var isYAML: Bool { lines.first?.firstMatch(of: /^(# )?[a-z][\w.-]*(:|\.yaml)/) != nil }
  }

  /// The blocks that are indented by four columns.
  private static func blocks() throws -> [Block] {
    var result: [Block] = []
    var introduction = ""
    var lines: [String] = []
    func close() {
      while lines.last?.isEmpty == true { lines.removeLast() }
      if !lines.isEmpty { result.append(Block(introduction: introduction, lines: lines)); introduction = "" }
      lines = []
    }
    let text = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("    ") {
        // Commands after a file are a block of their own.
        if line.hasPrefix("    pipeline "), lines.last?.isEmpty == true { close() }
        lines.append(String(line.dropFirst(4)))
      } else if line.isEmpty {
        if !lines.isEmpty { lines.append("") }
      } else {
        close()
        introduction += line + "\n"
      }
    }
    close()
    return result
  }

  /// The file that the sentence before a block names, as in "`pipelines/ablations/normals.yaml`:".
  private static func file(_ block: Block) -> String? {
    block.introduction.matches(of: /`([\w\/.-]+\.yaml)`:?\s*$/).last.map { String($0.1) }
  }

  // MARK: - Tests

  /// What the README shows of a file is the file, from its first line that is no comment on.
  @Test func excerptsAreTheirFiles() throws {
    var count = 0
    for block in try Self.blocks() where block.isYAML && !block.isCommands {
      guard let name = Self.file(block),
        FileManager.default.fileExists(atPath: Self.root.appendingPathComponent(name).path)
      else { continue }
      let file = try String(contentsOf: Self.root.appendingPathComponent(name), encoding: .utf8)
      count += 1
      let body = file.split(separator: "\n", omittingEmptySubsequences: false).drop { $0.hasPrefix("#") }
      #expect(body.joined(separator: "\n") == block.text, "README.md shows \(name) as it is not")
    }
    #expect(count >= 1)
  }

  @Test func commandsRunInOrder() throws {
    let folder = try Program.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }  // best effort
    try prepare(folder)
    var ran = 0
    for block in try Self.blocks() {
      if !block.isCommands {
        try write(block, folder)
        continue
      }
      for line in block.lines where line.hasPrefix("pipeline ") {
        if line.contains("# once FaceLift has run") { try playFaceLift(folder) }
        try run(line, folder)
        ran += 1
      }
    }
    #expect(ran >= 12)
    // What the text itself tells to type.
    let text = try Self.blocks().map(\.introduction).joined()
    for match in text.matches(of: /`(pipeline (?:stages|doctor|report|models)[^`<]*)`/) {
      try run(String(match.1), folder)
    }
  }

  /// Every verb of the Makefile that the README names is one.
  @Test func verbsAreThoseOfTheMakefile() throws {
    let makefile = try String(contentsOf: Self.root.appendingPathComponent("Makefile"), encoding: .utf8)
    let verbs = Set(makefile.matches(of: /(?m)^([a-z-]+):/).map { String($0.1) })
    let text = try String(contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8)
    let named = text.matches(of: /(?m)(?:^    |`)make ([a-z-]+)/).map { String($0.1) }
    #expect(!named.isEmpty)
    for verb in named { #expect(verbs.contains(verb), "README.md says `make \(verb)`") }
  }

  // MARK: - The workshop

  /// A copy of `pipelines` with the smaller demo, run once as `make demo` does.
  private func prepare(_ folder: URL) throws {
    let bin = folder.appendingPathComponent("bin")
    try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      at: bin.appendingPathComponent("pipeline"), withDestinationURL: Program.url)
    let pipelines = folder.appendingPathComponent("pipelines")
    // As in a clone: there the store and the outputs lie beside `.git`.
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent(".git"), withIntermediateDirectories: true)
    try FileManager.default.createDirectory(at: pipelines, withIntermediateDirectories: true)
    let source = Self.root.appendingPathComponent("pipelines")
    // The results of whoever ran the demo here stay behind.
    for name in try FileManager.default.contentsOfDirectory(atPath: source.path)
    where !name.hasPrefix(".") && name != "outputs" {
      try FileManager.default.copyItem(
        at: source.appendingPathComponent(name), to: pipelines.appendingPathComponent(name))
    }
    let demo = pipelines.appendingPathComponent("demo.yaml")
    var text = try String(contentsOf: demo, encoding: .utf8)
    for (old, new) in Self.smallerDemo { text = text.replacing(old, with: new) }
    #expect(text.contains("count: 6") && text.contains("size: 64") && text.contains("cross_epochs: 2"))
    try Data(text.utf8).write(to: demo)
    try run("pipeline run pipelines/demo.yaml", folder)
    // Some of the demo's photos are the user's.
    let photos = folder.appendingPathComponent("my/photos")
    try FileManager.default.createDirectory(at: photos, withIntermediateDirectories: true)
    let faces = heads(folder).appendingPathComponent("cropped_faces")
    for name in try FileManager.default.contentsOfDirectory(atPath: faces.path) where name.hasPrefix("head_") {
      try FileManager.default.copyItem(at: faces.appendingPathComponent(name), to: photos.appendingPathComponent(name))
    }
  }

  private func heads(_ folder: URL) -> URL { folder.appendingPathComponent("outputs/demo/heads/folder") }

  /// Puts FaceLift's output for the user's photos where the gate waits for it.
  private func playFaceLift(_ folder: URL) throws {
    let splats = folder.appendingPathComponent("my/facelift/splats")
    try FileManager.default.createDirectory(at: splats, withIntermediateDirectories: true)
    let made = heads(folder).appendingPathComponent("splats")
    for name in try FileManager.default.contentsOfDirectory(atPath: made.path) where name.hasPrefix("head_") {
      try FileManager.default.copyItem(at: made.appendingPathComponent(name), to: splats.appendingPathComponent(name))
    }
  }

  /// A file that the README asks for: named in its first line as a comment, or settings to add to `full.yaml`.
  private func write(_ block: Block, _ folder: URL) throws {
    if let name = block.lines.first?.firstMatch(of: /^# ([\w-]+\.yaml)$/) {
      try Data(block.text.utf8).write(to: folder.appendingPathComponent(String(name.1)))
    } else if block.lines.first == "profiles:" {
      let text = "extends: pipelines/full.yaml\nname: full\nvars: { photos: my/photos }\n\(block.text)"
      try Data(text.utf8).write(to: folder.appendingPathComponent("full.yaml"))
    }
  }

  private func run(_ line: String, _ folder: URL) throws {
    let substitution = Self.substitutions.first { $0.line.allSatisfy(line.contains) }
    var command = line.replacing(/\s+#.*$/, with: "")
    if let (old, new) = substitution?.replace {
      #expect(command.contains(old), "README.md no longer has \(old) in `\(line)`")
      let value = try new == Self.shownNumber ? shownNumber(folder) : new
      command = command.replacing(old, with: value)
    }
    command += substitution?.append ?? ""
    if command.hasPrefix("pipeline serve") { return try serve(command, folder) }
    let result = try Program.run(
      ["-c", command], program: "/bin/bash", environment: ["PATH": "\(folder.path)/bin:/usr/local/bin:/usr/bin:/bin"],
      folder: folder)
    #expect(
      result.code == substitution?.code ?? 0,
      "README.md: `\(command)` ends with \(result.code):\n\(result.output.suffix(800))\n\(result.errors.suffix(800))")
  }

  /// A number that the report of the smaller demo prints.
  private func shownNumber(_ folder: URL) throws -> String {
    let table = folder.appendingPathComponent("outputs/demo/report/report/tables/cross-psnr.md")
    let text = try String(contentsOf: table, encoding: .utf8)
    let number = try #require(text.firstMatch(of: /\b\d+\.\d\d\b/), "no number in \(table.path)")
    return String(number.0)
  }

  /// The server says where it listens; it is then asked to stop.
  private func serve(_ command: String, _ folder: URL) throws {
    let log = folder.appendingPathComponent("serve.txt")
    try Data().write(to: log)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", "exec \(command)"]
    process.currentDirectoryURL = folder
    process.environment = ["PATH": "\(folder.path)/bin:/usr/local/bin:/usr/bin:/bin", "HOME": folder.path]
    let handle = try FileHandle(forWritingTo: log)
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
    var said = ""
    for _ in 0..<600 where process.isRunning {
      said = try String(contentsOf: log, encoding: .utf8)
      if said.contains("http://127.0.0.1") { break }
      usleep(50_000)
    }
    #expect(said.contains("http://127.0.0.1"), "`\(command)` says \(said)")
    process.interrupt()
    process.waitUntilExit()
  }
}
