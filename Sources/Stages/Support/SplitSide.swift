import Pipeline

/// The two sides of a split, as a dataset's record says them.
package enum SplitSide: String, Sendable, CaseIterable, ParameterChoice {
  case train
  case validation
}
