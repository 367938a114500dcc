import Foundation

/// An sRGB colour, components 0...255.
public struct Colour: Hashable, Sendable {
  public var red: UInt8
  public var green: UInt8
  public var blue: UInt8

  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// From 0xRRGGBB.
  public init(_ hex: UInt32) {
    self.init(UInt8(hex >> 16 & 255), UInt8(hex >> 8 & 255), UInt8(hex & 255))
  }

  public static let black = Colour(0x000000)
  public static let white = Colour(0xFFFFFF)

  public var hex: String { String(format: "#%02x%02x%02x", red, green, blue) }

  /// Relative luminance, 0...1 (WCAG 2.2).
  public var luminance: Double {
    func linear(_ value: UInt8) -> Double {
      let c = Double(value) / 255
      return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4)
    }
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
  }

  /// Contrast ratio, 1...21 (WCAG 2.2). Text needs 4.5, lines and marks 3.
  public func contrast(with other: Colour) -> Double {
    let a = luminance
    let b = other.luminance
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
  }

  /// Black or white, whichever reads better on this colour: always at least 4.58.
  public var readableText: Colour { contrast(with: .black) >= contrast(with: .white) ? .black : .white }
}

/// A colour map: a value 0...1 to a colour, linear between anchors.
public struct ColourRamp: Hashable, Sendable {
  public var name: String
  public var anchors: [Colour]

  public init(_ name: String, _ anchors: [UInt32]) {
    self.name = name
    self.anchors = anchors.map { Colour($0) }
  }

  /// Dark blue to yellow, rising lightness, safe for all common colour vision (anchors of matplotlib's cividis, CC0).
  public static let cividis = ColourRamp(
    "cividis", [0x00224E, 0x123570, 0x3B496C, 0x575D6D, 0x707173, 0x8A8678, 0xA59C74, 0xC3B369, 0xE1CC55, 0xFEE838])
  /// Black through violet, red and orange to pale yellow, for errors: each step lighter than the last, so that it also
  /// reads in grey.
  public static let errors = ColourRamp("errors", [0x000005, 0x450D66, 0xA82661, 0xED6129, 0xFAB826, 0xFFFFCC])
  /// Orange (worse) through white to blue (better), for differences; anchors after ColorBrewer's PuOr and RdBu.
  public static let difference = ColourRamp(
    "difference", [0xA63603, 0xD9722E, 0xF5B98A, 0xFBE6D6, 0xF7F7F7, 0xD6E6F2, 0x92C5DE, 0x4393C3, 0x2166AC])

  public func callAsFunction(_ value: Double) -> Colour {
    guard value.isFinite, anchors.count > 1 else { return anchors.first ?? .black }
    let position = min(max(value, 0), 1) * Double(anchors.count - 1)
    let index = min(Int(position), anchors.count - 2)
    let t = position - Double(index)
    func mix(_ a: UInt8, _ b: UInt8) -> UInt8 { UInt8((Double(a) + (Double(b) - Double(a)) * t).rounded()) }
    let a = anchors[index]
    let b = anchors[index + 1]
    return Colour(mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue))
  }
}

/// What a colour in a chart or page stands for. Inside a page it follows the reader's light or dark setting; in a file of
/// its own it is the light theme's colour.
public enum Tone: String, Hashable, Sendable, CaseIterable {
  /// Text.
  case ink
  /// Secondary text and axis labels.
  case muted
  /// Rules, frames and grid lines.
  case line
  /// The page.
  case paper
  /// Cards and nodes.
  case surface
  /// Links and emphasis.
  case accent
  case good
  case bad
  case series1, series2, series3, series4, series5, series6, series7, series8

  static let series: [Tone] = [.series1, .series2, .series3, .series4, .series5, .series6, .series7, .series8]
}

/// The colours of a theme.
public struct Theme: Hashable, Sendable {
  public var colours: [Tone: Colour]
  public subscript(tone: Tone) -> Colour { colours[tone] ?? .black }

  public static let light = Theme(colours: [
    .ink: Colour(0x1A1D21), .muted: Colour(0x5A626B), .line: Colour(0xD5DAE0), .paper: Colour(0xFFFFFF),
    .surface: Colour(0xF5F7F9), .accent: Colour(0x0B5C99), .good: Colour(0x0B6B4F), .bad: Colour(0xB3261E),
    .series1: Colour(0x0072B2), .series2: Colour(0xC44E00), .series3: Colour(0x00795A), .series4: Colour(0x9A3F8F),
    .series5: Colour(0x8A6A00), .series6: Colour(0x5B5B5B), .series7: Colour(0xB2182B), .series8: Colour(0x3B5FA8),
  ])

  public static let dark = Theme(colours: [
    .ink: Colour(0xE6E9ED), .muted: Colour(0xA3ACB7), .line: Colour(0x3A424C), .paper: Colour(0x14171B),
    .surface: Colour(0x1D2127), .accent: Colour(0x7CC0F5), .good: Colour(0x63D3A6), .bad: Colour(0xFF9A91),
    .series1: Colour(0x56B4E9), .series2: Colour(0xFF9E5E), .series3: Colour(0x4ED1A1), .series4: Colour(0xE59BD0),
    .series5: Colour(0xE6C54A), .series6: Colour(0xC8C8C8), .series7: Colour(0xFF8A80), .series8: Colour(0x9CB8FF),
  ])
}
