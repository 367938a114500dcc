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

  @Test(arguments: [ColourRamp.cividis, .errors, .difference])
  func numbersReadOnEveryColour(map: ColourRamp) {
    for step in 0...1000 {
      let colour = map(Double(step) / 1000)
      #expect(colour.readableText.contrast(with: colour) >= 4.5)
    }
  }

  @Test(arguments: [ColourRamp.cividis, .errors])
  func sequentialMapsRiseInLightness(map: ColourRamp) {
    let luminance = (0...100).map { map(Double($0) / 100).luminance }
    #expect(zip(luminance, luminance.dropFirst()).allSatisfy { $0 < $1 }, "so they also read in grey and in print")
  }

  @Test func mapsHoldTheirEnds() {
    #expect(ColourRamp.errors(-3) == ColourRamp.errors(0) && ColourRamp.errors(7) == ColourRamp.errors(1))
    #expect(ColourRamp.errors(.nan) == ColourRamp.errors(0))
  }
}
