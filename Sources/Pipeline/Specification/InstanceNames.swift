import Basics
import Foundation

/// Ids of a stage's instances.
enum InstanceNames {
  /// `train@dsine,seed=2,bicubic`: strings bare, other values with their axis; all with their axis where that would make
  /// two ids equal.
  /// - Parameter attributes: labels that `include` added to combinations; left out of the ids where the others tell the
  ///   instances apart.
  static func ids(_ stage: String, _ labels: [[InstanceLabel]], attributes: Set<String> = []) -> [String] {
    let ids = unambiguous(stage, labels.map { $0.filter { !attributes.contains($0.name) } })
    return attributes.isEmpty || Set(ids).count == ids.count ? ids : unambiguous(stage, labels)
  }

  private static func unambiguous(_ stage: String, _ labels: [[InstanceLabel]]) -> [String] {
    let short = labels.map { id(stage, $0, named: false) }
    if Set(short).count == short.count { return short }
    return labels.map { id(stage, $0, named: true) }
  }

  private static func id(_ stage: String, _ labels: [InstanceLabel], named: Bool) -> String {
    guard !labels.isEmpty else { return stage }
    let terms = labels.map { label in
      let text = clean(label.text)
      if !named, case .string = label.value { return text }
      return "\(clean(label.name))=\(text)"
    }
    let id = "\(stage)@\(terms.joined(separator: ","))"
    // File systems take names of 255 bytes; ports and suffixes need some of them.
    guard id.utf8.count > 200 else { return id }
    return String(decoding: Array(id.utf8.prefix(180)), as: UTF8.self).filter { $0 != "\u{fffd}" } + "~"
      + Digest.of(id).short
  }

  /// Keeps what is safe in a folder name and in a selector.
  private static func clean(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      let isSafe =
        scalar.properties.isAlphabetic || scalar.properties.numericType != nil || "_-+.".unicodeScalars.contains(scalar)
      result.append(isSafe ? scalar : "-")
    }
    return result.isEmpty ? "-" : String(result)
  }
}
