import Basics
import Foundation

/// What `cache gc` has to know of jobs: they may wait for days, with no run that keeps what they read.
extension Store {
  /// Digests of everything that a job reads whose end nobody has seen.
  func readBySlurmJobs() throws -> Set<Digest> {
    var found: Set<Digest> = []
    for submission in try SlurmSubmission.open(in: self) {
      // Without its file the job will fail, whatever is kept.
      guard let data = try FileSystem.read(submission.jobPath), let json = try? JSON(parsing: data) else { continue }
      for input in (json["inputs"]?.objectValue ?? [:]).values.flatMap({ $0.arrayValue ?? [] }) {
        guard let reference = input["artifact"].flatMap(ArtifactReference.init) else { continue }
        found.formUnion(try closure(of: reference) ?? [reference.digest])
      }
      // Files of the user's are not in the store, but those of other stages that stand in for them are.
      var files = (json["sources"]?.objectValue ?? [:]).values.flatMap { $0.arrayValue ?? [] }
      for sample in json["samples"]?.arrayValue ?? [] {
        files += [sample["s"]].compactMap(\.self) + (sample["e"]?.objectValue ?? [:]).values
      }
      found.formUnion(files.compactMap { SourceFile($0)?.stored.digest })
    }
    return found
  }

  /// Removes what is left of jobs that ended thirty days ago or longer.
  /// - Parameter now: by the clock of the file system, in ns.
  func removeOldSubmissions(_ now: Int) throws {
    let root = SlurmSubmission.root(self)
    guard FileSystem.exists(root) else { return }
    for key in try FileSystem.names(in: root) {
      for name in try FileSystem.names(in: "\(root)/\(key)") {
        let submission = SlurmSubmission(folder: "\(root)/\(key)/\(name)", store: self)
        guard let status = FileSystem.linkStatus(submission.folder), now - status.changed > 30 * 86_400_000_000_000,
          submission.isClosed || submission.hasOutcome || !submission.isThere
        else { continue }
        try FileSystem.removeTree(submission.folder)
      }
      rmdir("\(root)/\(key)")  // not empty: there is more in it
    }
  }
}
