/// Deep merge of file layers: maps merge key by key, everything else replaces. Remembers which value stood in place of
/// which, so that errors can show both.
struct Merge {
  /// Mark of a value to the mark of the value it took the place of.
  private(set) var overridden: [Mark: Mark] = [:]

  /// - Parameter removesNull: whether a null entry removes the base's entry (stages) or is a value like any other.
  mutating func merge(_ base: Node, _ layer: Node, removesNull: Bool = false) -> Node {
    guard case .mapping(let old) = base.content, case .mapping(let new) = layer.content, !layer.replaces,
      !Merge.isOtherType(base, layer)
    else {
      if let from = base.mark, let to = layer.mark, from != to { overridden[to] = from }
      return layer
    }
    var entries = old
    var index: [String: Int] = [:]
    // Small maps are searched, large ones (thousands of stages) indexed.
    if old.count > 8 { for (position, entry) in old.enumerated() { index[entry.key] = position } }
    var removed: Set<Int> = []
    for entry in new {
      let position = old.count > 8 ? index[entry.key] : old.firstIndex { $0.key == entry.key }
      guard let position else {
        entries.append(entry)
        continue
      }
      if removesNull, case .null = entry.value.content {
        removed.insert(position)
        continue
      }
      entries[position].value = merge(entries[position].value, entry.value)
      if entry.value.replaces || entries[position].keyMark == nil { entries[position].keyMark = entry.keyMark }
    }
    if !removed.isEmpty { entries = entries.enumerated().filter { !removed.contains($0.offset) }.map(\.element) }
    return Node(.mapping(entries), mark: layer.mark ?? base.mark)
  }

  /// Two maps with different `type` describe different things (two networks): their other keys do not belong together.
  private static func isOtherType(_ base: Node, _ layer: Node) -> Bool {
    guard case .string(let old)? = base["type"]?.content, case .string(let new)? = layer["type"]?.content else {
      return false
    }
    return old != new && !old.contains("${") && !new.contains("${")
  }

  /// Merges a layer in document shape (`vars`, `stages`, …) into a document.
  mutating func mergeDocument(_ base: Node, _ layer: Node) -> Node {
    guard case .mapping(var entries) = base.content, case .mapping(let new) = layer.content else { return layer }
    for entry in new {
      guard let position = entries.firstIndex(where: { $0.key == entry.key }) else {
        entries.append(entry)
        continue
      }
      entries[position].value = merge(
        entries[position].value, entry.value, removesNull: entry.key == "stages" || entry.key == "variants")
    }
    return Node(.mapping(entries), mark: layer.mark ?? base.mark)
  }

  /// Writes `a.b.c: value` as nested maps; keys without dots stay.
  mutating func expandDottedKeys(_ node: Node) -> Node {
    guard case .mapping(let entries) = node.content, entries.contains(where: { $0.key.utf8.contains(46) }) else {
      return node
    }
    var result = Node(.mapping([]), mark: node.mark)
    result.replaces = node.replaces
    for entry in entries {
      let path = entry.key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      let nested = Merge.nest(path[...], entry)
      result = merge(result, Node(.mapping([nested]), mark: node.mark))
    }
    return result
  }

  static func nest(_ path: ArraySlice<String>, _ entry: Node.Entry) -> Node.Entry {
    guard let first = path.first else { return entry }
    if path.count == 1 { return Node.Entry(key: first, keyMark: entry.keyMark, value: entry.value) }
    return Node.Entry(
      key: first, keyMark: entry.keyMark,
      value: Node(.mapping([nest(path.dropFirst(), entry)]), mark: entry.keyMark ?? entry.value.mark))
  }
}
