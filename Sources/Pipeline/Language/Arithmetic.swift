/// Whether results that depend on the hardware are the same results on every class of it.
public enum Arithmetic: String, ParameterChoice {
  /// One key for all classes: results differ in their last bits, and each records the classes that made it.
  case portable
  /// The class is a part of the key: every class makes its own result, to the bit.
  case exact
}
