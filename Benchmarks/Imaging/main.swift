import Basics
import Foundation
import Imaging

// Times of the image operations on 1024 x 1024 maps, and of exact nearest neighbours on two clouds of a million points.
// With SCIPY_PYTHON=<python with scipy> the same clouds also go through scipy's cKDTree, and the ratio is printed.

func seconds(_ repetitions: Int = 3, _ body: () throws -> Void) rethrows -> Double {
  var best = Double.infinity
  for _ in 0..<repetitions {
    let start = ContinuousClock.now
    try body()
    let elapsed = ContinuousClock.now - start
    best = min(best, Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18)
  }
  return best
}

func row(_ name: String, _ value: Double) {
  print(name.padding(toLength: 52, withPad: " ", startingAt: 0) + String(format: "%9.1f ms", value * 1000))
}

/// A smooth face-like surface with measurement noise, as a grid of points; other seeds also bend it a little.
func cloud(side: Int, seed: UInt64) -> PointCloud {
  var random = SeededRandom(seed: seed)
  var result = PointCloud(emptyWidth: side, height: side)
  for row in 0..<side {
    for column in 0..<side {
      let x = Double(column) / Double(side) - 0.5
      let y = Double(row) / Double(side) - 0.5
      var z = 600 - 90 * exp(-(x * x / 0.08 + y * y / 0.12))
      z -= 25 * exp(-(x * x / 0.003 + (y + 0.02) * (y + 0.02) / 0.012))
      z += 8 * exp(-((abs(x) - 0.13) * (abs(x) - 0.13) + (y - 0.1) * (y - 0.1)) / 0.003)
      z += 0.3 * random.normal()
      if seed > 0 { z += 0.8 * sin(9 * x) * cos(7 * y) }
      result.set(row * side + column, SIMD3(x * z / 1.1, y * z / 1.1, z))
    }
  }
  return result
}

/// A head-like depth map with specks and holes, its opacity, and a photo.
func scene(_ side: Int) -> (depth: Raster, opacity: Raster, photo: Raster) {
  var random = SeededRandom(seed: 1)
  var depth = Raster(width: side, height: side)
  var opacity = Raster(width: side, height: side)
  var photo = Raster(width: side, height: side, channels: 3, repeating: 1)
  for y in 0..<side {
    for x in 0..<side {
      let (u, v) = (Double(x) / Double(side) - 0.5, Double(y) / Double(side) - 0.5)
      let r = u * u / 0.09 + v * v / 0.16
      guard r < 1 else { continue }
      depth[x, y] = Float((1 - r).squareRoot() * 0.7 + 0.25 * exp(-(u * u + v * v) / 0.003))
      opacity[x, y] = random.uniform() < 0.0005 ? 0 : 1
      for c in 0..<3 { photo[x, y, c] = Float(0.5 + 0.2 * sin(20 * u + Double(c)) + 0.05 * random.normal()) }
    }
  }
  for (cx, cy, radius) in [(0.45, 0.6, 0.01), (0.55, 0.4, 0.03), (0.5, 0.7, 0.06)] {
    for y in 0..<side {
      for x in 0..<side {
        let (u, v) = (Double(x) / Double(side) - cx, Double(y) / Double(side) - cy)
        if u * u + v * v < radius * radius {
          opacity[x, y] = 0
          depth[x, y] = 0
        }
      }
    }
  }
  return (depth, opacity, photo)
}

let side = 1024
let (depth, opacity, photo) = scene(side)
print("\(side) x \(side), \(ProcessInfo.processInfo.activeProcessorCount) processors; best of three")
let png16 = try ImageFile.encode(depth, as: .png16)
let png8 = try ImageFile.encode(photo, as: .png8)
let tiff = try ImageFile.encode(depth, as: .tiffFloat)
row("encode PNG 16-bit grey (\(png16.count / 1024) KB)", try seconds { _ = try ImageFile.encode(depth, as: .png16) })
row("decode PNG 16-bit grey", try seconds { _ = try ImageFile.read(png16, name: "depth") })
row("encode PNG 8-bit RGB (\(png8.count / 1024) KB)", try seconds { _ = try ImageFile.encode(photo, as: .png8) })
row("decode PNG 8-bit RGB", try seconds { _ = try ImageFile.read(png8, name: "photo") })
row("encode TIFF float (\(tiff.count / 1024) KB)", try seconds { _ = try ImageFile.encode(depth, as: .tiffFloat) })
row("decode TIFF float", try seconds { _ = try ImageFile.read(tiff, name: "depth") })
let small = Resize.area(depth, width: side / 4, height: side / 4)
row("area 1/4", seconds { _ = Resize.area(depth, width: side / 4, height: side / 4) })
row("bicubic 1/4", seconds { _ = Resize.cubic(depth, width: side / 4, height: side / 4) })
row("bicubic x4", seconds { _ = Resize.cubic(small, width: side, height: side) })
row("Pillow bicubic 1/4", seconds { _ = Resize.cubicAntialiased(depth, width: side / 4, height: side / 4) })
let cleanup = MapCleanup()
guard let cleaned = cleanup.apply(depth: depth, opacity: opacity) else { fatalError("the scene has a foreground") }
let mask = cleaned.foreground
row(
  "clean-up and hole filling (\(cleaned.filledPixels) px)",
  seconds { _ = cleanup.apply(depth: depth, opacity: opacity) })
row("nose-relative normalisation", seconds { _ = DepthNormalisation.noseRelative(cleaned.depth, foreground: mask) })
let normals = Normals.fromDepth(cleaned.depth)
row("normals from depth", seconds { _ = Normals.fromDepth(cleaned.depth) })
row("guided smoothing of normals, d 9", seconds { _ = Normals.smoothed(normals, guide: photo) })
row("depth-normal consistency", seconds { _ = Normals.consistency(depth: cleaned.depth, normals: normals, mask: mask) })
var wide = MapCleanup()
wide.largeHoles = .harmonic
wide.smallHoles = .harmonic
row("clean-up with harmonic filling", seconds { _ = wide.apply(depth: depth, opacity: opacity) })
row("relief", seconds { _ = Relief.shade(cleaned.depth, mask: mask) })
let prediction = Resize.cubic(small, width: side, height: side)
row(
  "L1, RMSE, PSNR, SSIM, masked",
  seconds { _ = ImageMetrics(prediction: prediction, truth: depth, mask: mask).ssim })
row(
  "all image metrics, masked",
  seconds {
    let metrics = ImageMetrics(prediction: prediction, truth: depth, mask: mask)
    _ = (metrics.ssim, metrics.gradientL1, metrics.gradientSSIM, metrics.delta)
  })
for rule in [MeshProtocol.a, .b, .world(near: 2.2, far: 3.2)] {
  row(
    "mesh metrics, protocol \(rule.name), every \(rule.subsample).",
    seconds { _ = MeshMetrics.compute(prediction: prediction, truth: depth, mask: mask, under: rule) })
}

let (a, b) = (cloud(side: 1000, seed: 0), cloud(side: 1000, seed: 1))
for threads in Set([1, ProcessInfo.processInfo.activeProcessorCount]).sorted() {
  var chamfer = 0.0
  let ours = seconds {
    ThreadBudget.with(threads) {
      chamfer =
        [(a, b), (b, a)].reduce(0) { sum, pair in
          sum + (NearestNeighbours.summary(from: pair.0, to: pair.1, thresholds: [0.5])?.mean ?? .nan)
        }
    }
  }
  row("symmetric neighbours, 1 M points a side, \(threads) thread(s)", ours)
  print("  chamfer \(chamfer)")
  guard let python = ProcessInfo.processInfo.environment["SCIPY_PYTHON"] else { continue }
  let folder = FileManager.default.temporaryDirectory.appending(path: "bench-imaging-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }  // a leftover in the temporary folder does no harm
  for (name, cloud) in [("a", a), ("b", b)] {
    let flat = cloud.points.flatMap { [$0.x, $0.y, $0.z] }
    try flat.withUnsafeBytes { Data($0) }.write(to: folder.appending(path: name))
  }
  let script = """
    import sys, time, numpy as np
    from scipy.spatial import cKDTree
    a, b = (np.fromfile(sys.argv[1] + '/' + n).reshape(-1, 3) for n in 'ab')
    best = 1e9
    for _ in range(3):
      t = time.perf_counter(); ta, tb = cKDTree(a), cKDTree(b); w = int(sys.argv[2])
      d = tb.query(a, workers=w)[0].mean() + ta.query(b, workers=w)[0].mean(); best = min(best, time.perf_counter() - t)
    print(best, d)
    """
  let process = Process()
  process.executableURL = URL(fileURLWithPath: python)
  process.arguments = ["-c", script, folder.path, "\(threads)"]
  let pipe = Pipe()
  process.standardOutput = pipe
  try process.run()
  let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
  if numbers.count == 2 {
    row("  scipy cKDTree, \(threads) worker(s)", numbers[0])
    print(
      String(
        format: "  chamfer %.15g, difference %.1e; ratio %.1f x", numbers[1], abs(numbers[1] - chamfer),
        numbers[0] / ours))
  } else {
    print("  \(python) did not run the comparison: \(text)")
  }
}
