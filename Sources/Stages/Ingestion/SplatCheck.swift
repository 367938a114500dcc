import Basics
import Foundation
import Pipeline
import Splats

/// Facts about a splat file that need no rendering.
enum SplatCheck {
  /// Reads the whole file once: header, promised length, finite values.
  /// - Parameter label: what a person calls the file, such as `splats/face 1/gaussians.ply`.
  /// - Throws: `BadSample` naming the file and its defect.
  static func facts(of file: StoredFile, label: String) throws -> [String: JSON] {
    do {
      let summary = try SplatFile.verify(file.url)
      return ["gaussians": .int(summary.count), "degree": .int(summary.degree)]
    } catch var error as SplatFileError {
      error.file = label
      throw BadSample("\(error)")
    }
  }
}
