/// A way of making a low-resolution photo: a type in a file of its own below `Photo` and a row in ``DegradationCatalogue``.
public protocol PhotoDegradation: Sendable {
  /// As files and results name it.
  static var id: String { get }
  /// As a paper prints it.
  static var title: String { get }
  /// For help: half a sentence.
  static var summary: String { get }

  /// The smaller photo.
  /// - Parameters:
  ///   - photo: three channels, 0...1, whose sides are multiples of the settings' scale.
  ///   - settings: the scale, and the draws of degradations that are random.
  /// - Throws: ``ImageError`` when a step fails.
  static func apply(to photo: Raster, settings: SecondOrderDegradation, seed: UInt64) throws -> Raster
}
