import Basics
import Foundation
import Imaging
import NN

/// bench-loading [--samples 24] [--steps 12] [--threads 2]: does decoding ever starve training? Writes pairs of 16-bit PNGs
/// (256 px and 1024 px, and an 8-bit mask), trains the U-Net on patches and on whole maps, and prints how long training waited
/// for examples, without and with the cache of decoded ones.
@main struct LoadingBenchmark {
  let samples: Int
  let steps: Int
  let threads: Int
  let folder: URL

  static func main() throws {
    func option(_ name: String, _ standard: Int) -> Int {
      let arguments = CommandLine.arguments
      guard let place = arguments.firstIndex(of: "--\(name)"), place + 1 < arguments.count else { return standard }
      return Int(arguments[place + 1]) ?? standard
    }
    let folder = FileManager.default.temporaryDirectory.appending(path: "bench-loading-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // a leftover in /tmp harms nobody
    let benchmark = LoadingBenchmark(
      samples: option("samples", 24), steps: option("steps", 12), threads: option("threads", 2), folder: folder)
    try benchmark.write()
    try benchmark.decode()
    for limit in [0, 2 << 30] {
      try benchmark.train("patches, 8 x (64 -> 256)", patch: 64, batch: 8, cacheLimit: limit)
      try benchmark.train("whole maps, 1 x (256 -> 1024)", patch: nil, batch: 1, cacheLimit: limit)
    }
  }

  /// Bumps with fine noise, so that the files compress like real maps and not like flat ones.
  func write() throws {
    for index in 0..<samples {
      var random = SeededRandom(seed: 1, stream: "\(index)")
      var high = Raster(width: 1024, height: 1024)
      var mask = high
      for y in 0..<1024 {
        for x in 0..<1024 {
          let u = Double(x) / 512 - 1
          let v = Double(y) / 512 - 1
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

  func decode() throws {
    let source = FileSource(folder: folder, count: samples)
    let start = Date()
    for index in 0..<samples { _ = try source.load(index) }
    let milliseconds = -start.timeIntervalSinceNow / Double(samples) * 1000
    print("decoding a sample on one core: " + String(format: "%.0f ms", milliseconds))
  }

  func train(_ title: String, patch: Int?, batch: Int, cacheLimit: Int) throws {
    var settings = TrainerConfiguration()
    settings.batch = batch
    settings.accumulation = 1
    settings.repeats = max(1, (steps * batch + samples - 1) / samples)
    settings.epochs = 1
    settings.cacheLimit = cacheLimit
    settings.augmentation = Augmentation(patch: patch, flipsHorizontally: true, turns: true)
    let trainer = Trainer(
      DepthUpResUNet(baseChannels: 32, WeightInitialiser(seed: 1)), settings,
      training: FileSource(folder: folder, count: samples), validation: MemorySource([]), checkpoints: nil)
    var done = 0
    trainer.onProgress = { _ in done += 1 }
    trainer.shouldStop = { done >= steps }
    let start = Date()
    try NN.with(ComputeOptions(threads: threads)) {
      do { try trainer.run() } catch is CancellationError { return }
    }
    let seconds = -start.timeIntervalSinceNow
    let each = Double(done)
    print(
      "\(title), \(cacheLimit == 0 ? "decoded every time" : "cached"): "
        + String(format: "%.2f s a step, waited %.1f ms a step", seconds / each, trainer.waited / each * 1000)
        + String(format: " (%.2f %%)", 100 * trainer.waited / seconds)
        + String(format: ", %.0f ms of all before the first", trainer.waitedFirst * 1000))
  }
}

/// Reads its examples from files each time.
struct FileSource: TrainingSource {
  let folder: URL
  let count: Int

  func name(_ index: Int) -> String { "sample \(index)" }

  func load(_ index: Int) throws -> TrainingSample {
    func read(_ name: String) throws -> Raster {
      try ImageFile.read(folder.appending(path: "\(index)_\(name).png")).raster
    }
    let low = try read("lr")
    let high = try read("depth")
    return TrainingSample(
      name: name(index), height: low.height, width: low.width, scale: high.width / low.width, image: low.pixels,
      target: high.pixels, mask: try read("mask").pixels)
  }
}
