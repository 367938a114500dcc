import Basics
import Foundation

/// Jobs as `cache gc` has to see them: they may wait for days, with no run that keeps what they read.
extension Store {
  /// Digests of everything that a job reads whose end nobody has seen.
  func readBySlurmJobs() throws -> Set<Digest> {
    var found: Set<Digest> = []
    for submission in try SlurmSubmission.open(in: self) {
      // Without its file the job will fail, whatever is kept.
      guard let data = try FileSystem.read(submission.jobPath) else { continue }
      let job: (artifacts: [ArtifactReference], files: [SourceFile])
      do { job = try WorkerJob.reads(JSON(parsing: data)) } catch {
        throw StageFailure(
          "what a job in the queue reads cannot be told, so nothing is removed: \(submission.jobPath): \(Diagnostic(error).message)",
          help: "wait until the job has ended and run its pipeline, or remove \(submission.folder)")
      }
      for reference in job.artifacts { found.formUnion(try closure(of: reference) ?? [reference.digest]) }
      // Files of the user's are not in the store, but those of other stages that stand in for them are.
      found.formUnion(job.files.map(\.stored.digest))
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
