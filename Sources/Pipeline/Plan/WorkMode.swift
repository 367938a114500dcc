/// How much of an instance's work a worker does.
enum WorkMode: String, Sendable {
  /// Run what is missing and deliver the outputs.
  case full
  /// Run the samples that are there, so that a gate can tell which are valid; deliver nothing.
  case samplesOnly
}
