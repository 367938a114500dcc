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
  print("\nFirst hashing, all files in the page cache")
  let threads = MachineResources.cpus
  let block = [UInt8](unsafeUninitializedCapacity: 1 << 24) { buffer, count in
    var random = SeededRandom(seed: 1)
    for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: random.next()) }
    count = buffer.count
  }
  try FileManager.default.createDirectory(atPath: root + "/hash", withIntermediateDirectories: true)
  let sets: [(name: String, paths: [String])] = [
    ("files of 128 MB", [(8, 1 << 27)]), ("files of 256 kB", [(4_000, 1 << 18)]),
    ("files of 64 kB", [(8_000, 1 << 16)]), ("files of 16 kB", [(20_000, 1 << 14)]),
    // The 202 files of 101 MB of the stand-in heads in FaceLift's layout, 25 times, each class of size by its mean.
    ("a folder like the stand-in heads", [(1_975, 1_070_000), (1_725, 226_000), (1_350, 23_000)]),
  ].enumerated().map { index, set in
    var paths: [String] = []
    for (count, size) in set.1 {
      for file in 0..<count {
        paths.append("\(root)/hash/\(index)-\(size)-\(file)")
        let fd = open(paths[paths.count - 1], O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        for start in stride(from: 0, to: size, by: block.count) {
          _ = Glibc.write(fd, block, min(block.count, size - start))
        }
        close(fd)
      }
    }
    // As a folder lists them.
    return (set.0, paths.sorted())
  }
  /// What opening and reading a file costs besides, whoever does it: nothing but that and the digest.
  @Sendable func readAndHash(_ path: String) {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    withUnsafeTemporaryAllocation(byteCount: 1 << 18, alignment: 64) { buffer in
      var digest = DigestBuilder()
      var n = buffer.count
      while n == buffer.count {
        n = read(fd, buffer.baseAddress, buffer.count)
        digest.update(UnsafeRawBufferPointer(rebasing: buffer[0..<n]))
      }
      _ = digest.finish()
    }
    close(fd)
  }
  var (limit, sideBySide) = (0.0, 0.0)
  var plain: [String: Double] = [:]
  var rates: [String: Double] = [:]
  for _ in 0..<3 {
    let bare = seconds {
      parallelFor(threads * 8, threads: threads) { _ in _ = block.withUnsafeBytes { Digest.of($0) } }
    }
    limit = max(limit, Double(threads * 8 * block.count) / bare)
    if DigestStream.isSupported {
      let pairs = seconds {
        parallelFor(threads * 4, threads: threads) { _ in
          block.withUnsafeBytes { bytes in
            var (first, second) = (DigestStream(), DigestStream())
            let base = bytes.baseAddress!  // 16 MB
            DigestStream.update(&first, base, &second, base, blocks: bytes.count / DigestStream.block)
          }
        }
      }
      sideBySide = max(sideBySide, Double(threads * 8 * block.count) / pairs)
    }
    for (name, paths) in sets {
      let store = Store(root: root + "/hash-store-\(UInt32.random(in: 0 ... .max))")
      try store.prepare()
      var bytes = 0
      let elapsed = try seconds { bytes = try InProcessRun.hash(paths, store: store, threads: threads) }
      rates[name] = max(rates[name] ?? 0, Double(bytes) / elapsed)
      let loop = seconds { parallelFor(paths.count, threads: threads) { readAndHash(paths[$0]) } }
      plain[name] = max(plain[name] ?? 0, Double(bytes) / loop)
    }
  }
  row("SHA-256 from memory by OpenSSL, \(threads) cores", String(format: "%.2f GB/s", limit * 1e-9))
  if sideBySide > 0 { row("the same, two digests side by side", String(format: "%.2f GB/s", sideBySide * 1e-9)) }
  for (name, _) in sets {
    let (rate, loop) = (rates[name] ?? 0, plain[name] ?? 0)
    row(
      name,
      String(
        format: "%.2f GB/s, %.0f %% of OpenSSL's; a loop that opens, reads, hashes, closes: %.0f %%", rate * 1e-9,
        100 * rate / limit, 100 * loop / limit))
  }
  try FileManager.default.removeItem(atPath: root + "/hash")
}
