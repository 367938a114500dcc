import Basics
import Foundation

/// Everything in a store that is read back, as one call, for the fuzzer and its seeds.
package enum RecordReaders {
  /// Reads the bytes as every kind of record there is. Never crashes, whatever they are.
  /// - Returns: how many kinds could be read.
  package static func readAll(_ data: Data) -> Int {
    let store = Store(root: "/nonexistent", durable: false)
    var count = 0
    if (try? StageResult(record: Store.readRecord(data))) != nil { count += 1 }
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
      let readers: [(JSON) throws -> Void] = [
        { _ = try Locking($0) }, { _ = try LatestResults.keys($0) },
        { _ = try WorkerJob(json: $0, catalogue: StageCatalogue([])) }, { _ = try WorkerJob.reads($0) },
        { _ = try WorkerEvent(record: $0) }, { _ = try StageResult(record: $0) }, { _ = try SourceFile(record: $0) },
        { _ = try SampleWork(record: $0) }, { _ = try ApprovalDecision(record: $0) },
        { _ = try SlurmRounds(RecordFields($0)) }, { _ = try RunAnswer($0) },
        { _ = try RunInfo(id: "", json: $0, isActive: false, folder: "") },
      ]
      for read in readers where (try? read(json)) != nil { count += 1 }
    }
    return count
  }

  /// Reads a job as a worker does.
  package static func readJob(_ json: JSON, _ catalogue: StageCatalogue) throws {
    _ = try WorkerJob(json: json, catalogue: catalogue)
  }
}
