import Foundation
import Testing

/// What the engine promises, tried with the built command and small programs as stages.
@Suite struct EngineCommandTests {
  private static func pipeline(value: String, settings: String = "") -> String {
    """
    version: 1
    name: small
    vars: { value: \(value) }
    \(settings)
    stages:
      slow:
        uses: command
        with:
          argv: [sh, -c, "touch {output:out}/started; while [ ! -e $GO ]; do sleep 0.05; done"]
          environment: { GO: /tmp/never }
      value:
        uses: command
        inputs: { first: slow.out }
        with: { argv: [sh, -c, "echo ${value} > {output:out}/value.txt"] }
    """
  }

  private func waitFor(_ condition: () -> Bool) throws {
    for _ in 0..<6000 {
      if condition() { return }
      usleep(10_000)
    }
    Issue.record("nothing happened for a minute")
  }

  /// The file is read once, at the start; what is edited later is for the next run.
  @Test func editsDuringARunDoNotLeakIntoIt() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let go = process.folder.path + "/go"
    func write(_ value: String) throws {
      try process.write(Self.pipeline(value: value).replacing("/tmp/never", with: go), to: "small.yaml")
    }
    try write("before")
    let run = try process.start("run", "small.yaml")
    let runs = process.folder.path + "/.pipeline/runs"
    try waitFor {
      guard let newest = try? FileManager.default.contentsOfDirectory(atPath: runs).max(),
        let events = FileManager.default.contents(atPath: "\(runs)/\(newest)/events.jsonl")
      else { return false }
      return String(decoding: events, as: UTF8.self).contains("\"started\"")
    }
    try process.write("stages: [broken", to: "small.yaml")
    usleep(50_000)
    try write("after")
    try process.write("", to: "go")
    run.waitUntilExit()
    #expect(run.terminationStatus == 0)
    let place = "outputs/small/value/out/value.txt"
    #expect(process.contents(place) == Data("before\n".utf8))
    #expect(try process.run("run", "small.yaml").code == 0)
    #expect(process.contents(place) == Data("after\n".utf8))
    #expect(try process.run("show", "last").code == 0)
  }

  /// Order, white space, comments, line ends, another checkout, locale, time zone, umask, resources: nothing runs.
  @Test func nothingThatIsNotDeclaredRunsAnything() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let manager = FileManager.default
    let plain = """
      version: 1
      name: small
      vars: { word: hello, count: 3 }
      seed: 7
      stages:
        first:
          uses: command
          with: { argv: [sh, "{file:script}", "${word}", "${count}", "{output:out}"], files: { script: tool/run.sh } }
        second:
          uses: command
          inputs: { one: first.out }
          with: { argv: [sh, -c, "cp {input:one}/out.txt {output:out}/copy.txt"] }
      """
    let other = """
      # The same, told differently.
      stages:
          second:
            with:
              argv:
                - "sh"   # a shell
                - '-c'
                - cp {input:one}/out.txt {output:out}/copy.txt
            inputs:
              one: first.out
            uses: "command"
            resources: { cpus: 1, memory: 1GB }
            retries: 2
            timeout: 5m
          first: { with: { files: { script: tool/run.sh }, argv: [ sh , "{file:script}", "${word}",   "${count}", "{output:out}" ] },
                   uses: command }
      seed: 7
      description: another text
      vars:
        count: 3
        word: "hello"
      name: small
      version: 1
      """
    func lay(_ folder: String, _ text: String) throws {
      try manager.createDirectory(
        atPath: "\(process.folder.path)/\(folder)/tool", withIntermediateDirectories: true)
      try process.write("echo $1 $2 > $3/out.txt\n", to: folder + "/tool/run.sh")
      try process.write(text, to: folder + "/small.yaml")
    }
    try lay("one", plain)
    try lay("a/deeper place", other)
    try lay("crlf", plain.replacing("\n", with: "\r\n"))
    let store = process.folder.path + "/.pipeline"
    let first = try process.run("run", "one/small.yaml", "--store", store)
    #expect(first.code == 0, "\(first.errors)")
    for (folder, environment) in [
      ("one", ["LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"]), ("one", ["TZ": "Pacific/Kiritimati"]),
      ("a/deeper place", [:]), ("crlf", ["TZ": "America/St_Johns", "USER": "somebody"]),
    ] {
      let result = try Program.run(
        ["-c", "umask 077; exec \"$0\" run \"\(folder)/small.yaml\" --store \"\(store)\"", Program.url.path],
        program: "/bin/sh", environment: environment, folder: process.folder)
      #expect(result.code == 0 && result.errors.contains("Nothing to do: 2 stages"), "\(folder): \(result.errors)")
    }
    // A thing that is declared: one byte of the script.
    try process.write("echo $1 $2 > $3/out.txt #\n", to: "one/tool/run.sh")
    let changed = try process.run("run", "one/small.yaml", "--store", store)
    #expect(changed.errors.contains("start first (sources.script: "), "\(changed.errors)")
    // The output came out the same: the wave stops there.
    #expect(changed.errors.contains("1 ran, 1 up to date"), "\(changed.errors)")
  }

  @Test func doctorSaysHowTheStoreIsLockedAndChangesIt() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    #expect(try process.run("doctor").output.contains("locks: flock on a "))
    let forced = try process.run("doctor", "--locks", "leases")
    let text = "locks: leases with a heartbeat every 5.0 s on a local file system, as --locks said"
    #expect(forced.output.contains(text), "\(forced.output)\(forced.errors)")
    #expect(try process.run("doctor").output.contains(text))
    try process.write(Self.pipeline(value: "x").replacing("/tmp/never", with: "/"), to: "small.yaml")
    #expect(try process.run("run", "small.yaml").code == 0)
    #expect(try process.run("run", "small.yaml").errors.contains("Nothing to do"))
    #expect(try process.run("doctor", "--locks", "auto").output.contains("locks: flock on a "))
  }

  @Test func settingsOfAFileHoldUnlessTheCommandLineSaysOtherwise() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let settings = "settings: { publish: none, remote_cache: \"http://127.0.0.1:9/cache\" }"
    try process.write(
      Self.pipeline(value: "x", settings: settings).replacing("/tmp/never", with: "/"), to: "small.yaml")
    let first = try process.run("run", "small.yaml")
    #expect(first.code == 0, "\(first.errors)")
    #expect(first.errors.contains("going on without the remote cache: http://127.0.0.1:9/cache: "))
    #expect(process.contents("outputs/small/value/out/value.txt") == nil)
    let second = try process.run("run", "small.yaml", "--publish", "copy", "--remote-cache", "none")
    #expect(second.code == 0 && !second.errors.contains("remote cache"))
    #expect(process.contents("outputs/small/value/out/value.txt") == Data("x\n".utf8))
  }

  @Test func passwordsInFilesAndUselessAddressesAreRefused() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    let settings = "settings: { remote_cache: \"http://ana:s3cret@cache/x\", publsh: copy }"
    try process.write(Self.pipeline(value: "x", settings: settings), to: "small.yaml")
    let refused = try process.run("validate", "small.yaml")
    #expect(refused.code == 2)
    #expect(refused.errors.contains("small.yaml:4:"), "\(refused.errors)")
    #expect(refused.errors.contains("//**********@cache/x") && !refused.errors.contains("s3cret"), "\(refused.errors)")
    #expect(refused.errors.contains("must not hold the password of a cache"), "\(refused.errors)")
    try process.write(Self.pipeline(value: "x"), to: "small.yaml")
    let address = try process.run("run", "small.yaml", "--remote-cache", "ftp://ana:s3cret@cache")
    #expect(address.code == 2)
    #expect(address.errors.contains("`ftp://***@cache` is not the address of a remote cache"), "\(address.errors)")
    let push = try process.run("cache", "push", "http://127.0.0.1:9/cache")
    #expect(push.code == 0)  // there is nothing to send
    let pull = try process.run("cache", "pull", "http://127.0.0.1:9/cache", "small.yaml")
    #expect(pull.code == 1 && pull.errors.contains("http://127.0.0.1:9/cache: "), "\(pull.errors)")
  }

  @Test func resultsGoToAFolderAndComeBack() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    try process.write(Self.pipeline(value: "x").replacing("/tmp/never", with: "/"), to: "small.yaml")
    #expect(try process.run("run", "small.yaml").code == 0)
    let pushed = try process.run("cache", "push", "shared")
    #expect(pushed.output.hasPrefix("copied 2 results, 0 samples, "), "\(pushed.output)\(pushed.errors)")
    try FileManager.default.removeItem(atPath: process.folder.path + "/.pipeline")
    try FileManager.default.createDirectory(
      atPath: process.folder.path + "/.pipeline", withIntermediateDirectories: true)
    let pulled = try process.run("cache", "pull", "shared")
    #expect(pulled.output.hasPrefix("copied 2 results"), "\(pulled.output)\(pulled.errors)")
    #expect(try process.run("run", "small.yaml").errors.contains("Nothing to do"))
  }
}
