import Foundation
import NN
import ParityHarness

// parity FOLDER [--algorithm direct|unfold|fast] [--threads N] [--instructions plain|avx2|avx512] [--only TEXT] [--all-reasons]
//               [--case-seconds N]
// Checks every case of a folder with a cases.json and prints how many passed, failed, were skipped (an option that this library
// does not offer) or are of an unknown kind. Exits with 1 when one fails or none passes, with 2 when it cannot start. Without
// --algorithm it checks them twice, with direct and with fast convolutions.
//
// direct: every convolution as its definition says, sums in double precision; the stated tolerance.
// unfold: convolutions as matrix products; the stated tolerance.
// fast: the algorithms that training uses (Winograd where it applies); networks may use eight times the tolerance.
//
// Where unfold or fast miss a case of a network, they run it once more with each argument of an activation, pooling or
// deformable convolution on the side of its kink that it has with direct convolutions. It passes if everything then holds and no
// argument that changed sides lay farther from its kink than rounding explains; the line of the case says so.
//
// Cases run in a worker process. One that ends it (a trap, too much memory, more than --case-seconds) fails, and a new worker
// goes on with the next.

let algorithms: [(name: String, value: ComputeOptions.Convolution)] = [
  ("direct", .reference), ("unfold", .direct), ("fast", .fast),
]

func stop(_ message: String) -> Never {
  FileHandle.standardError.write(Data("error: \(message)\n".utf8))
  exit(2)
}

var folder: String?
var options = ComputeOptions()
var passes = ["direct", "fast"]
var only: String?
var limit = 6
var seconds: UInt32 = 900
var worker: Range<Int>?
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
  switch argument {
  case "--algorithm":
    guard let value = arguments.popFirst(), algorithms.contains(where: { $0.name == value }) else {
      stop("--algorithm needs direct, unfold or fast")
    }
    passes = [value]
  case "--threads":
    guard let value = arguments.popFirst().flatMap({ Int($0) }), value > 0 else { stop("--threads needs a number") }
    options.threads = value
  case "--instructions":
    guard let value = arguments.popFirst().flatMap(ComputeOptions.Instructions.init(rawValue:)) else {
      stop("--instructions needs plain, avx2 or avx512")
    }
    options.instructions = min(value, .best)
  case "--only":
    guard let value = arguments.popFirst() else { stop("--only needs a part of the cases' names") }
    only = value
  case "--all-reasons": limit = .max
  case "--case-seconds":
    guard let value = arguments.popFirst().flatMap({ UInt32($0) }), value > 0 else {
      stop("--case-seconds needs a number of seconds")
    }
    seconds = value
  case Worker.flag:
    guard let start = arguments.popFirst().flatMap({ Int($0) }), let end = arguments.popFirst().flatMap({ Int($0) }),
      0 <= start, start <= end
    else { stop("\(Worker.flag) needs the first case and the end") }
    worker = start..<end
  default:
    guard !argument.hasPrefix("-"), folder == nil else { stop("unknown argument \(argument)") }
    folder = argument
  }
}
guard let folder else { stop("give a folder with a cases.json: parity FOLDER [--algorithm direct|fast]") }

do {
  var counts: [(pass: String, counts: ParityCounts)] = []
  for name in passes {
    options.convolution = algorithms.first { $0.name == name }!.value  // the names were checked above
    let runner = try ParityRunner(folder: URL(filePath: folder), options: options)
    if let worker {
      guard worker.upperBound <= runner.cases.count else { stop("there are \(runner.cases.count) cases") }
      Worker.run(runner, worker, secondsEach: seconds, reasons: limit) { item in
        only.map { item.id.contains($0) } ?? true
      }
      exit(0)
    }
    print("\(name) convolutions, \(options.instructions.rawValue) instructions")
    var pass = ParityCounts()
    // The worker gets the same arguments and its one algorithm.
    let command = Array(CommandLine.arguments.dropFirst()) + ["--algorithm", name]
    try Worker.runAll(runner.cases, command: command, secondsEach: seconds) { item, report in
      pass.add(report, of: item)
      for line in report.lines { print(line) }
    }
    counts.append((name, pass))
  }
  for (name, pass) in counts {
    print("\(name): \(pass.summary)")
    if let unknown = pass.unknownSummary { print("\(name): \(unknown)") }
  }
  exit(counts.allSatisfy { $0.counts.isGood } ? 0 : 1)
} catch {
  stop("\(error)")
}
