import Reporting
import Testing

@Suite("Colours") struct ColourTests {
  static let themes = [("light", Theme.light), ("dark", Theme.dark)]

  @Test func contrastAgreesWithKnownValues() {
    #expect(abs(Colour.black.contrast(with: .white) - 21) < 1e-9)
    #expect(abs(Colour(0x767676).contrast(with: .white) - 4.54) < 0.01)  // WCAG's own borderline grey
  }

  @Test(arguments: themes) func textReadsOnPaperAndSurface(name: String, theme: Theme) {
    for text in [Tone.ink, .muted, .accent, .good, .bad] {
      for ground in [Tone.paper, .surface] {
        #expect(theme[text].contrast(with: theme[ground]) >= 4.5, "\(text) on \(ground) in the \(name) theme")
      }
    }
  }

  @Test(arguments: themes) func marksStandOutFromPaper(name: String, theme: Theme) {
    for tone in Tone.allCases where tone.rawValue.hasPrefix("series") {
      #expect(theme[tone].contrast(with: theme[.paper]) >= 3, "\(tone) in the \(name) theme")
    }
  }

  @Test func bothThemesAreComplete() {
    for (_, theme) in Self.themes { #expect(Set(theme.colours.keys) == Set(Tone.allCases)) }
  }

  @Test(arguments: [ColourRamp.cividis, .inferno, .difference])
  func numbersReadOnEveryColour(map: ColourRamp) {
    for step in 0...1000 {
      let colour = map(Double(step) / 1000)
      #expect(colour.readableText.contrast(with: colour) >= 4.5)
    }
  }

  @Test(arguments: [ColourRamp.cividis, .inferno])
  func sequentialMapsRiseInLightness(map: ColourRamp) {
    let luminance = (0...100).map { map(Double($0) / 100).luminance }
    #expect(zip(luminance, luminance.dropFirst()).allSatisfy { $0 < $1 }, "so they also read in grey and in print")
  }

  @Test func mapsHoldTheirEnds() {
    #expect(ColourRamp.inferno(-3) == ColourRamp.inferno(0) && ColourRamp.inferno(7) == ColourRamp.inferno(1))
    #expect(ColourRamp.inferno(.nan) == ColourRamp.inferno(0))
  }
}
