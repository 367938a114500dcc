import Basics
import Foundation
import Imaging
import NN

// bench-loading [--samples 24] [--steps 12] [--threads 2]: does decoding ever starve training? Writes pairs of 16-bit PNGs
// (256 px and 1024 px, and an 8-bit mask), trains the U-Net on patches (8 x (64 -> 256)) and on whole maps, and prints how long
// training waited for examples, without and with the cache of decoded ones.

func option(_ name: String, _ standard: Int) -> Int {
  let arguments = CommandLine.arguments
  guard let place = arguments.firstIndex(of: "--\(name)"), place + 1 < arguments.count else { return standard }
  return Int(arguments[place + 1]) ?? standard
}

let (samples, steps, threads) = (option("samples", 24), option("steps", 12), option("threads", 2))

/// Reads its examples from files each time.
struct FileSource: TrainingSource {
  let folder: URL
  let count: Int
  func name(_ index: Int) -> String { "sample \(index)" }

  func load(_ index: Int) throws -> TrainingSample {
    func read(_ name: String) throws -> Raster {
      try ImageFile.read(folder.appending(path: "\(index)_\(name).png")).raster
    }
    let (low, high, mask) = (try read("lr"), try read("depth"), try read("mask"))
    return TrainingSample(
      name: name(index), height: low.height, width: low.width, scale: high.width / low.width, depth: low.pixels,
      target: high.pixels, mask: mask.pixels)
  }
}

/// A bump with fine noise, so that the files compress like real maps and not like flat ones.
func write(_ folder: URL) throws {
  for index in 0..<samples {
    var random = SeededRandom(seed: 1, stream: "\(index)")
    var high = Raster(width: 1024, height: 1024)
    var mask = high
    for y in 0..<1024 {
      for x in 0..<1024 {
        let (u, v) = (Double(x) / 512 - 1, Double(y) / 512 - 1)
        let square = 1 - u * u / 0.6 - v * v / 0.8
        guard square > 0 else { continue }
        high[x, y] = Float(0.3 + 0.6 * square.squareRoot() + 0.0005 * random.uniform())
        mask[x, y] = 1
      }
    }
    let low = Resize.area(high, width: 256, height: 256)
    try ImageFile.write(high, to: folder.appending(path: "\(index)_depth.png"), as: .png16)
    try ImageFile.write(low, to: folder.appending(path: "\(index)_lr.png"), as: .png16)
    try ImageFile.write(mask, to: folder.appending(path: "\(index)_mask.png"), as: .png8)
  }
}

let folder = FileManager.default.temporaryDirectory.appending(path: "bench-loading-\(UUID().uuidString)")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(at: folder) }
try write(folder)
let source = FileSource(folder: folder, count: samples)
let clock = ContinuousClock()
let reading = try clock.measure { for index in 0..<min(8, samples) { _ = try source.load(index) } }
print(
  "decoding one sample (16-bit 1024 px and 256 px, 8-bit mask): "
    + String(format: "%.0f ms", reading / .seconds(1) / Double(min(8, samples)) * 1000))

for (title, patch, batch) in [("patches 8 x (64 -> 256)", 64, 8), ("whole maps 1 x (256 -> 1024)", nil, 1)]
  as [(String, Int?, Int)]
{
  for (words, limit) in [("decoded every time", 0), ("cached", 2 << 30)] {
    var settings = TrainerConfiguration()
    settings.batch = batch
    settings.accumulation = 1
    settings.repeats = max(1, steps * batch / samples)
    settings.epochs = 1
    settings.cacheLimit = limit
    settings.augmentation = Augmentation(patch: patch, flipsHorizontally: true, turns: true)
    let trainer = Trainer(
      DepthUpResUNet(baseChannels: 32, WeightInitialiser(seed: 1)), settings, training: source,
      validation: MemorySource([]), checkpoints: nil)
    var done = 0
    trainer.onProgress = { _ in done += 1 }
    trainer.shouldStop = { done >= steps }
    let seconds = try NN.with(ComputeOptions(threads: threads)) {
      try clock.measure { do { try trainer.run() } catch is CancellationError {} } / .seconds(1)
    }
    print(
      "\(title), \(words): " + String(format: "%.2f s a step, ", seconds / Double(done))
        + String(
          format: "waited %.1f ms a step (%.2f %%), ", trainer.waited / Double(done) * 1000,
          100 * trainer.waited / seconds)
        + String(format: "of it %.1f ms before the first", trainer.waitedFirst * 1000))
  }
}
