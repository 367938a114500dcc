import Basics
import Foundation

/// What a valid file of Gaussian splats holds.
public struct SplatSummary: Hashable, Sendable {
  public var count: Int
  /// Degree of the spherical harmonics.
  public var degree: Int
  public var format: SplatFile.Format
  /// The box around the centres; world units.
  public var lowest: SIMD3<Float>
  public var highest: SIMD3<Float>
  /// Properties that were read over.
  public var extraProperties: [String]
}

extension SplatFile {
  /// Reads a whole PLY file. Properties in any order; `f_rest_*` for degree 0 to 3; others are read over.
  /// - Throws: `SplatFileError` naming the file, the byte and what is wrong.
  public static func read(_ url: URL) throws -> GaussianCloud { try read(SplatReader(url)) }

  /// Reads a whole PLY file from memory; `name` stands for the file in errors.
  public static func read(_ data: Data, name: String) throws -> GaussianCloud {
    try read(SplatReader(data, name: name))
  }

  private static func read(_ reader: consuming SplatReader) throws -> GaussianCloud {
    var reader = reader
    var cloud = GaussianCloud(degree: reader.degree, capacity: min(reader.count, InputBudget.Splats.reserved))
    while let piece = try reader.next() { cloud.append(contentsOf: piece) }
    return cloud
  }

  /// Reads through a whole file in bounded memory and says what it holds.
  /// - Throws: `SplatFileError` as `read` does.
  public static func verify(_ url: URL) throws -> SplatSummary {
    var reader = try SplatReader(url)
    var summary = SplatSummary(
      count: 0, degree: reader.degree, format: reader.format, lowest: SIMD3(repeating: .infinity),
      highest: SIMD3(repeating: -.infinity), extraProperties: reader.extraProperties)
    while let piece = try reader.next() {
      summary.count += piece.count
      for p in piece.positions {
        summary.lowest = pointwiseMin(summary.lowest, p)
        summary.highest = pointwiseMax(summary.highest, p)
      }
    }
    return summary
  }
}

extension GaussianCloud {
  /// Adds the Gaussians of a cloud of the same degree.
  public mutating func append(contentsOf other: GaussianCloud) {
    precondition(other.degree == degree, "clouds of degree \(degree) and \(other.degree) cannot be joined")
    positions += other.positions
    opacityLogits += other.opacityLogits
    logScales += other.logScales
    rotations += other.rotations
    baseColours += other.baseColours
    restColours += other.restColours
  }
}
