import Basics
import Foundation

/// A name that is safe as a file name: `/` and what is awkward is written `%xx`, long names end in a digest.
package func fileName(for name: String) -> String {
  // Nearly every name is: letters, digits and a few signs.
  let isPlain = name.utf8.allSatisfy { byte in
    switch byte {
    case 48...57, 65...90, 97...122, 0x5f, 0x2d, 0x2e, 0x40, 0x2c, 0x3d, 0x2b: true
    default: false
    }
  }
  if isPlain, let first = name.utf8.first, first != 0x2e, first != 0x2d, name.utf8.count <= 180 { return name }
  var text = ""
  for byte in name.utf8 {
    let isSafe = byte >= 0x80 || byte > 0x20 && byte != 0x2f && byte != 0x25 && byte != 0x7f && byte != 0x5c
    if isSafe && !(text.isEmpty && (byte == 0x2e || byte == 0x2d)) {
      text.unicodeScalars.append(Unicode.Scalar(byte < 0x80 ? byte : 0x3f))
      if byte >= 0x80 { text.removeLast() }
      if byte >= 0x80 { text += String(format: "%%%02x", byte) }
    } else {
      text += String(format: "%%%02x", byte)
    }
  }
  if text.utf8.count > 180 { text = String(text.prefix(140)) + "-" + Digest.of(name).short }
  return text
}
