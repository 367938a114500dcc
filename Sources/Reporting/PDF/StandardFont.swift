/// Fonts that every PDF reader has (PDF 32000-1, 9.6.2.2), with the widths of Adobe's font metrics in thousandths of an em.
enum StandardFont: String, CaseIterable {
  case helvetica = "Helvetica"
  case bold = "Helvetica-Bold"
  case symbol = "Symbol"
  case dingbats = "ZapfDingbats"

  /// Name of the font in a page's resources.
  var resource: String {
    switch self {
    case .helvetica: "F1"
    case .bold: "F2"
    case .symbol: "F3"
    case .dingbats: "F4"
    }
  }

  /// Symbol and ZapfDingbats have encodings of their own.
  var hasLatinEncoding: Bool { self == .helvetica || self == .bold }
}

/// A piece of text in one font, in that font's bytes.
struct FontRun: Equatable {
  var font: StandardFont
  var bytes: [UInt8]
  /// In thousandths of the font's size, `space` included.
  var width: Int
  /// Space after the last character beyond its own, in the same unit.
  var space = 0

  /// The runs of a text; nil when the standard fonts lack one of its characters.
  static func runs(_ text: String, bold: Bool) -> [FontRun]? {
    var runs: [FontRun] = []
    for scalar in text.precomposedStringWithCanonicalMapping.unicodeScalars {
      guard let glyph = glyph(scalar, bold: bold) else { return nil }
      if let last = runs.last, last.font == glyph.font, last.space == 0, glyph.space == 0 {
        runs[runs.count - 1].bytes += glyph.bytes
        runs[runs.count - 1].width += glyph.width
      } else {
        runs.append(glyph)
      }
    }
    return runs
  }

  private static func glyph(_ scalar: Unicode.Scalar, bold: Bool) -> FontRun? {
    if let byte = windows1252(scalar) {
      let width =
        byte < 0x80 ? (bold ? boldWidths : regularWidths)[Int(byte) - 0x20] : latinWidth(scalar, bold: bold)
      return FontRun(font: bold ? .bold : .helvetica, bytes: [byte], width: width)
    }
    if scalar == "\u{2212}" {
      // The minus of Symbol fills its width and would touch the digit after it.
      return FontRun(font: .symbol, bytes: [0x2D], width: 549 + 50, space: 50)
    }
    if let (byte, width) = symbols[scalar] { return FontRun(font: .symbol, bytes: [byte], width: width) }
    if let (byte, width) = dingbats[scalar] { return FontRun(font: .dingbats, bytes: [byte], width: width) }
    return nil
  }

  private static func windows1252(_ scalar: Unicode.Scalar) -> UInt8? {
    switch scalar.value {
    case 0x20...0x7E, 0xA0...0xFF: UInt8(scalar.value)
    default: upperControls[scalar]
    }
  }

  /// Letters with marks are as wide as their base letter; the rest stand in a table.
  private static func latinWidth(_ scalar: Unicode.Scalar, bold: Bool) -> Int {
    if let special = latinWidths[scalar] { return bold ? special.bold : special.regular }
    let base = String(scalar).decomposedStringWithCanonicalMapping.unicodeScalars.first ?? "n"
    guard (0x20...0x7E).contains(base.value) else { return 556 }
    return (bold ? boldWidths : regularWidths)[Int(base.value) - 0x20]
  }

  private static let upperControls: [Unicode.Scalar: UInt8] = [
    "€": 0x80, "‚": 0x82, "ƒ": 0x83, "„": 0x84, "…": 0x85, "†": 0x86, "‡": 0x87, "ˆ": 0x88, "‰": 0x89, "Š": 0x8A,
    "‹": 0x8B, "Œ": 0x8C, "Ž": 0x8E, "‘": 0x91, "’": 0x92, "“": 0x93, "”": 0x94, "•": 0x95, "–": 0x96, "—": 0x97,
    "˜": 0x98, "™": 0x99, "š": 0x9A, "›": 0x9B, "œ": 0x9C, "ž": 0x9E, "Ÿ": 0x9F,
  ]

  private static let latinWidths: [Unicode.Scalar: (regular: Int, bold: Int)] = [
    "…": (1000, 1000), "–": (556, 556), "—": (1000, 1000), "×": (584, 584), "±": (584, 584), "÷": (584, 584),
    "¬": (584, 584), "°": (400, 400), "²": (333, 333), "³": (333, 333), "¹": (333, 333), "·": (278, 278),
    "•": (350, 350), "‘": (222, 278), "’": (222, 278), "“": (333, 500), "”": (333, 500), "‚": (222, 278),
    "„": (333, 500), "™": (1000, 1000), "©": (737, 737), "®": (737, 737), "Æ": (1000, 1000), "æ": (889, 889),
    "Œ": (1000, 1000), "œ": (944, 944), "ß": (611, 611), "Ø": (778, 778), "ø": (611, 611), "‰": (1000, 1000),
    "‹": (333, 333), "›": (333, 333), "¼": (834, 834), "½": (834, 834), "¾": (834, 834), "µ": (556, 611),
    "¡": (333, 333), "¿": (611, 611), "\u{A0}": (278, 278), "\u{AD}": (333, 333), "ª": (370, 370), "º": (365, 365),
    "ð": (556, 611), "Ð": (722, 722), "þ": (556, 611), "Þ": (667, 667), "¦": (260, 280), "ˆ": (333, 333),
    "˜": (333, 333), "¨": (333, 333), "´": (333, 333), "¸": (333, 333), "¯": (333, 333), "¶": (537, 556),
  ]

  private static let symbols: [Unicode.Scalar: (byte: UInt8, width: Int)] = [
    "≤": (0xA3, 549), "≥": (0xB3, 549), "≠": (0xB9, 549), "≡": (0xBA, 549), "≈": (0xBB, 549),
    "←": (0xAC, 987), "↑": (0xAD, 603), "→": (0xAE, 987), "↓": (0xAF, 603), "∞": (0xA5, 713), "√": (0xD6, 549),
    "∈": (0xCE, 713), "∑": (0xE5, 713), "Δ": (0x44, 612), "∆": (0x44, 612), "Σ": (0x53, 592), "Ω": (0x57, 768),
    "α": (0x61, 631), "β": (0x62, 549), "γ": (0x67, 411), "δ": (0x64, 494), "ε": (0x65, 439), "θ": (0x71, 521),
    "κ": (0x6B, 549), "λ": (0x6C, 549), "μ": (0x6D, 576), "ν": (0x6E, 521), "π": (0x70, 549), "ρ": (0x72, 549),
    "σ": (0x73, 603), "τ": (0x74, 439), "φ": (0x66, 521), "ψ": (0x79, 686), "ω": (0x77, 686),
  ]

  private static let dingbats: [Unicode.Scalar: (byte: UInt8, width: Int)] = [
    "✓": (0x33, 755), "✔": (0x34, 846), "✗": (0x37, 760), "✘": (0x38, 759), "★": (0x48, 816), "●": (0x6C, 791),
    "■": (0x6E, 761), "▲": (0x73, 892), "▼": (0x74, 892), "◆": (0x75, 788),
  ]

  /// Widths of the characters 0x20 to 0x7E.
  private static let regularWidths = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
  ]
  private static let boldWidths = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611,
    556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389,
    280, 389, 584,
  ]
}
