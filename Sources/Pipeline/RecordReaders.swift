import Basics
import Foundation

/// Everything in a store that is read back, as one call, for the fuzzer and its seeds.
package enum RecordReaders {
  /// Reads the bytes as every kind of record there is. Never crashes, whatever they are.
  /// - Returns: how many kinds could be read.
  package static func readAll(_ data: Data) -> Int {
    let store = Store(root: "/nonexistent", durable: false)
    var count = 0
    if let json = Store.decodeRecord(data), StageResult(json) != nil { count += 1 }
    // Errors are good answers here.
    if (try? Manifest.decode(data, digest: Digest.of(data), store: store)) != nil { count += 1 }
    if let found = try? SampleJournal.read(data, store: store), !found.isEmpty { count += 1 }
    if !SourceListing.parse(data).isEmpty { count += 1 }
    if !StatCache.parse(data).isEmpty { count += 1 }
    if LeaseRecord(data) != nil { count += 1 }
    // Answers of Slurm's programs.
    let text = String(decoding: data, as: UTF8.self)
    for line in text.split(whereSeparator: \.isNewline) {
      if SlurmJobState(line: String(line)) != nil { count += 1 }
      _ = SlurmCommands.jobID(line)
    }
    if SlurmDetails(scontrol: text)?.ending != nil { count += 1 }
    if SlurmDetails(sacct: text)?.ending != nil { count += 1 }
    if let json = try? JSON(parsing: data) {
      if Locking(json) != nil { count += 1 }
      if LatestResults.keys(json).isEmpty == false { count += 1 }
      if (try? WorkerJob(json: json, catalogue: StageCatalogue([]))) != nil { count += 1 }
      if WorkerEvent(json) != nil { count += 1 }
      if StageResult(json) != nil { count += 1 }
      if SourceFile(json) != nil { count += 1 }
      if SampleWork(json) != nil { count += 1 }
    }
    return count
  }
}
