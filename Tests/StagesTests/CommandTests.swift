import Basics
import Foundation
import Pipeline
import Stages
import Testing

@Suite struct CommandTests {
  private func run(
    _ script: String, _ parameters: [String: JSON] = [:], _ inputs: [String: [LabelledArtifact]] = [:],
    runner: StageRunner? = nil
  ) async throws -> StageResult {
    let runner = try runner ?? StageRunner()
    var all: [String: JSON] = ["argv": ["sh", "-c", .string(script)]]
    all.merge(parameters) { _, new in new }
    return try await runner.run("command", .object(all), inputs, seed: 7, threads: 3)
  }

  @Test func seesItsInputsAndDeliversItsOutput() async throws {
    let runner = try StageRunner()
    let sample = try runner.datasetSample("1 (2) é", side: "train", SyntheticHead(size: 16))
    let files = try runner.services.store(Data("hello".utf8))
    let inputs = [String: [LabelledArtifact]].of([
      "maps": StageRunner.artifact("dataset", samples: [sample]),
      "notes": StageRunner.artifact("files", files: ["deep/note.txt": files]),
    ])
    let result = try await run(
      "cat '{input:notes}/deep/note.txt' > {output:out}/note; ls '{input:maps}/1 (2) é' > {output:out}/list; "
        + "cat '{input:maps}/1 (2) é/record.json' > '{output:out}/record'; echo {threads} {seed} > {output:out}/numbers",
      [:], inputs, runner: runner)
    #expect(try result.text("note", "out") == "hello")
    #expect(try result.text("list", "out") == "depth.png\nmask.png\nrecord.json\n")
    #expect(try result.text("record", "out").contains("\"side\": \"train\""))
    #expect(try result.text("numbers", "out") == "3 7\n")
  }

  @Test func environmentIsOnlyWhatIsDeclared() async throws {
    let result = try await run(
      "/usr/bin/env | sort > {output:out}/env", ["environment": ["WORD": "a b", "LC_ALL": "C"]])
    let lines = try result.text("env", "out").split(separator: "\n").filter {
      !$0.hasPrefix("PWD=") && !$0.hasPrefix("SHLVL=") && !$0.hasPrefix("_=") && !$0.hasPrefix("OLDPWD=")
    }
    #expect(lines == ["LC_ALL=C", "WORD=a b"])
  }

  @Test func deliversSamplesWithRecords() async throws {
    let result = try await run(
      "mkdir -p '{output:faces}/a b'; echo x > '{output:faces}/a b/mask.png'; echo '{\"n\": 3}' > '{output:faces}/a b/record.json'",
      ["outputs": ["faces": ["layout": "samples", "kind": "masks"]]])
    let artifact = try #require(result.artifacts["faces"])
    #expect(artifact.kind == "masks")
    #expect(artifact.samples.map(\.name) == ["a b"])
    #expect(artifact.samples.first?.record == ["n": 3])
  }

  @Test func linksAreWhatTheyPointTo() async throws {
    let runner = try StageRunner()
    let note = try runner.services.store(Data("input".utf8))
    let result = try await run(
      "cd {output:out}; mkdir -p runs/3; echo last > runs/3/map; ln -s runs/3 latest; ln -s latest/map map; "
        + "ln -s {input:notes}/a.txt note",
      [:], .of(["notes": StageRunner.artifact("files", files: ["a.txt": note])]), runner: runner)
    #expect(try result.text("map", "out") == "last\n" && result.text("latest/map", "out") == "last\n")
    #expect(try result.text("runs/3/map", "out") == "last\n" && result.text("note", "out") == "input")
  }

  /// Whatever a program leaves is taken, or named: nothing vanishes.
  @Test(arguments: [
    ("ln -s /etc/passwd users", "link to /etc/passwd"), ("ln -s nowhere map", "link to nowhere"),
    ("mkdir a; ln -s .. a/up", "link to a folder that holds it"), ("mkfifo pipe", "neither a file nor a folder"),
    ("ln -s x y; ln -s y x", "is a link"), ("echo 1 > \"$(printf 'caf\\351')\"", "is not UTF-8"),
  ])
  func whatIsNoOutputIsNamed(script: String, expected: String) async throws {
    await #expect {
      _ = try await run("cd {output:out}; echo 1 > good; \(script)")
    } throws: { "\($0)".contains(expected) }
  }

  /// 200,000 lines, one of 3 MB without an end, and bytes that are no UTF-8: each is read once.
  @Test func chattyProgramsEnd() async throws {
    await #expect {
      _ = try await run(
        "yes 0123456789012345678901234567890123456789 | head -n 200000 >&2; head -c 3000000 /dev/zero | tr '\\0' x; "
          + "printf '\\n\\377\\n'; echo the end; exit 4")
    } throws: { error in
      "\(error)".contains("| the end") && "\(error)".contains("exit status 4")
    }
  }

  @Test func failureShowsStatusAndLastLines() async throws {
    await #expect { _ = try await run("echo first; echo it broke >&2; exit 3") } throws: { error in
      let text = "\(error)"
      return text.contains("exit status 3") && text.contains("| it broke") && text.contains("`sh`")
    }
    await #expect { _ = try await run("kill -9 $$") } throws: { "\($0)".contains("signal 9") }
    await #expect { _ = try await run("true") } throws: { "\($0)".contains("wrote nothing into {output:out}") }
    await #expect { _ = try await run("", ["argv": ["no-such-program"]]) } throws: {
      "\($0)".contains("no program `no-such-program`")
    }
    await #expect { _ = try await run("cat {input:nothing}") } throws: { "\($0)".contains("no input `nothing`") }
  }

  @Test func unknownPlaceholdersAreRefusedBeforeAnythingRuns() async throws {
    await #expect { _ = try await run("cat {output:elsewhere} {file:script}") } throws: { error in
      (error as? ParameterProblems)?.diagnostics.map(\.message).joined().contains("{file:script}") == true
    }
    // Braces of other languages are left alone.
    let result = try await run("echo '{print $1} ${HOME}' > {output:out}/text")
    #expect(try result.text("text", "out") == "{print $1} ${HOME}\n")
  }

  @Test func linesReachTheLogAndWritingToAnInputHarmsNothing() async throws {
    let runner = try StageRunner()
    let note = try runner.services.store(Data("hello".utf8))
    let inputs = [String: [LabelledArtifact]].of(["notes": StageRunner.artifact("files", files: ["note": note])])
    _ = try await run(
      "echo one; echo two >&2; printf three; echo spoilt > {input:notes}/note; touch {output:out}/x", [:], inputs,
      runner: runner)
    #expect(runner.services.lines == ["one", "two", "three"])
    #expect(try Data(contentsOf: note.url) == Data("hello".utf8))
  }

  @Test func readsDeclaredFiles() async throws {
    let runner = try StageRunner()
    let folder = try runner.temporaryFolder()
    let script = folder.appending(path: "tool.sh")
    try Data("echo from the script > $1/x".utf8).write(to: script)
    try Data("1".utf8).write(to: folder.appending(path: "other"))
    let result = try await runner.run(
      "command",
      [
        "argv": ["sh", "{file:tool}", "{output:out}"],
        "files": ["tool": .string(script.path), "all": .string(folder.path)],
      ])
    #expect(try result.text("x", "out") == "from the script\n")
  }

  @Test func stoppingEndsTheProgram() async throws {
    let runner = try StageRunner()
    // The shell's own child must end too; it is known by a number of its own.
    let mark = "600.\(Int.random(in: 100_000...999_999))"
    await #expect(throws: CancellationError.self) {
      _ = try await run("sleep \(mark) & echo stop now; wait", [:], [:], runner: runner)
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
      guard let pid = Int(name) else { return false }
      let line = (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""  // it may end meanwhile
      return line.contains(mark) && line.hasPrefix("sleep")
    }
    #expect(left.isEmpty, "still running: \(left)")
  }
}
