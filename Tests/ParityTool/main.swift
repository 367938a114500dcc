import Foundation
import NN
import ParityHarness

// parity FOLDER [--algorithm direct|unfold|fast] [--threads N] [--instructions plain|avx2|avx512] [--only TEXT] [--all-reasons]
// Checks every case of a folder with a cases.json and exits with 1 when one fails, 2 when it cannot start.
//
// direct: every convolution as its definition says, sums in double precision; the stated tolerance.
// unfold: convolutions as matrix products; the stated tolerance.
// fast: the algorithms that training uses (Winograd where it applies); networks may use eight times the tolerance.

let algorithms: [String: ComputeOptions.Convolution] = ["direct": .reference, "unfold": .direct, "fast": .fast]

func stop(_ message: String) -> Never {
  FileHandle.standardError.write(Data("error: \(message)\n".utf8))
  exit(2)
}

var folder: String?
var options = ComputeOptions(convolution: .reference)
var only: String?
var limit = 6
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
  switch argument {
  case "--algorithm":
    guard let value = arguments.popFirst().flatMap({ algorithms[$0] }) else {
      stop("--algorithm needs direct, unfold or fast")
    }
    options.convolution = value
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

do {
  let runner = try ParityRunner(folder: URL(filePath: folder), options: options)
  var (passed, failed, skipped) = (0, 0, 0)
  for item in runner.cases {
    if let only, !item.id.contains(only) { continue }
    func line(_ word: String, _ worst: ParityCheck.Worst?) {
      var text = "\(word) \(item.id)"
      if let worst, worst.ratio > 0 {
        text += String(
          format: ": worst error %.3g, %.3g of the tolerance, in ", worst.difference, worst.ratio)
        text += "\(worst.tensor)[\(worst.index)]"
      } else if worst != nil {
        text += ": exact"
      }
      print(text)
    }
    switch runner.run(item) {
    case .passed(let worst):
      passed += 1
      line("pass", worst)
    case .failed(let worst, let reasons):
      failed += 1
      line("FAIL", worst)
      for reason in reasons.prefix(limit) { print("     \(reason)") }
      if reasons.count > limit { print("     and \(reasons.count - limit) more") }
    case .skipped(let reason):
      skipped += 1
      print("skip \(item.id): \(reason)")
    }
  }
  print("\(passed) passed, \(failed) failed, \(skipped) skipped")
  exit(failed > 0 ? 1 : 0)
} catch {
  stop("\(error)")
}
