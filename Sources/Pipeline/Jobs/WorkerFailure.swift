extension WorkerEvent.Failure {
  /// An error that ended a worker's work, as it reports it.
  init(_ error: any Error) {
    let diagnostic = Diagnostic(error)
    let kind: Kind =
      switch error {
      case is InputChanged: .changed
      case is DamagedBlob: .damaged
      default: .failure
      }
    self.init(kind: kind, message: diagnostic.message, help: diagnostic.help)
  }
}
