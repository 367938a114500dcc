/// A word as a shell reads it back.
public func shellQuoted(_ word: String) -> String {
  let plain = word.utf8.allSatisfy {
    switch $0 {
    case 48...57, 65...90, 97...122, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x3a, 0x3d, 0x40, 0x5f: true
    default: false
    }
  }
  return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
}
