/// How a stage goes on when one of its samples is at fault.
public enum BadSamplePolicy: String, ParameterChoice {
  /// The stage fails.
  case fail
  /// The sample is left out, with its reason, and the stage goes on.
  case skip
}
