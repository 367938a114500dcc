/// The output of a network: an image, and auxiliary outputs by their typed names.
public struct NetworkOutput {
  /// [n, c, H, W].
  public var image: Tensor
  private var auxiliary: [String: Any] = [:]

  public init(image: Tensor) { self.image = image }

  public subscript<Value>(key: AuxiliaryOutput<Value>) -> Value? {
    get { auxiliary[key.name] as? Value }
    set { auxiliary[key.name] = newValue }
  }

  /// Names of the auxiliary outputs that are there, sorted.
  public var auxiliaryNames: [String] { auxiliary.keys.sorted() }
}

/// The typed name of something that a network gives besides its image, for losses that ask for it. A network that has one of
/// its own declares it in its file:
///
///     extension AuxiliaryOutput where Value == Tensor {
///       static var edges: Self { Self("edges") }
///     }
public struct AuxiliaryOutput<Value>: Sendable {
  public let name: String
  public init(_ name: String) { self.name = name }
}

extension AuxiliaryOutput where Value == Tensor {
  /// Unit normals [n, 3, H, W].
  public static var normals: Self { Self("normals") }
}

/// The image at another scale than the output's.
public struct ScaleMap {
  /// Side over the input's side.
  public var factor: Int
  /// [n, 1, factor h, factor w].
  public var map: Tensor
  public init(factor: Int, map: Tensor) { (self.factor, self.map) = (factor, map) }

  /// Such as `x2`, in columns of the history.
  public var name: String { "x\(factor)" }
}

extension AuxiliaryOutput where Value == [ScaleMap] {
  /// The scales that a network predicts on its way, smallest first.
  public static var scales: Self { Self("scales") }
}
