import Basics
import Foundation

/// A proof that the answer to a request is "nothing to do": all that planning looked at when it last said so. As long as every
/// look shows the same, planning would say the same again.
///
///     .pipeline/index/proofs/<request>    first line, SHA-256 of the rest, length of the answer (8), the answer as JSON,
///                                         encoded observations
///
/// Only a cache: losing it costs time.
enum UpToDateProof {
  private static let title = Array("pipeline-proof 1\n".utf8)
  /// Requests remembered in one store.
  private static let limit = 32

  private static func path(_ request: Digest, _ store: Store) -> String {
    "\(store.root)/index/proofs/\(request.hex)"
  }

  /// Nil when there is no proof or something it stands on has changed.
  static func check(_ request: Digest, in store: Store, threads: Int) -> RunAnswer? {
    let path = path(request, store)
    // None yet, or unreadable: somebody has to look.
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path, isDirectory: false), options: .alwaysMapped)
    else { return nil }
    let head = title.count + 32
    let found = data.withUnsafeBytes { bytes -> (answer: RunAnswer, grown: [Int])? in
      guard bytes.count > head + 8, bytes.starts(with: title) else { return nil }
      let rest = UnsafeRawBufferPointer(rebasing: bytes[head...])
      guard Digest.of(rest).bytes.elementsEqual(bytes[title.count..<head]) else { return nil }
      let length = Int(UInt64(littleEndian: rest.loadUnaligned(as: UInt64.self)))
      guard length >= 0, length <= rest.count - 8 else { return nil }
      let text = UnsafeRawBufferPointer(rebasing: rest[8..<(8 + length)])
      // An answer that cannot be read is of another version.
      guard let json = try? JSON(parsing: text), let answer = try? RunAnswer(json) else { return nil }
      let entries = UnsafeRawBufferPointer(rebasing: rest[(8 + length)...])
      switch ObservationCheck.compare(entries, threads: threads, clock: { store.temporary.fileSystemTime() }) {
      case .different: return nil
      case .same: return (answer, [])
      case .grown(let offsets): return (answer, offsets.map { $0 + head + 8 + length })
      }
    }
    guard let found else { return nil }
    if !found.grown.isEmpty {
      var grown = [UInt8](data)
      for offset in found.grown { grown[offset] &= ~Observations.Flag.racy }
      try? write(&grown, request, store)  // without it, those files are read again next time
    }
    return found.answer
  }

  /// - Parameter observations: all that reading the file and planning looked at.
  static func save(_ answer: RunAnswer, _ observations: [Observations], request: Digest, in store: Store) throws {
    let text = Array(answer.json.canonical.utf8)
    var bytes = title + [UInt8](repeating: 0, count: 32)
    withUnsafeBytes(of: UInt64(text.count).littleEndian) { bytes += $0 }
    bytes += text
    for part in observations { bytes += part.encoded }
    try write(&bytes, request, store)
  }

  /// Fills in the digest and writes.
  private static func write(_ bytes: inout [UInt8], _ request: Digest, _ store: Store) throws {
    let head = title.count + 32
    let digest = bytes.withUnsafeBytes { Digest.of(UnsafeRawBufferPointer(rebasing: $0[head...])) }
    bytes.replaceSubrange(title.count..<head, with: digest.bytes)
    let path = path(request, store)
    try bytes.withUnsafeMutableBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      // Not copied: the note of a million files is long.
      let data = Data(bytesNoCopy: base, count: buffer.count, deallocator: .none)
      try store.write(data, to: path, sync: .none)
    }
    let folder = (path as NSString).deletingLastPathComponent
    let names = try FileSystem.names(in: folder)
    guard names.count > limit else { return }
    let aged = names.map { ("\(folder)/\($0)", FileSystem.status("\(folder)/\($0)")?.modified ?? 0) }
    for (old, _) in aged.sorted(by: { $0.1 < $1.1 }).prefix(names.count - limit) { try FileSystem.unlink(old) }
  }
}

extension RunAnswer {
  var json: JSON {
    [
      "pipeline": .string(pipeline), "reports": .array(summary.reports.map(JSON.string)),
      "texts": .array(summary.texts.map { [.string($0.instance), .string($0.text)] }),
      "instances": .array(instances.map { [.string($0.id), $0.samples.map(JSON.int) ?? .null] }),
    ]
  }

  /// - Throws: `RecordProblem` for the answer of another version.
  init(_ json: JSON) throws {
    let fields = try RecordFields(json)
    pipeline = try fields.read("pipeline")
    instances = try fields.read("instances", as: [[JSON]].self).map { item in
      guard item.count == 2 else { throw RecordProblem("is not a list of pairs", path: ["instances"]) }
      return (try String(record: item[0]), try Int?(record: item[1]))
    }
    let texts = try fields.read("texts", as: [[String]].self).map { item in
      guard item.count == 2 else { throw RecordProblem("is not a list of pairs", path: ["texts"]) }
      return (item[0], item[1])
    }
    summary = RunSummary(
      run: nil, seconds: 0, upToDate: instances.count, ran: 0, madeElsewhere: 0, samplesRun: 0, failed: [],
      waiting: [], skipped: 0, stopped: 0, signal: nil, reports: try fields.read("reports"), texts: texts)
  }
}
