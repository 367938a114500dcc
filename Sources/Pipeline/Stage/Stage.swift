import Basics

/// A kind of step that a pipeline file can use. One Swift type, one file, one row in the catalogue. A type conforms to one of
/// the two forms, `WholeStage` or `SampleStage`; this is what they share.
///
/// A stage is a pure function of its parameters, its inputs, the declared external files and (where `usesSeed`) its seed.
/// It reads nothing else: no environment, clock, current directory or global random numbers. Its output bytes do not
/// depend on the number of threads.
public protocol Stage: Sendable {
  associatedtype Parameters: StageParameters

  static var type: StageType { get }
  /// Part of the key: raise it when the same input gives other bytes.
  static var version: Int { get }
  /// One sentence for `pipeline stages`.
  static var summary: String { get }
  static var inputs: [InputPort] { get }
  static var outputs: [OutputPort] { get }
  /// Whether the resolved `seed` of the stage enters its key and context.
  static var usesSeed: Bool { get }
  /// Stages that wait for a person or an outside program unless the file says otherwise.
  static var gate: StageGate? { get }
  /// True for `command`, whose inputs are whatever the file names.
  static var acceptsAnyInput: Bool { get }
  /// The outputs under these parameters; `outputs` for nearly every stage.
  static func outputs(for parameters: Parameters) -> [OutputPort]

  init()

  /// Files and folders of the user's that the stage reads. The engine hashes them; their contents enter the key.
  func sources(_ parameters: Parameters) -> [ExternalSource]

  /// The class of hardware that would make the stage's bytes on this machine; nil, as for nearly every stage, where no hardware
  /// changes them. It is recorded with every result and enters the key under `settings: { arithmetic: exact }`.
  func hardwareClass(_ parameters: Parameters) -> HardwareClass?

  /// Fixes the parameters. `WholeStage` and `SampleStage` implement this.
  func opened(_ parameters: Parameters) -> StageBody
}

extension Stage {
  public static var usesSeed: Bool { false }
  public static var gate: StageGate? { nil }
  public static var acceptsAnyInput: Bool { false }
  public static func outputs(for parameters: Parameters) -> [OutputPort] { outputs }
  public func sources(_ parameters: Parameters) -> [ExternalSource] { [] }
  public func hardwareClass(_ parameters: Parameters) -> HardwareClass? { nil }
}
