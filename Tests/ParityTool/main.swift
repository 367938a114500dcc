import Foundation
import NN
import ParityHarness

// parity FOLDER [--algorithm direct|unfold|fast] [--threads N] [--instructions plain|avx2|avx512] [--only TEXT] [--all-reasons]
// Checks every case of a folder with a cases.json and exits with 1 when one fails, 2 when it cannot start. Without --algorithm
// it checks them twice, with direct and with fast convolutions.
//
// direct: every convolution as its definition says, sums in double precision; the stated tolerance.
// unfold: convolutions as matrix products; the stated tolerance.
// fast: the algorithms that training uses (Winograd where it applies); networks may use eight times the tolerance.
//
// Where unfold or fast miss a case of a network, they run it once more with each argument of an activation, pooling or
// deformable convolution on the side of its kink that it has with direct convolutions. It passes if everything then holds and no
// argument that changed sides lay farther from its kink than rounding explains; the line of the case says so.

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
  case "--only": only = arguments.popFirst()
  case "--all-reasons": limit = .max
  default:
    guard !argument.hasPrefix("-"), folder == nil else { stop("unknown argument \(argument)") }
    folder = argument
  }
}
guard let folder else { stop("give a folder with a cases.json: parity FOLDER [--algorithm direct|fast]") }

func line(_ word: String, _ item: ParityCase, _ worst: ParityCheck.Worst, _ moved: Kinks.Moved? = nil) {
  var text = "\(word) \(item.id)"
  if worst.ratio > 0 {
    text += String(format: ": worst error %.3g, %.3g of the tolerance, in ", worst.difference, worst.ratio)
    text += "\(worst.tensor)[\(worst.index)]"
  } else {
    text += ": exact"
  }
  if let moved {
    text += "; \(moved.count) of \(moved.total) arguments took the exact side of a kink, at most "
    text += String(format: "%.1f roundings away", moved.farthest)
  }
  print(text)
}

do {
  var summaries: [String] = []
  var isGood = true
  for name in passes {
    options.convolution = algorithms.first { $0.name == name }!.value  // the names were checked above
    let runner = try ParityRunner(folder: URL(filePath: folder), options: options)
    var (passed, onExactSides, failed, skipped) = (0, 0, 0, 0)
    print("\(name) convolutions, \(options.instructions.rawValue) instructions")
    for item in runner.cases {
      if let only, !item.id.contains(only) { continue }
      switch runner.run(item) {
      case .passed(let worst, let moved):
        passed += 1
        if moved != nil { onExactSides += 1 }
        line("pass", item, worst, moved)
      case .failed(let worst, let reasons):
        failed += 1
        line("FAIL", item, worst)
        for reason in reasons.prefix(limit) { print("     \(reason)") }
        if reasons.count > limit { print("     and \(reasons.count - limit) more") }
      case .skipped(let reason):
        skipped += 1
        print("skip \(item.id): \(reason)")
      }
    }
    let sides = onExactSides == 0 ? "" : " (\(onExactSides) on the exact sides of kinks)"
    summaries.append("\(name): \(passed) passed\(sides), \(failed) failed, \(skipped) skipped")
    if failed > 0 { isGood = false }
  }
  for summary in summaries { print(summary) }
  exit(isGood ? 0 : 1)
} catch {
  stop("\(error)")
}
