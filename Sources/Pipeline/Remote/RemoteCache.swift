import Basics
import Foundation
import Synchronization

/// Results on an HTTP server, in the layout of Bazel's remote cache: `/cas/<SHA-256>` holds files by their digest,
/// `/ac/<key>` what a key stands for: the record of a stage's result, or the results of single samples of a group.
///
/// Every file that arrives is checked against its digest before it is used. The first time the server cannot be asked is the
/// last: `problem` says why, and every later question is answered "not there" at once.
final class RemoteCache: Sendable {
  let address: RemoteAddress
  private let client: HTTPClient
  private let failure = Mutex<String?>(nil)
  private let damaged = Atomic<Int>(0)
  /// Requests at once.
  static let connections = 8
  /// Damaged answers to one process after which the server counts as broken.
  private static let maxDamaged = 2
  /// Bytes of a record or of the results of a group's samples.
  private static let recordLimit = 1 << 30

  init(_ address: RemoteAddress, limits: RemoteLimits = RemoteLimits()) {
    self.address = address
    client = HTTPClient(address, limits: limits)
  }

  /// Why the server is not asked any more.
  var problem: String? { failure.withLock { $0 } }

  private func path(_ folder: String, _ digest: Digest) -> String { "/\(folder)/\(digest.hex)" }

  /// Asks unless the server has failed before; nil then, and when it fails now.
  private func asking<Answer>(_ question: () throws -> Answer) throws -> Answer? {
    if problem != nil { return nil }
    do { return try question() } catch let error as RemoteProblem {
      failure.withLock { if $0 == nil { $0 = error.description } }
      return nil
    }
  }

  private func countDamage(_ what: String) {
    if damaged.add(1, ordering: .relaxed).newValue >= Self.maxDamaged {
      failure.withLock { if $0 == nil { $0 = "\(address) answers with damaged files (\(what))" } }
    }
  }

  // MARK: - Reading

  /// Brings a result over with all its files.
  /// - Returns: nil when the server does not have all of it, or cannot be asked.
  /// - Throws: `FileProblem` when this store cannot be written.
  func fetch(_ key: Digest, into store: Store, _ report: inout Store.Transfer) throws -> StageResult? {
    guard let data = try asking({ try client.text(path("ac", key), limit: Self.recordLimit) }) ?? nil else {
      return nil
    }
    let result: StageResult
    do { result = try Store.readResult(data, key: key) } catch {
      countDamage("the record \(key.short): \(Diagnostic(error).message)")
      return nil
    }
    let manifests = Dictionary(
      result.outputs.values.map { ($0.digest, Int?.some($0.size)) }, uniquingKeysWith: { first, _ in first })
    guard try fetch(blobs: manifests, into: store, &report) else { return nil }
    var files: [Digest: Int?] = [:]
    for output in result.outputs.values {
      let artifact: Artifact
      do { artifact = try store.artifact(output) } catch is DamagedBlob { return nil }
      for file in artifact.files.values + artifact.samples.flatMap(\.files.values) { files[file.digest] = file.size }
    }
    guard try fetch(blobs: files, into: store, &report) else { return nil }
    // Listings only help `explain`; a result is whole without them.
    _ = try fetch(blobs: Dictionary(store.listings(of: result).map { ($0, nil) }) { $1 }, into: store, &report)
    try store.record(result)
    report.results += 1
    return result
  }

  /// Brings over results of single samples, those of the `wanted` that this store lacks. The caller holds the group's lock.
  func fetchSamples(
    _ group: Digest, wanted: Set<Digest>, into store: Store, _ report: inout Store.Transfer
  ) throws {
    let journal = SampleJournal(group, store: store)
    let missing = try wanted.subtracting(journal.results(wanted).keys)
    guard !missing.isEmpty,
      let data = try asking({ try client.text(path("ac", group), limit: Self.recordLimit) }) ?? nil
    else { return }
    let all: [Digest: SampleResult]
    do { all = try SampleJournal.read(data, store: store) } catch {
      return countDamage("the samples \(group.short): \(Diagnostic(error).message)")
    }
    if all.isEmpty { countDamage("the samples \(group.short)") }
    let found = all.filter { missing.contains($0.key) }
    var files: [Digest: Int?] = [:]
    for file in found.values.flatMap(\.storedFiles) { files[file.digest] = file.size }
    _ = try fetch(blobs: files, into: store, &report)
    let whole = found.filter { _, result in result.storedFiles.allSatisfy { store.holds($0.digest, size: $0.size) } }
    try journal.append(whole.map { ($0.key, $0.value) })
    report.samples += whole.count
  }

  /// - Returns: whether all of them are in the store now.
  private func fetch(blobs: [Digest: Int?], into store: Store, _ report: inout Store.Transfer) throws -> Bool {
    let needed = blobs.filter { !store.holds($0.key, size: $0.value) }.map { (digest: $0.key, size: $0.value) }
    guard !needed.isEmpty else { return true }
    let tally = Tally()
    let batch = BlobBatch(store)
    try parallelWaits(needed.count, atMost: Self.connections) { index in
      let (digest, size) = needed[index]
      if let size = try self.fetch(blob: digest, size: size, into: store, batch) { tally.add(size) }
    }
    let (blobs, bytes) = tally.sums
    report.blobs += blobs
    report.bytes += bytes
    try batch.commit()
    return blobs == needed.count
  }

  /// - Returns: its bytes; nil when it is not there, cannot be asked for, or is damaged.
  private func fetch(blob digest: Digest, size: Int?, into store: Store, _ batch: BlobBatch) throws -> Int? {
    let writer = try BlobWriter(digest, size: size, store: store, batch: batch)
    defer { writer.close() }
    let isThere = try asking { try client.get(path("cas", digest)) { writer.write($0) } }
    if let problem = writer.problem { throw problem }
    switch try writer.finish() {
    case let count? where isThere == true: return count
    case _ where writer.isTooLong || isThere == true:
      // Cut short or not those bytes at all: nothing of it is kept.
      countDamage(digest.short)
      return nil
    default: return nil
    }
  }

  // MARK: - Writing

  /// Sends a result with its files; what the server has already is not sent again.
  /// - Throws: `RemoteProblem`; `FileProblem` when this store cannot be read.
  func push(_ result: StageResult, from store: Store, _ report: inout Store.Transfer) throws {
    let isThere = try client.has(path("ac", result.key))
    // A server that makes room may have dropped files and kept the record: they are looked for in any case.
    guard let needed = try store.closure(of: result), try push(blobs: needed, from: store, &report) else {
      report.skipped += 1
      return
    }
    if isThere { return }
    try client.put(path("ac", result.key), Store.encodeRecord(result.json))
    report.results += 1
  }

  /// Sends the results of single samples of a group, added to those that are there.
  func pushSamples(_ group: Digest, from store: Store, _ report: inout Store.Transfer) throws {
    let there =
      try client.text(path("ac", group), limit: Self.recordLimit).map { try SampleJournal.read($0, store: store) }
      ?? [:]
    let mine = try SampleJournal(group, store: store).all().filter { key, result in
      there[key] == nil && result.storedFiles.allSatisfy { store.holds($0.digest, size: $0.size) }
    }
    guard !mine.isEmpty else { return }
    var sent: [Digest: SampleResult] = [:]
    for (key, result) in mine where try push(blobs: Set(result.storedFiles.map(\.digest)), from: store, &report) {
      sent[key] = result
    }
    let lines = there.merging(sent) { first, _ in first }.map { SampleJournal.line($0, $1) }
    try client.put(path("ac", group), Data(lines.sorted().joined().utf8))
    report.samples += sent.count
  }

  /// - Returns: false when one of them is damaged here; it is in quarantine then.
  private func push(blobs: Set<Digest>, from store: Store, _ report: inout Store.Transfer) throws -> Bool {
    let all = Array(blobs)
    let (tally, damaged) = (Tally(), Tally())
    defer {
      let (blobs, bytes) = tally.sums
      report.blobs += blobs
      report.bytes += bytes
    }
    try parallelWaits(all.count, atMost: Self.connections) { index in
      let digest = all[index]
      if try self.client.has(self.path("cas", digest)) { return }
      guard try store.check(digest, size: nil) else { return damaged.add(0) }
      tally.add(try self.send(digest, from: store))
    }
    return damaged.sums.count == 0
  }

  private func send(_ digest: Digest, from store: Store) throws -> Int {
    let place = store.blobPath(digest)
    let fd = open(place, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw FileProblem("read", place, code: errno) }
    defer { close(fd) }
    var s = stat()
    guard fstat(fd, &s) == 0 else { throw FileProblem("read", place, code: errno) }
    try client.put(path("cas", digest), size: Int(s.st_size)) { buffer in
      let n = read(fd, buffer.baseAddress, buffer.count)
      return n < 0 ? nil : n
    }
    return Int(s.st_size)
  }
}

/// Counts from several threads.
private final class Tally: Sendable {
  private let state = Mutex((count: 0, sum: 0))

  func add(_ amount: Int) {
    state.withLock {
      $0.count += 1
      $0.sum += amount
    }
  }

  var sums: (count: Int, sum: Int) { state.withLock { $0 } }
}
