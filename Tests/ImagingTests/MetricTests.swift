import Basics
import Foundation
import Imaging
import Testing

@Suite struct StatisticsTests {
  @Test func summaries() {
    let values: [Double] = [2, 4, 4, 4, 5, 5, 7, 9]
    #expect(Statistics.mean(values) == 5)
    #expect(abs(Statistics.standardDeviation(values) - 2.138089935299395) < 1e-12)
    #expect(Statistics.standardDeviation([3]) == 0 && Statistics.mean([]).isNaN)
    for (percent, expected) in [(0.0, 1.0), (25, 1.75), (40, 2.2), (99.9, 9.979), (100, 10)] {
      #expect(abs(Statistics.percentile([10, 2, 1, 3], percent) - expected) < 1e-12)
      #expect(abs(Statistics.percentiles([10, 2, 1, 3], [percent])[0] - expected) < 1e-6)
    }
  }

  @Test func selectionEqualsSorting() {
    var random = SeededRandom(seed: 9)
    let values = (0..<5001).map { _ in Float(random.index(below: 300)) }
    let sorted = values.map { Double($0) }
    for percent in [0, 0.1, 1, 50, 77.7, 99.9, 100] {
      #expect(abs(Statistics.percentiles(values, [percent])[0] - Statistics.percentile(sorted, percent)) < 1e-9)
    }
  }

  // Expected figures from SciPy 1.17.
  @Test func wilcoxon() throws {
    let a = [3.1, 2.4, 5.5, 1.2, 4.4, 3.9, 2.2, 6.1, 0.5, 3.3]
    let b = [2.9, 2.8, 4.1, 1.5, 3.6, 3.2, 2.4, 5.0, 0.9, 2.7]
    let t = try #require(Statistics.pairedT(a, b))
    #expect(abs(t.statistic - 1.6759824573820068) < 1e-9 && abs(t.pValue - 0.1280595224716379) < 1e-9)
    let wave = (0..<40).map { (sin(Double($0) * 1.7) * 30).rounded() / 10 }
    let other = (0..<40).map { ((cos(Double($0) * 0.9) * 3 - 0.4) * 10).rounded() / 10 }
    let w = try #require(Statistics.pairedT(wave, other))
    #expect(abs(w.pValue - 0.32440003696252323) < 1e-6)
    let exact = try #require(Statistics.wilcoxon([1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0]))
    #expect(exact.statistic == 0 && abs(exact.pValue - 0.03125) < 1e-12 && exact.pairs == 6)
    let same = try #require(Statistics.wilcoxon(a, a))
    #expect(same.pValue == 1 && same.pairs == 0)
    #expect(Statistics.wilcoxon([1], [1, 2]) == nil)
  }

  @Test func bootstrapIsSeededAndCoversTheMean() throws {
    var random = SeededRandom(seed: 2)
    let values = (0..<129).map { _ in 40 + 2 * random.normal() }
    let interval = try #require(Statistics.bootstrapInterval(values, seed: 1))
    let again = try #require(Statistics.bootstrapInterval(values, seed: 1))
    #expect(interval == again)
    let mean = Statistics.mean(values)
    #expect(interval.low < mean && mean < interval.high)
    // 1.96 standard errors each way, within a tenth.
    let halfWidth = 1.96 * Statistics.standardDeviation(values) / 129.0.squareRoot()
    #expect(abs((interval.high - interval.low) / 2 - halfWidth) < 0.1 * halfWidth)
    #expect(Statistics.bootstrapInterval([1], seed: 1) == nil)
  }
}

@Suite struct ImageMetricTests {
  @Test func knownErrors() {
    let truth = Raster(width: 20, height: 20, repeating: 0.5)
    let metrics = ImageMetrics(prediction: truth.mapped { $0 + 0.1 }, truth: truth)
    #expect(abs(metrics.l1 - 0.1) < 1e-6 && abs(metrics.rmse - 0.1) < 1e-6 && abs(metrics.psnr - 20) < 1e-4)
    #expect(metrics.gradientL1 < 1e-6 && metrics.count == 400 && !metrics.fellBack)
    #expect(metrics.delta == [1, 1, 1])
    let same = ImageMetrics(prediction: truth, truth: truth)
    #expect(same.psnr == 120 && same.ssim == 1 && same.gradientSSIM == 1)
    let double = ImageMetrics(prediction: truth.mapped { $0 * 1.5 }, truth: truth)
    #expect(double.delta == [0, 1, 1])
  }

  @Test(arguments: [(1, 1), (1, 20), (6, 3), (7, 7), (8, 30)]) func anySizeHasASSIM(size: (Int, Int)) {
    let a = pattern(size.0, size.1, channels: 1, levels: 255)
    #expect(abs(StructuralSimilarity.mean(a, a) - 1) < 1e-12)
    let b = a.mapped { 1 - $0 }
    #expect(StructuralSimilarity.mean(a, b) < 1)
  }

  @Test func theBorderIsLeftOut() {
    let truth = Raster(width: 40, height: 40, repeating: 0.5)
    var wrong = truth
    for i in 0..<40 { wrong[i, 0] = 1 }
    #expect(ImageMetrics(prediction: wrong, truth: truth).l1 > 0)
    #expect(ImageMetrics(prediction: wrong, truth: truth, border: 6).l1 == 0)
    #expect(ImageMetrics(prediction: wrong, truth: truth, border: 6).count == 28 * 28)
  }

  @Test func theTwoAggregationsDiffer() {
    let errors = [1e-4, 1e-2]
    #expect(abs(PSNR.meanOfSamples(errors) - 30) < 1e-4)
    #expect(abs(PSNR.ofMeanError(errors) - 22.967) < 1e-3)
  }

  @Test func normalAngles() throws {
    let a = Raster(width: 2, height: 1, channels: 3, pixels: [0, 0, 1, 0, 0, 1])
    let b = Raster(width: 2, height: 1, channels: 3, pixels: [0, 0, 1, 1, 0, 0])
    let metrics = try #require(NormalMetrics.compute(prediction: a, truth: b))
    #expect(abs(metrics.mean - 45) < 1e-9 && metrics.within == [0.5, 0.5, 0.5])
    #expect(NormalMetrics.compute(prediction: a, truth: Raster(width: 2, height: 1, channels: 3)) == nil)
  }
}

@Suite struct CloudTests {
  static func randomCloud(_ width: Int, _ height: Int, kind: String, seed: UInt64) -> PointCloud {
    var random = SeededRandom(seed: seed)
    var cloud = PointCloud(emptyWidth: width, height: height)
    for i in 0..<width * height where kind != "sparse" || random.uniform() < 0.1 {
      let (x, y) = (Double(i % width), Double(i / width))
      switch kind {
      case "scattered": cloud.set(i, SIMD3(random.normal(), random.normal(), random.normal()))
      case "equal": cloud.set(i, SIMD3(1, 2, 3))
      default: cloud.set(i, SIMD3(x / 10, y / 10, sin(x / 5) + 0.05 * random.normal()))
      }
    }
    return cloud
  }

  @Test(
    arguments: ["surface", "sparse", "scattered", "equal"],
    [(1, 1, 1, 1), (1, 13, 7, 1), (20, 20, 20, 20), (33, 17, 5, 41)])
  func neighboursEqualBruteForce(kind: String, size: (Int, Int, Int, Int)) throws {
    let a = Self.randomCloud(size.0, size.1, kind: kind, seed: 1)
    let b = Self.randomCloud(size.2, size.3, kind: kind, seed: 2)
    if a.count == 0 || b.count == 0 {
      #expect(NearestNeighbours.squaredDistances(from: a, to: b) == nil)
      return
    }
    let targets = b.points
    let expected = a.points.map { p in
      targets.map { q in
        let d = q - p
        return d.x * d.x + d.y * d.y + d.z * d.z
      }.min() ?? .nan
    }
    #expect(try #require(NearestNeighbours.squaredDistances(from: a, to: b)) == expected)
    let summary = try #require(NearestNeighbours.summary(from: a, to: b, thresholds: [0.1, 0.5]))
    #expect(summary.count == expected.count)
    #expect(summary.maximum == expected.map { $0.squareRoot() }.max())
    #expect(abs(summary.mean - Statistics.mean(expected.map { $0.squareRoot() })) < 1e-12)
    #expect(summary.within[0] == Double(expected.filter { $0.squareRoot() < 0.1 }.count) / Double(expected.count))
  }

  @Test func threadsDoNotChangeTheSums() {
    let a = Self.randomCloud(200, 150, kind: "surface", seed: 1)
    let b = Self.randomCloud(200, 150, kind: "surface", seed: 2)
    let one = ThreadBudget.with(1) { NearestNeighbours.summary(from: a, to: b, thresholds: [0.01]) }
    let eight = ThreadBudget.with(8) { NearestNeighbours.summary(from: a, to: b, thresholds: [0.01]) }
    #expect(one == eight)
  }

  @Test func theProtocolsDecideTheScore() throws {
    let (depth, opacity) = head(128)
    let mask = Mask(opacity)
    let worse = depth.mapped { $0 * 1.004 }
    let a = try #require(MeshMetrics.compute(prediction: worse, truth: depth, mask: mask, under: .a))
    let b = try #require(MeshMetrics.compute(prediction: worse, truth: depth, mask: mask, under: .b))
    // The same prediction: nearly perfect at tau 0.01, poor at 0.001.
    #expect(a.scores[0].fScore > 0.99 && b.scores[0].fScore < 0.8)
    #expect(MeshProtocol.a.description.contains("0.01, 0.005") && MeshProtocol.b.description.contains("f = 500"))
    let same = try #require(
      MeshMetrics.compute(prediction: depth, truth: depth, mask: mask, under: .world(near: 2, far: 3)))
    #expect(same.chamferL1 == 0 && same.hausdorff == 0 && same.scores.allSatisfy { $0.fScore == 1 })
    let empty = Mask(width: 128, height: 128)
    #expect(MeshMetrics.compute(prediction: depth, truth: depth, mask: empty, under: .a) == nil)
  }

  @Test func worldUnitsAreMetric() throws {
    // Two flat maps 0.1 apart in depth: 0.1 * (far - near) in the world, seen at the principal point.
    let near = Raster(width: 101, height: 101, repeating: 0.6)
    let far = Raster(width: 101, height: 101, repeating: 0.5)
    var centre = Mask(width: 101, height: 101)
    for y in 40..<61 { for x in 40..<61 { centre[x, y] = true } }
    let metrics = try #require(
      MeshMetrics.compute(prediction: near, truth: far, mask: centre, under: .world(near: 2, far: 4)))
    #expect(abs(metrics.hausdorff - 0.2) < 0.02 && metrics.chamferL1 >= 0.2 - 1e-6)
  }
}
