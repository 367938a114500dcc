import Basics
import Foundation
import NN

// make bench [BENCH="unet-train-full ..."]: seconds, GFLOP/s and peak memory of each piece of work, medians of interleaved
// repetitions; with PYTORCH_PYTHON=<python> the same in PyTorch channels-last, plain and with tuned malloc, in the same run.
// `--precision bf16` compares both in bfloat16, `--peer bf16` float32 here with bfloat16 there; `--account` prints work, bytes
// and time of single operations.

struct Work {
  var name: String
  var model: String
  var trains: Bool
  var batch: Int
  var side: Int
  var base = 32
  /// Multiply-adds of the convolutions by direct counting, times two, for one forward pass.
  var forwardGigaflops: Double
}

/// Floating-point operations of the U-Net's forward pass by direct counting.
func unetGigaflops(base c: Int, batch: Int, side: Int) -> Double {
  var sum = 0.0
  for level in 0...4 {
    let pixels = Double(batch) * pow(Double(side * 4) / Double(1 << level), 2)
    let width = Double(c << level)
    let input = level == 0 ? 1.0 : width / 2
    sum += pixels * 9 * (input * width + width * width)
    if level < 4 { sum += pixels * (9 * (2 * width * width + width * width) + 2 * width * width) }
    if level == 0 { sum += pixels * width }
  }
  return 2 * sum / 1e9
}

func edsrGigaflops(batch: Int, side: Int) -> Double {
  let low = Double(batch * side * side)
  return 2 * 9 * (low * (64 + 33 * 4096 + 4 * 4096) + 4 * low * 4 * 4096 + 16 * low * 64) / 1e9
}

/// A stack of NAFNet blocks of 32 channels.
func nafGigaflops(side: Int) -> Double {
  let pixels = Double(side * side)
  return 2 * pixels * 36 * (32 * 64 + 9 * 64 + 32 * 32 + 32 * 64 + 32 * 32) / 1e9
}

let all = [
  Work(
    name: "unet-infer-full", model: "unet", trains: false, batch: 1, side: 256,
    forwardGigaflops: unetGigaflops(base: 32, batch: 1, side: 256)),
  Work(
    name: "unet-train-full", model: "unet", trains: true, batch: 1, side: 256,
    forwardGigaflops: unetGigaflops(base: 32, batch: 1, side: 256)),
  Work(
    name: "unet-train-patch", model: "unet", trains: true, batch: 8, side: 64,
    forwardGigaflops: unetGigaflops(base: 32, batch: 8, side: 64)),
  Work(
    name: "unet8-train-patch", model: "unet", trains: true, batch: 8, side: 64, base: 8,
    forwardGigaflops: unetGigaflops(base: 8, batch: 8, side: 64)),
  Work(
    name: "unet16-train-patch", model: "unet", trains: true, batch: 8, side: 64, base: 16,
    forwardGigaflops: unetGigaflops(base: 16, batch: 8, side: 64)),
  Work(
    name: "edsr-infer-full", model: "edsr", trains: false, batch: 1, side: 256,
    forwardGigaflops: edsrGigaflops(batch: 1, side: 256)),
  Work(
    name: "edsr-train-full", model: "edsr", trains: true, batch: 1, side: 256,
    forwardGigaflops: edsrGigaflops(batch: 1, side: 256)),
  Work(name: "naf-infer", model: "naf", trains: false, batch: 1, side: 256, forwardGigaflops: nafGigaflops(side: 256)),
  Work(name: "naf-train", model: "naf", trains: true, batch: 1, side: 256, forwardGigaflops: nafGigaflops(side: 256)),
]

func peakMemory() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss * 1024
}

/// The same piece of work in this library.
final class Own {
  private let work: Work
  private let network: any Network
  private let optimiser: Adam
  private let input: NetworkInput
  private let target: Tensor
  private let mask: Tensor

  init(_ work: Work) throws {
    self.work = work
    let description: JSON =
      switch work.model {
      case "unet": ["type": "depth-upres-unet", "base_channels": .int(work.base)]
      case "edsr": ["type": "edsr-light"]
      default:
        [
          "type": "nafnet", "channels": 32, "encoder_blocks": [], "middle_blocks": 36, "decoder_blocks": [], "scale": 1,
        ]
      }
    network = try ModelCatalogue.make(description, seed: 1)
    optimiser = Adam(network.namedParameters, weightDecay: 1e-4)
    let (n, low, high) = (work.batch, work.side, network.scale * work.side)
    func noise(_ count: Int) -> [Float] {
      var state: UInt32 = 1
      return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Float(state >> 8) / Float(1 << 24)
      }
    }
    input = NetworkInput(image: Tensor(noise(n * low * low), [n, 1, low, low]))
    target = Tensor(noise(n * high * high), [n, 1, high, high])
    mask = Tensor.filled([n, 1, high, high], 1)
    network.setTraining(work.trains)
  }

  func run() -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    if work.trains {
      network.clearGradients()
      let loss = network(input).image.depthLoss(target, mask: mask, gradientWeight: 0.5)
      loss.backward()
      optimiser.step(learningRate: 1e-4)
    } else {
      _ = NN.withoutGradients { network(input).image }
    }
    return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
  }
}

/// Prints a line at once, also into a file.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
func pad(_ text: String, _ width: Int) -> String {
  text.count >= width ? text : String(repeating: " ", count: width - text.count) + text
}

func measure(_ work: Work, repetitions: Int, python: String?) throws {
  let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "torch_reference.py").path
  let own = try Own(work)
  _ = own.run()
  var torch: [(name: String, process: Torch)] = []
  if let python {
    let arguments =
      [
        work.model, work.trains ? "train" : "infer", String(work.batch), String(work.side), "--base", String(work.base),
        "--threads", String(NN.options.threads),
      ] + (againstHalf ? ["--bf16"] : [])
    torch = [
      ("torch", try Torch(python: python, script: script, arguments: arguments, environment: [:])),
      ("tuned", try Torch(python: python, script: script, arguments: arguments, environment: Torch.tuned)),
    ]
  }
  defer { for item in torch { item.process.end() } }
  var times: [Double] = []
  var others = [[Double]](repeating: [], count: torch.count)
  var peaks = [Int](repeating: 0, count: torch.count)
  for _ in 0..<repetitions {
    // In each turn the first run, untimed, takes caches and memory back from the process before.
    _ = own.run()
    times.append(own.run())
    for (i, item) in torch.enumerated() {
      _ = try item.process.run()
      let result = try item.process.run()
      others[i].append(result.seconds)
      peaks[i] = result.peak
    }
  }
  let seconds = median(times)
  let flops = work.forwardGigaflops * (work.trains ? 3 : 1)
  var line =
    pad(work.name, 20)
    + String(format: "  %7.3f s  %6.0f GFLOP/s  %5.2f GB", seconds, flops / seconds, Double(peakMemory()) / 1e9)
  for (i, item) in torch.enumerated() {
    // The ratio of each repetition's neighbours, so that other load on the machine weighs on both.
    let ratio = median(zip(others[i], times).map { $0 / $1 })
    line += String(
      format: "  | %@ %7.3f s  %5.2f GB  ratio %.2f", item.name, median(others[i]), Double(peaks[i]) / 1e9, ratio)
  }
  say(line)
}

var arguments = Array(CommandLine.arguments.dropFirst())
@MainActor func option(_ name: String) -> String? {
  guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
  defer { arguments.removeSubrange(index...index + 1) }
  return arguments[index + 1]
}

var options = ComputeOptions()
if let threads = option("--threads").flatMap({ Int($0) }) { options.threads = threads }
if let name = option("--instructions") {
  guard let set = ComputeOptions.Instructions(rawValue: name) else {
    fatalError("--instructions takes plain, avx2 or avx512, not \(name)")
  }
  options.instructions = min(set, .best)
}
if let name = option("--convolution"), let algorithm = ComputeOptions.Convolution(rawValue: name) {
  options.convolution = algorithm
}
if let name = option("--precision") {
  guard let precision = ComputeOptions.Precision(rawValue: name) else {
    fatalError("--precision takes float32 or bf16, not \(name)")
  }
  options.precision = precision
}
NN.configure(options)
/// Which precision PyTorch uses.
let peer = option("--peer") ?? options.precision.rawValue
let againstHalf = peer == "bf16"
let repetitions = option("--repetitions").flatMap { Int($0) } ?? 5
let python = ProcessInfo.processInfo.environment["PYTORCH_PYTHON"]
let isChild = arguments.last == "--child"
if arguments.last == "--account" {
  Account.run(repetitions: repetitions)
  exit(0)
}
let names = all.map(\.name)
if let unknown = arguments.first(where: { !names.contains($0) && $0 != "--child" }) {
  FileHandle.standardError.write(
    Data("error: `\(unknown)` is neither an option nor work; work: \(names.joined(separator: ", "))\n".utf8))
  exit(2)
}
let chosen = arguments.isEmpty ? all : all.filter { arguments.contains($0.name) }
guard isChild else {
  // A process for each piece of work, so that its peak memory is its own.
  say(
    "\(options.threads) threads, \(options.instructions.rawValue), \(options.precision.rawValue) (PyTorch \(peer)), "
      + "convolutions \(options.convolution.rawValue), median of \(repetitions); GFLOP/s by direct counting")
  for work in chosen {
    let child = Process()
    child.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments = [
      "--threads", String(options.threads), "--instructions", options.instructions.rawValue, "--convolution",
      options.convolution.rawValue, "--precision", options.precision.rawValue, "--peer", peer, "--repetitions",
      String(repetitions), work.name, "--child",
    ]
    do {
      try child.run()
      child.waitUntilExit()
    } catch {
      say(pad(work.name, 20) + "  cannot start: \(error)")
    }
  }
  exit(chosen.isEmpty ? 2 : 0)
}
for work in chosen {
  do {
    try measure(work, repetitions: repetitions, python: python)
  } catch {
    say(pad(work.name, 20) + "  skipped: \(error)")
  }
}
