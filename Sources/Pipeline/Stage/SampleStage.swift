/// A stage that works on one sample at a time. Each sample is cached on its own: one new photo among 10,000 runs one
/// sample. The engine calls `run(sample:)` for the samples that have no valid result, from several threads at once, then
/// `finish` once with all results.
public protocol SampleStage: Stage {
  /// Where the samples come from.
  static var over: SampleDriver { get }

  /// Files of the user's that belong to one sample (one FaceLift output, one normal map), by the sample's name; nil when no
  /// sample has any under these parameters. Used by gated stages; a required file that is absent makes the sample missing, and
  /// the gate waits for it.
  func externalFiles(_ parameters: Parameters) -> ExternalFiles?

  /// Works on one sample.
  /// - Throws: `BadSample` when the sample itself is at fault (`on_bad_sample` then decides); any other error fails the
  ///   stage.
  func run(sample: SampleContext, _ parameters: Parameters) throws

  /// Decides over all samples together (duplicates, thresholds) and writes outputs of layout `.files`.
  func finish(_ context: CollectContext, _ parameters: Parameters) throws
}

extension SampleStage {
  public func externalFiles(_ parameters: Parameters) -> ExternalFiles? { nil }
  public func finish(_ context: CollectContext, _ parameters: Parameters) throws {}

  public func opened(_ parameters: Parameters) -> StageBody {
    StageBody(.samples(OpenedSampleStage(stage: self, parameters: parameters)))
  }
}

/// The origin of the samples of a `SampleStage`.
public enum SampleDriver: Hashable, Sendable {
  /// The samples of an input port; other sample inputs are matched by name.
  case input(String)
  /// The files of an external source, one sample for each file; named by the path below the source without its
  /// extension. Two files with the same name are a `BadSample` each.
  case source(String)
}

/// The files that belong to the sample of a name.
public typealias ExternalFiles = @Sendable (_ sample: String) -> [ExternalFile]
