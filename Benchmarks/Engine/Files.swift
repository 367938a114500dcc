import Basics
import Foundation
import Pipeline

/// A stage that reads many files, with nothing to do.
func benchFiles(_ root: String, count: Int) throws {
  print("\n\(count) input files, nothing to do")
  let folder = root + "/files"
  try makeFiles(count, in: folder + "/data")
  settle()
  let file = folder + "/pipeline.yaml"
  try write("version: 1\nname: files\nstages:\n  s: { uses: toy.read, with: { folder: data, ignore: true } }\n", file)
  row("first run: reads every file", text(time([own, "run", file], in: folder)))
  settle()
  _ = time([own, "run", file], in: folder)
  row("run again", text(best([own, "run", file], in: folder)))
  row("plan: lists the folder, looks at every file", text(best(of: 3, [own, "plan", file], in: folder)))
  try FileManager.default.removeItem(atPath: folder)
}

/// First hashing against the machine's rate.
func benchHashing(_ root: String) throws {
  print("\nFirst hashing (8 files of 128 MB, 4,000 of 256 kB, 8,000 of 64 kB, and 20,000 of 16 kB, in the page cache)")
  let threads = MachineResources.cpus
  let block = [UInt8](unsafeUninitializedCapacity: 1 << 24) { buffer, count in
    var random = SeededRandom(seed: 1)
    for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: random.next()) }
    count = buffer.count
  }
  let large = (0..<8).map { "\(root)/hash/large-\($0)" }
  let sizes = [("256 kB", 4_000, 1 << 18), ("64 kB", 8_000, 1 << 16), ("16 kB", 20_000, 1 << 14)]
  let others = sizes.map { name, count, size in
    (name: name, size: size, paths: (0..<count).map { "\(root)/hash/\(size)-\($0)" })
  }
  try FileManager.default.createDirectory(atPath: root + "/hash", withIntermediateDirectories: true)
  for path in large {
    let fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    for _ in 0..<8 { _ = Glibc.write(fd, block, block.count) }
    close(fd)
  }
  for (_, size, paths) in others {
    for path in paths { try Data(block[0..<size]).write(to: URL(fileURLWithPath: path)) }
  }
  /// What opening and reading a file costs besides, whoever does it: nothing but that and the digest.
  @Sendable func readAndHash(_ path: String, _ size: Int) {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    withUnsafeTemporaryAllocation(byteCount: size + 1, alignment: 64) { buffer in
      let n = read(fd, buffer.baseAddress, buffer.count)
      _ = Digest.of(UnsafeRawBufferPointer(rebasing: buffer[0..<n]))
    }
    close(fd)
  }
  var limit = 0.0
  var plain: [String: Double] = [:]
  var rates: [String: Double] = [:]
  for _ in 0..<3 {
    let bare = seconds {
      parallelFor(threads * 8, threads: threads) { _ in _ = block.withUnsafeBytes { Digest.of($0) } }
    }
    limit = max(limit, Double(threads * 8 * block.count) / bare)
    for (name, size, paths) in [("128 MB", 0, large)] + others {
      if size > 0 {
        let read = seconds { parallelFor(paths.count, threads: threads) { readAndHash(paths[$0], size) } }
        plain[name] = max(plain[name] ?? 0, Double(paths.count * size) / read)
      }
      let store = Store(root: root + "/hash-store-\(UInt32.random(in: 0 ... .max))")
      try store.prepare()
      var bytes = 0
      let elapsed = try seconds { bytes = try InProcessRun.hash(paths, store: store, threads: threads) }
      rates[name] = max(rates[name] ?? 0, Double(bytes) / elapsed)
    }
  }
  row("SHA-256 from memory, \(threads) cores", String(format: "%.2f GB/s", limit * 1e-9))
  for (name, _, _) in [("128 MB", 0, large)] + others {
    let rate = rates[name] ?? 0
    var value = String(format: "%.2f GB/s, %.0f %% of memory's", rate * 1e-9, 100 * rate / limit)
    if let plain = plain[name] {
      value += String(format: "; a loop that opens, reads, hashes, closes: %.0f %%", 100 * plain / limit)
    }
    row("files of \(name)", value)
  }
  try FileManager.default.removeItem(atPath: root + "/hash")
}
