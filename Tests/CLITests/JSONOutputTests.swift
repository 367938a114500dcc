import Basics
import Foundation
import Testing

/// Commands whose results other programs read.
@Suite struct JSONOutputTests {
  private static let file = """
    version: 1
    name: toy
    stages:
      scores:
        uses: command
        with:
          argv:
            - /bin/sh
            - -c
            - |
              printf 'train,test,metric,aggregation,value\\nnet,faces,psnr,mse,31.26\\n' > {output:table}/cross.csv
          outputs: { table: { kind: table } }
    targets: [scores]
    """

  @Test func whatIsAskedForIsPrinted() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    try process.write(Self.file, to: "toy.yaml")
    let ran = try process.run("run", "toy.yaml")
    try #require(ran.code == 0, "\(ran.errors)")
    func json(_ result: PipelineProcess.Result) throws -> JSON {
      try #require(result.code == 0, "\(result.errors)")
      return try JSON(parsing: Data(result.output.utf8))
    }
    let whole = try json(process.run("show", "last", "--json"))
    #expect(whole["stages"]?.arrayValue?.count == 1)

    let stage = try json(process.run("show", "last", "scores", "--json"))
    #expect(stage["stage"] == "scores" && stage["stages"] == nil)
    let file = stage["outputs"]?.arrayValue?.first?["files"]?.arrayValue?.first
    #expect(file?["path"] == "cross.csv")
    #expect(file?["file"]?.stringValue.map { FileManager.default.fileExists(atPath: $0) } == true)
    #expect(stage["key"]?.stringValue?.count == 64 && stage["preimage"] != nil)

    let number = try json(process.run("show", "last", "--number", "31.3", "--json"))
    #expect(
      number["tables"]?.arrayValue?.first?["rows"]?.arrayValue?.first?.stringValue?.contains("value=31.26") == true)
    #expect(try process.run("show", "last", "--number", "31.9", "--json").code != 0)

    let doctor = try json(process.run("doctor", "--json"))
    #expect(doctor["good"] == .bool(true) && doctor["checks"]?.arrayValue?.contains { $0["name"] == "store" } == true)
    #expect(try json(process.run("cache", "push", "shared", "--json"))["results"] == 1)
    #expect(try json(process.run("cache", "pin", "keep", "--json"))["results"] == 1)
    #expect(try json(process.run("cache", "unpin", "keep", "--json"))["unpinned"] == "keep")
    #expect(try json(process.run("cache", "pull", "shared", "--json"))["results"]?.intValue != nil)
  }
}
