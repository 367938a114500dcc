import Basics

/// The proportions of one made-up head, drawn from a seed. Centimetres, in the head's own axes: x to the viewer's right, y
/// up, z towards the viewer; the origin lies between the eyes' height and the ears.
///
/// The means follow the canon of proportions that drawing books teach (the eyes halfway up the head, the base of the nose
/// and the mouth at fixed fractions below, the ears between brow and nose), not measurements of anybody.
public struct HeadShape: Hashable, Sendable {
  public enum Hair: String, CaseIterable, Sendable { case bald, buzz, short, full, bob }

  var skullWidth: Float = 7.5
  var skullHeight: Float = 8.0
  var skullDepth: Float = 9.5
  var faceWidth: Float = 6.5
  var jawWidth: Float = 5.1
  var jawRadius: Float = 1.5
  var chinY: Float = -10.2
  var chinZ: Float = 7.2
  var chinRadius: Float = 1.45
  var cheekbone: Float = 1.15
  var cheekFullness: Float = 2.2
  var browRadius: Float = 0.72
  var browY: Float = 2.0
  var eyeX: Float = 3.2
  var eyeRadius: Float = 1.22
  var eyeWidth: Float = 1.5
  var eyeUpper: Float = 0.56
  var eyeLower: Float = 0.4
  var eyeTilt: Float = 0.06
  var socketDepth: Float = 1.2
  var noseLength: Float = 3.6
  var noseProjection: Float = 11.3
  var noseWidth: Float = 1.3
  var noseTip: Float = 0.85
  var bridge: Float = 0.68
  var bridgeHump: Float = 0.1
  var mouthY: Float = -6.7
  var mouthWidth: Float = 2.5
  var lipUpper: Float = 0.46
  var lipLower: Float = 0.56
  var mouthCurve: Float = 0.1
  var earSize: Float = 1
  var earAngle: Float = 0.6
  var neckRadius: Float = 5.3
  var shoulderWidth: Float = 15
  var hair = Hair.short
  var hairThickness: Float = 0.8
  var hairline: Float = 6.1
  var hairRecession: Float = 0.3
  /// Sideways shear and bend of the face, which no face is without.
  var shear: Float = 0
  var bend: Float = 0
  var slant: Float = 0
  /// Phase of the hair's waves.
  var wave: Float = 0

  /// The mean head.
  init() {}

  /// A random head: each proportion is normal around its mean, cut at two standard deviations.
  init(random: inout SeededRandom) {
    func vary(_ value: inout Float, _ deviation: Float) {
      value += deviation * Float(max(-2, min(2, random.normal())))
    }
    vary(&skullWidth, 0.22)
    vary(&skullHeight, 0.25)
    vary(&skullDepth, 0.3)
    vary(&faceWidth, 0.22)
    vary(&jawWidth, 0.3)
    vary(&jawRadius, 0.15)
    vary(&chinY, 0.35)
    vary(&chinZ, 0.25)
    vary(&chinRadius, 0.15)
    vary(&cheekbone, 0.15)
    vary(&cheekFullness, 0.2)
    vary(&browRadius, 0.12)
    vary(&browY, 0.15)
    vary(&eyeX, 0.13)
    vary(&eyeRadius, 0.05)
    vary(&eyeWidth, 0.07)
    vary(&eyeUpper, 0.08)
    vary(&eyeLower, 0.05)
    vary(&eyeTilt, 0.05)
    vary(&socketDepth, 0.12)
    vary(&noseLength, 0.25)
    vary(&noseProjection, 0.3)
    vary(&noseWidth, 0.16)
    vary(&noseTip, 0.09)
    vary(&bridge, 0.07)
    vary(&bridgeHump, 0.12)
    vary(&mouthY, 0.18)
    vary(&mouthWidth, 0.2)
    vary(&lipUpper, 0.07)
    vary(&lipLower, 0.08)
    vary(&mouthCurve, 0.12)
    vary(&earSize, 0.07)
    vary(&earAngle, 0.1)
    vary(&neckRadius, 0.4)
    vary(&shoulderWidth, 0.8)
    vary(&hairline, 0.45)
    hairRecession = Float(random.uniform(0, 0.9))
    let style = random.uniform()
    hair = style < 0.1 ? .bald : style < 0.3 ? .buzz : style < 0.58 ? .short : style < 0.8 ? .full : .bob
    switch hair {
    case .bald: hairThickness = 0
    case .buzz: hairThickness = 0.2
    case .short: hairThickness = Float(random.uniform(0.55, 0.95))
    case .full: hairThickness = Float(random.uniform(1.2, 1.9))
    case .bob: hairThickness = Float(random.uniform(0.8, 1.2))
    }
    vary(&shear, 0.5)
    vary(&bend, 0.5)
    vary(&slant, 0.35)
    wave = Float(random.uniform(0, 10))
  }
}
