/// A section of a pipeline file with fixed keys, typed like the parameters of a stage.
protocol FileSection: StageParameters {}

extension FileSection {
  static var fieldTerm: String { "key" }
}
