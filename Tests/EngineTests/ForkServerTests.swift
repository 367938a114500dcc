import Basics
import Foundation
import Pipeline
import Testing

/// Workers are forks of one process; each is as separate from it and from the others as a process started by itself.
@Suite(.serialized, .timeLimit(.minutes(15))) struct ForkServerTests {
  /// Three slow stages that can run at once.
  private func slow(_ bench: Bench, delay: Int = 400) throws -> [StageInstance] {
    try (0..<3).map {
      try bench.stage(
        "s\($0)@x", "toy.step", ["add": .string("\($0)"), "delay": .int(delay)], extra: ["resources": ["cpus": 1]])
    }
  }

  @Test func workersAreProcessesOfTheirOwn() throws {
    let bench = try Bench()
    let path = try bench.writePipeline(try slow(bench, delay: 5000), ["cpus": 3])
    let run = try bench.start(path)
    try wait { bench.workers(of: run.pid).count == 3 && bench.traceLines().count == 3 }
    let server = try #require(bench.forkServer(of: run.pid))
    let workers = bench.workers(of: run.pid)
    // Children of the runner, not of the server; each in a group of its own.
    #expect(bench.children(of: server) == [])
    for process in workers + [server] { #expect(getpgid(process) == process) }
    #expect(Set(workers.compactMap(bench.name)) == ["s0@x", "s1@x", "s2@x"])
    for worker in workers {
      let files = "/proc/\(worker)/fd"
      let open = try FileManager.default.contentsOfDirectory(atPath: files).map {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: files + "/" + $0)) ?? ""
      }
      // The server's socket is not among them, and of pipes there are only its own two.
      #expect(!open.contains { $0.hasPrefix("socket:") }, "\(open)")
      #expect(open.count { $0.hasPrefix("pipe:") } == 2, "\(open)")
    }
    // One that dies takes nothing with it.
    kill(workers[0], SIGKILL)
    let end = run.wait()
    #expect(end.status == 1)
    #expect(end.events("failed").count == 1 && end.events("finished").count == 2)
    #expect(kill(server, 0) != 0, "the server has outlived its run")
  }

  /// Whoever ends the server, the run goes on, with another and in the end without one.
  @Test func aServerThatIsGoneIsReplaced() throws {
    let bench = try Bench()
    var stages: [StageInstance] = []
    for index in 0..<6 {
      stages.append(
        try bench.stage(
          "s\(index)", "toy.join", ["add": .string("\(index)"), "delay": 300],
          inputs: index == 0 ? [:] : ["in": ["s\(index - 1).table"]]))
    }
    let run = try bench.start(try bench.writePipeline(stages))
    var ended: Set<pid_t> = []
    for index in 0..<4 {
      try wait { bench.traceLines().count > index }
      // A worker that is at work does not notice.
      guard let server = bench.forkServer(of: run.pid) else { break }
      kill(server, SIGKILL)
      ended.insert(server)
    }
    let end = run.wait()
    #expect(end.status == 0, "\(end.output)")
    #expect(ended.count == 3)
    #expect(bench.traceLines() == (0..<6).map { "join\($0)" })
    #expect(end.events("retry").isEmpty)
  }

  /// A program that cannot serve, for whatever reason, runs its workers all the same.
  @Test func withoutAServerWorkersAreStartedOneByOne() async throws {
    let bench = try Bench()
    let script = bench.root + "/worker"
    try bench.write(
      """
      #!/bin/sh
      if [ "$2" = --fork-server ]; then echo asked >> \(bench.root)/asked; exit 1; fi
      exec \(Bench.probe) "$@"
      """, script)
    chmod(script, 0o755)
    let run = try await bench.run(try slow(bench, delay: 0), worker: [script, "worker"])
    #expect(run.summary.exitCode == 0)
    #expect(run.trace.count == 3)
    let asked = try String(contentsOfFile: bench.root + "/asked", encoding: .utf8)
    #expect(asked.split(separator: "\n").count == 3)
  }

  @Test func aRunnerThatIsKilledLeavesNoServer() throws {
    let bench = try Bench()
    let run = try bench.start(try bench.writePipeline(try slow(bench, delay: 1000)))
    try wait { !bench.traceLines().isEmpty }
    let server = try #require(bench.forkServer(of: run.pid))
    run.kill(SIGKILL)
    _ = run.wait()
    try wait { kill(server, 0) != 0 || bench.state(of: server) == "Z" }
  }

  /// The same result from a fork and from a process started by itself; what is made once in the server is not shared by mistake.
  @Test func forksMakeTheSame() async throws {
    let (forked, direct) = (try Bench(), try Bench())
    for (bench, forks) in [(forked, true), (direct, false)] {
      try bench.addPhotos((1...5).map { "face \($0)" })
      let run = try await bench.run(try bench.chain(), forks: forks)
      #expect(run.summary.exitCode == 0)
    }
    for id in ["collect", "join"] {
      let results = try [forked, direct].map { try Inspection.latestResult(id, pipeline: "test", store: $0.store) }
      #expect(results[0]?.outputs.mapValues(\.digest) == results[1]?.outputs.mapValues(\.digest))
      #expect(results[0] != nil)
    }
  }

  /// Waits for something that other processes do; gives up after a minute.
  private func wait(_ condition: () -> Bool) throws {
    for _ in 0..<12_000 {
      if condition() { return }
      usleep(5_000)
    }
    throw StageFailure("nothing happened for a minute")
  }
}
