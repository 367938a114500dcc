/// What files from outside may ask of the program, whatever they claim. Each reader checks its part before it allocates or
/// computes, and says in an error of its own which limit was passed. Far above what honest files need.
public enum InputBudget {
  /// YAML pipeline files: one file, except for `expandedBytes`.
  public enum PipelineFile {
    public static let bytes = 64 << 20
    /// Lists and maps inside one another, and variables that use one another.
    public static let depth = 100
    /// Nodes that aliases may add beyond those written.
    public static let aliasedNodes = 100_000
    /// What `${...}` may put in place, in bytes of text; a list, a map or any other value counts as `bytesOfANode` besides. For
    /// each combination of variants.
    public static let expandedBytes = 32 << 20
    public static let bytesOfANode = 64
    /// Mistakes for which the nearest name is looked for; the others are reported without one.
    public static let suggestions = 100
  }

  /// PyTorch checkpoints.
  public enum Checkpoint {
    /// Containers inside one another.
    public static let depth = 64
    /// Values, those counted again that are referred to from several places.
    public static let values = 5_000_000
    /// Text of the values and of the paths under which they are found, counted likewise.
    public static let textBytes = 256 << 20
    /// Of one integer.
    public static let integerBytes = 256
  }

  /// PLY files of Gaussian splats.
  public enum Splats {
    public static let headerBytes = 1 << 20
    public static let headerLines = 10_000
    public static let properties = 4096
    /// Entries of one element.
    public static let entries = 1 << 31
    /// Gaussians for which memory is set aside before they are read.
    public static let reserved = 1 << 20
  }
}
