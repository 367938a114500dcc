import Foundation
import Testing

/// `pipeline compare` on tables whose numbers are known.
@Suite struct CompareTests {
  /// Two variants, three seeds. `scores` writes PSNR 30, 31, 35 by seed, a decibel more with `gain: 1`; `other` writes a table
  /// that `compare.table` leaves out.
  private static func file(aggregate: String) -> String {
    """
    version: 1
    name: toy
    vars: { gain: 0 }
    stages:
      scores:
        uses: command
        with:
          argv:
            - /bin/sh
            - -c
            - |
              set -- 0 30 31 35; shift {seed}
              printf 'train,test,metric,aggregation,value\\nnet,faces,psnr,mse,%s\\n' $(($1 + ${gain})) > {output:table}/cross.csv
          outputs: { table: { kind: table } }
      other:
        uses: command
        with:
          argv: [/bin/sh, -c, "echo train,test,metric,aggregation,value > {output:table}/cross.csv; echo net,faces,psnr,mse,99 >> {output:table}/cross.csv"]
          outputs: { table: { kind: table } }
    matrix: { seed: [1, 2, 3] }
    variants:
      plain: {}
      better: { vars.gain: 1 }
    targets: [scores, other]
    compare: { baseline: plain, aggregate: \(aggregate), table: scores.table }
    """
  }

  @Test(arguments: [
    ("mean_std", "33.00 ± 2.65", "mean and standard deviation over 3 seeds"), ("mean", "33.00", "mean over 3 seeds"),
    ("median", "32.00", "median over 3 seeds"),
  ])
  func seedsBecomeOneFigureAsDeclared(aggregate: String, figure: String, words: String) throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    try process.write(Self.file(aggregate: aggregate), to: "toy.yaml")
    let run = try process.run("run", "toy.yaml")
    try #require(run.code == 0, "\(run.errors)")
    let compared = try process.run("compare", "toy.yaml")
    #expect(compared.code == 0 && compared.errors.isEmpty, "\(compared.errors)")
    #expect(compared.output.contains("Differences to plain") && compared.output.contains(words), "\(compared.output)")
    let row = compared.output.split(separator: "\n").first { $0.hasPrefix("better") }
    #expect(row?.contains(figure) == true && row?.contains("+1.00") == true, "\(compared.output)")
    #expect(!compared.output.contains("99.00"), "only the table that `compare:` names")
  }

  @Test func resultsThatAreMissingAreNamed() throws {
    let process = try PipelineProcess()
    defer { process.remove() }
    try process.write(Self.file(aggregate: "mean"), to: "toy.yaml")
    try #require(try process.run("run", "toy.yaml", "scores@plain").code == 0)
    let compared = try process.run("compare", "toy.yaml")
    #expect(compared.errors.contains("not there yet: toy: scores@better,seed=3"), "\(compared.errors)")
    #expect(!compared.errors.contains("other"), "\(compared.errors)")
  }
}
