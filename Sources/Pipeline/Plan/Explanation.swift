import Basics
import Foundation

/// Finds out why a key is not that of the last result.
enum Explanation {
  /// - Parameter fresh: listings that stand in the new key by digest and are not stored yet.
  static func reasons(key: StageKey, latest: Digest?, forced: Bool, fresh: [Data], store: Store) -> [RunReason] {
    if forced { return [.forced] }
    guard let latest else { return [.neverRun] }
    if latest == key.digest { return [store.distrusted.withLock { $0.contains(latest) } ? .linkEdited : .resultLost] }
    guard let preimage = preimage(of: latest, store) else { return [.neverRun] }
    let differences = KeyDifference.between(preimage, key.preimage)
    return differences.map { .changed(detailed($0, fresh, store)) }
  }

  /// The record may outlive its files; its preimage is all that is needed here.
  private static func preimage(of key: Digest, _ store: Store) -> JSON? {
    // Gone or not readable: nothing to compare with.
    guard let data = try? FileSystem.read(store.resultPath(key)) else { return nil }
    return try? Store.readResult(data, key: key).preimage
  }

  /// Looks inside digests of many things.
  private static func detailed(_ difference: KeyDifference, _ fresh: [Data], _ store: Store) -> KeyDifference {
    guard let old = difference.old?.stringValue.flatMap(Digest.init(hex:)),
      let new = difference.new?.stringValue.flatMap(Digest.init(hex:))
    else { return difference }
    var result = difference
    // Where a manifest is gone the digests alone are shown.
    if let a = try? store.data(old), let b = fresh.first(where: { Digest.of($0) == new }) ?? (try? store.data(new)) {
      result.details = changes(entries(a), entries(b))
    }
    return result
  }

  /// `+ name`, `- name`, `~ name`.
  static func changes(_ old: [String: String], _ new: [String: String]) -> [String] {
    var found: [(String, String)] = []
    for (name, digest) in new {
      if let before = old[name] {
        if before != digest { found.append((name, "~ ")) }
      } else {
        found.append((name, "+ "))
      }
    }
    for name in old.keys where new[name] == nil { found.append((name, "- ")) }
    return found.sorted { naturallyPrecedes($0.0, $1.0) }.map { $0.1 + $0.0 }
  }

  /// Names and contents of a listing or a manifest.
  static func entries(_ data: Data) -> [String: String] {
    let listing = SourceListing.parse(data)
    if !listing.isEmpty { return listing }
    var found: [String: String] = [:]
    for line in data.split(separator: 10) {
      guard let json = try? JSON(parsing: Data(line)) else { continue }  // not a record
      if let name = (json["n"] ?? json["p"] ?? json["sample"])?.stringValue { found[name] = Digest.of(Data(line)).hex }
      if let name = json["x"]?.stringValue { found["rejected " + name] = Digest.of(Data(line)).hex }
    }
    return found
  }
}
