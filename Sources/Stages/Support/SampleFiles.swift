import Foundation
import Pipeline

/// Where the file of a sample may be that somebody else has made.
enum SampleFiles {
  /// File names of a sample, by a pattern with `{name}` in the place of the sample's name.
  static func names(_ pattern: String, of sample: String) -> [String] {
    spellings(of: pattern.replacing("{name}", with: sample))
  }

  /// A name as written and in both Unicode normal forms: the same letter is stored composed by Linux and decomposed by
  /// macOS. Compared by bytes, since Swift holds the forms equal.
  static func spellings(of name: String) -> [String] {
    var result: [String] = []
    for form in [name, name.precomposedStringWithCanonicalMapping, name.decomposedStringWithCanonicalMapping]
    where !result.contains(where: { $0.utf8.elementsEqual(form.utf8) }) {
      result.append(form)
    }
    return result
  }
}

extension FileReference {
  /// Images of a sample in this folder, by file names of `SampleFiles.names`, losslessly compressed ones.
  func images(of sample: String, pattern: String) -> [FileReference] {
    SampleFiles.names(pattern, of: sample).flatMap { name in
      ["png", "tif", "tiff"].map { appending("\(name).\($0)") }
    }
  }
}
