extension WorkerEvent.Failure {
  /// What a worker tells of an error that ended its work.
  init(_ error: any Error) {
    switch error {
    case let error as StageFailure: self.init(kind: .failure, message: error.message, help: error.help)
    case let error as BadSample: self.init(kind: .failure, message: error.reason, help: nil)
    case let error as InputChanged: self.init(kind: .changed, message: error.description, help: nil)
    case let error as DamagedBlob: self.init(kind: .damaged, message: error.description, help: nil)
    case let error as FileProblem: self.init(kind: .failure, message: error.message, help: error.help)
    case let error as ParameterProblems:
      self.init(kind: .failure, message: error.diagnostics.map(\.message).joined(separator: "\n"), help: nil)
    default: self.init(kind: .failure, message: describe(error), help: nil)
    }
  }
}
