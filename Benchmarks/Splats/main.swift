import Basics
import Foundation
import Splats

// bench-splats [COUNT...]: seconds to render all four maps at 1024 x 1024 from clouds of growing size, on one thread and on
// all; medians of interleaved repetitions. Then reading and writing of the largest cloud, and the making of a head.

/// Surfels on a ball of the size of a head, sized to touch each other, with the spread of reconstructed ones.
func ball(_ count: Int) -> GaussianCloud {
  var random = SeededRandom(seed: 1)
  var cloud = GaussianCloud(capacity: count)
  let radius = 0.62
  let size = Float(log(0.85 * (4 * Double.pi * radius * radius / Double(count)).squareRoot()))
  for _ in 0..<count {
    let v = SIMD3(random.normal(), random.normal(), random.normal())
    let n = v / (v * v).sum().squareRoot()
    // The half turn that carries z onto n; its axis lies halfway between them.
    let axis = SIMD3(n.x, n.y, n.z + 1)
    let length = max((axis * axis).sum().squareRoot(), 1e-9)
    func scale(_ offset: Double) -> Float { size + Float(offset + 0.25 * random.normal()) }
    cloud.append(
      position: SIMD3<Float>(n * (radius + 0.002 * random.normal())), opacityLogit: Float(2.6 + 1.1 * random.normal()),
      logScale: SIMD3(scale(0), scale(0), scale(-2)),
      rotation: SIMD4(0, Float(axis.x / length), Float(axis.y / length), Float(axis.z / length)),
      baseColour: SIMD3<Float>(n))
  }
  return cloud
}

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = DispatchTime.now().uptimeNanoseconds
  try body()
  return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// Resident set of this process at its largest, MiB.
func peakMemory() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss / 1024
}

let asked = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let counts = asked.isEmpty ? [10_000, 100_000, 300_000, 1_000_000, 2_000_000, 5_000_000] : asked
let cores = ProcessInfo.processInfo.activeProcessorCount
let camera = SplatCamera(width: 1024, height: 1024)
func column(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
func fixed(_ value: Double) -> String { String(format: "%.3f", value) }
let titles = ["Gaussians", "1 thread, s", "\(cores) threads, s", "M/s", "peak, MiB"]
print(titles.map { column($0, 14) }.joined())
var last = GaussianCloud()
for count in counts {
  last = GaussianCloud()
  last = ball(count)
  var (one, all): ([Double], [Double]) = ([], [])
  for _ in 0..<(count > 1_000_000 ? 2 : 3) {
    one.append(seconds { _ = SplatRasteriser().render(last, camera: camera, threads: 1) })
    all.append(seconds { _ = SplatRasteriser().render(last, camera: camera, threads: cores) })
  }
  let rate = String(format: "%.2f", Double(count) / median(all) / 1e6)
  let cells = ["\(count)", fixed(median(one)), fixed(median(all)), rate, "\(peakMemory())"]
  print(cells.map { column($0, 14) }.joined())
}
let url = FileManager.default.temporaryDirectory.appending(path: "bench-splats-\(getpid()).ply")
defer { try? FileManager.default.removeItem(at: url) }  // a leftover in the temporary folder harms nobody
let writing = try seconds { try SplatFile.encode(last).write(to: url) }
let reading = try seconds { _ = try SplatFile.read(url) }
let verifying = try seconds { _ = try SplatFile.verify(url) }
print("\(last.count) Gaussians: write \(fixed(writing)) s, read \(fixed(reading)) s, verify \(fixed(verifying)) s")
let head = seconds {
  let head = SyntheticHead(seed: 1, name: "bench")
  _ = head.photo(size: 256)
  _ = SplatRasteriser().render(head.splats(count: 32_000), camera: SplatCamera(width: 256, height: 256))
}
print("one synthetic head at 256 px: \(fixed(head)) s")
