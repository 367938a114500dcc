import Basics
import Foundation
import Imaging
import Testing

func randomMask(_ width: Int, _ height: Int, share: Double, seed: UInt64) -> Mask {
  var random = SeededRandom(seed: seed)
  return Mask(width: width, height: height, bits: (0..<width * height).map { _ in random.uniform() < share ? 1 : 0 })
}

@Suite struct RegionTests {
  static let sizes = [(1, 1), (1, 9), (7, 1), (2, 2), (13, 8), (40, 31)]

  @Test(arguments: sizes, [1, 2, 3, 5, 7]) func morphologyEqualsItsDefinition(size: (Int, Int), side: Int) {
    let mask = randomMask(size.0, size.1, share: 0.4, seed: UInt64(side))
    var dot = Mask(width: 21, height: 21)
    dot[10, 10] = true
    let element = Morphology.dilate(dot, ellipse: side)
    var (dilated, eroded) = (mask, mask)
    for y in 0..<mask.height {
      for x in 0..<mask.width {
        var (any, all) = (false, true)
        for v in 0..<21 {
          for u in 0..<21 where element[u, v] {
            // The element of a dilated dot is mirrored.
            let (px, py) = (x - (u - 10), y - (v - 10))
            guard px >= 0, py >= 0, px < mask.width, py < mask.height else { continue }
            if mask[px, py] { any = true } else { all = false }
          }
        }
        dilated[x, y] = any
        eroded[x, y] = all
      }
    }
    #expect(Morphology.dilate(mask, ellipse: side) == dilated)
    if side % 2 == 1 { #expect(Morphology.erode(mask, ellipse: side) == eroded) }
  }

  @Test(arguments: sizes, [4, 8]) func componentsEqualAFloodFill(size: (Int, Int), connectivity: Int) {
    let mask = randomMask(size.0, size.1, share: 0.55, seed: 3)
    var labels = [Int32](repeating: 0, count: mask.bits.count)
    var count: Int32 = 0
    for start in 0..<mask.bits.count where mask.bits[start] != 0 && labels[start] == 0 {
      count += 1
      var stack = [start]
      labels[start] = count
      while let i = stack.popLast() {
        for dy in -1...1 {
          for dx in -1...1 where connectivity == 8 || dx * dy == 0 {
            let (x, y) = (i % mask.width + dx, i / mask.width + dy)
            guard x >= 0, y >= 0, x < mask.width, y < mask.height else { continue }
            let j = y * mask.width + x
            if mask.bits[j] != 0 && labels[j] == 0 {
              labels[j] = count
              stack.append(j)
            }
          }
        }
      }
    }
    let parts = Components.label(mask, connectivity: connectivity)
    #expect(parts.labels == labels)
    #expect(parts.count == Int(count))
    #expect(parts.areas.reduce(0, +) == mask.bits.count)
  }

  @Test func holesAreEnclosedBackground() {
    var ring = Mask(width: 9, height: 9)
    for i in 2...6 {
      for (x, y) in [(i, 2), (i, 6), (2, i), (6, i)] { ring[x, y] = true }
    }
    #expect(ring.holes.count == 9)
    #expect(ring.fillHoles().count == 25)
    // A gap opens it; a diagonal gap does not, because background is joined by edges.
    var open = ring
    open[2, 4] = false
    #expect(open.holes.count == 0)
    var corner = ring
    corner[2, 2] = false
    #expect(corner.holes.count == 9)
    #expect(Mask(width: 3, height: 3).holes.count == 0)
    #expect(Mask(width: 0, height: 0).holes.count == 0)
  }

  @Test func largestAndSmallComponents() {
    var mask = Mask(width: 20, height: 5)
    for x in 0..<8 { mask[x, 0] = true }
    for x in 10..<15 { mask[x, 2] = true }
    mask[18, 4] = true
    #expect(mask.largestComponent().count == 8)
    #expect(mask.keepingComponents(minimumArea: 5).count == 13)
    #expect(mask.keepingComponents(minimumArea: 100).count == 8)
    #expect(mask.bounds.map { [$0.x, $0.y, $0.width, $0.height] } == [0, 0, 19, 5])
    #expect(Mask(width: 4, height: 4).bounds == nil)
  }

  @Test(arguments: sizes, [0.0, 0.02, 0.3, 1.0]) func distancesAreExact(size: (Int, Int), share: Double) {
    let mask = randomMask(size.0, size.1, share: share, seed: 5)
    let set = (0..<mask.bits.count).filter { mask.bits[$0] != 0 }
    let nearest = DistanceTransform.nearest(mask)
    func squared(_ a: Int, _ b: Int) -> Int {
      let (dx, dy) = (a % mask.width - b % mask.width, a / mask.width - b / mask.width)
      return dx * dx + dy * dy
    }
    for i in 0..<mask.bits.count {
      guard let best = set.map({ squared(i, $0) }).min() else {
        #expect(nearest[i] == -1)
        continue
      }
      #expect(mask.bits[Int(nearest[i])] != 0 && squared(i, Int(nearest[i])) == best)
    }
  }
}

@Suite struct InpaintTests {
  /// z = a x + b y + c with a disc cut out.
  static func plane(_ side: Int) -> (Raster, Raster, Mask) {
    var truth = Raster(width: side, height: side)
    var hole = Mask(width: side, height: side)
    for y in 0..<side {
      for x in 0..<side {
        truth[x, y] = 0.2 + 0.004 * Float(x) + 0.002 * Float(y)
        let (u, v) = (x - side / 2, y - side / 2)
        hole[x, y] = u * u + v * v <= 36
      }
    }
    return (truth, truth.masked(hole.inverted), hole)
  }

  static func worst(_ a: Raster, _ b: Raster) -> Float { zip(a.pixels, b.pixels).map { abs($0 - $1) }.max() ?? 0 }

  @Test func harmonicRestoresAPlane() {
    let (truth, cut, hole) = Self.plane(41)
    #expect(Self.worst(Inpaint.harmonic(cut, hole: hole), truth) < 2e-6)
  }

  /// Whatever the rim: no filled pixel lies outside the values that bound its own hole.
  @Test(arguments: 1...12 as ClosedRange<UInt64>) func teleaStaysWithinTheValuesOfTheRim(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let (width, height) = (24 + Int(random.next() % 20), 20 + Int(random.next() % 20))
    var raster = Raster(width: width, height: height)
    for i in raster.pixels.indices { raster.pixels[i] = Float(random.uniform()) * (random.uniform() < 0.2 ? 100 : 1) }
    var hole = Mask(width: width, height: height)
    for _ in 0..<4 {
      let (cx, cy, r) = (
        Int(random.next() % UInt64(width)), Int(random.next() % UInt64(height)), Int(random.next() % 6)
      )
      for y in max(0, cy - r)...min(height - 1, cy + r) {
        for x in max(0, cx - r)...min(width - 1, cx + r) where random.uniform() < 0.9 { hole[x, y] = true }
      }
    }
    let filled = Inpaint.telea(raster, hole: hole, radius: 1)
    let parts = Components.label(hole)
    for label in 1..<parts.areas.count {
      let own = parts.mask { $0 == label }
      let rim = Morphology.dilate(Morphology.dilate(own, ellipse: 3), ellipse: 3).subtracting(hole)
      let bounds = rim.bits.indices.filter { rim.bits[$0] != 0 }.map { raster.pixels[$0] }
      guard let low = bounds.min(), let high = bounds.max() else { continue }
      for i in own.bits.indices where own.bits[i] != 0 {
        #expect(filled.pixels[i] >= low && filled.pixels[i] <= high, "seed \(seed), pixel \(i)")
      }
    }
  }

  @Test func teleaRestoresAPlaneNearly() {
    let (truth, cut, hole) = Self.plane(41)
    // The plane falls 0.052 over the hole; a nearest fill errs by about half of that.
    #expect(Self.worst(Inpaint.telea(cut, hole: hole), truth) < 0.006)
    #expect(Self.worst(Inpaint.nearestBlur(cut, hole: hole), truth) < 0.03)
  }

  @Test(arguments: MapCleanup.Fill.allCases) func onlyTheHoleChanges(method: MapCleanup.Fill) {
    let (_, cut, hole) = Self.plane(23)
    let filled: Raster =
      switch method {
      case .telea: Inpaint.telea(cut, hole: hole)
      case .harmonic: Inpaint.harmonic(cut, hole: hole)
      case .nearestBlur: Inpaint.nearestBlur(cut, hole: hole)
      }
    for i in 0..<cut.pixels.count {
      if hole.bits[i] == 0 { #expect(filled.pixels[i] == cut.pixels[i]) } else { #expect(filled.pixels[i] > 0.2) }
    }
    // More than 8 bits: hardly any filled value is a multiple of 1/255.
    let levels = (0..<cut.pixels.count).filter {
      hole.bits[$0] != 0 && abs(filled.pixels[$0] * 255 - (filled.pixels[$0] * 255).rounded()) < 1e-3
    }
    #expect(levels.count < hole.count / 4)
  }

  @Test func unknownPixelsAreNotUsed() {
    // Beside the hole lies background (0) that must not bleed in: only the right half is known.
    var raster = Raster(width: 20, height: 20, repeating: 0.8)
    var hole = Mask(width: 20, height: 20)
    var known = Mask(width: 20, height: 20)
    for y in 0..<20 {
      for x in 0..<20 {
        if x < 8 { raster[x, y] = 0 }
        known[x, y] = x >= 12
        hole[x, y] = (8..<12).contains(x) && (5..<15).contains(y)
      }
    }
    for filled in [
      Inpaint.telea(raster, hole: hole, known: known), Inpaint.harmonic(raster, hole: hole, known: known),
      Inpaint.nearestBlur(raster, hole: hole, known: known),
    ] {
      for i in 0..<hole.bits.count where hole.bits[i] != 0 { #expect(abs(filled.pixels[i] - 0.8) < 1e-5) }
    }
  }

  @Test func nothingKnownChangesNothing() {
    let raster = pattern(6, 5, channels: 1, levels: 100)
    let all = Mask(width: 6, height: 5, repeating: true)
    #expect(Inpaint.telea(raster, hole: all) == raster)
    #expect(Inpaint.harmonic(raster, hole: all) == raster)
    #expect(Inpaint.nearestBlur(raster, hole: all, sigma: 0) == raster)
    let none = Mask(width: 6, height: 5)
    #expect(Inpaint.telea(raster, hole: none) == raster)
  }
}
