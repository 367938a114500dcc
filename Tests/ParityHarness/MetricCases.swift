import Imaging
import NN

/// Image metrics and point-cloud metrics under both protocols of the study.
let metricOperations: [ParityOperation] = [
  ParityOperation("metrics", "image_metrics*") { item, check in
    let stored = try item.tensors()
    let (prediction, truth, mask) = try item.maps(stored)
    // A mask with fewer pixels than count: the metrics then look at the whole image.
    var small = Mask(width: truth.width, height: truth.height)
    for index in 0..<min(ImageMetrics.minimumPixels - 1, small.bits.count) { small.bits[index] = 1 }
    let masks: [(String, Mask?)] = [
      ("full", nil), ("masked", mask), ("masked_small_falls_back_to_full", small), ("full_float64", nil),
    ]
    for (group, mask) in masks where stored.keys.contains(where: { $0.hasPrefix("out.\(group).") }) {
      let metrics = ImageMetrics(prediction: prediction, truth: truth, mask: mask)
      let values = [
        ("L1", metrics.l1, "atol"), ("RMSE", metrics.rmse, "atol"), ("PSNR", metrics.psnr, "PSNR_atol_dB"),
        ("SSIM", metrics.ssim, "SSIM_atol"),
      ]
      for (key, value, absolute) in values {
        guard let expected = stored["out.\(group).\(key)"] else { continue }
        let tolerance = Tolerance(
          relative: try item.number("rtol"), absolute: try item.number(absolute))
        check.compare("\(group).\(key)", [value], [1], expected.doubles, expected.shape, tolerance)
      }
      check.expect(
        metrics.fellBack == (mask.map { $0.count < ImageMetrics.minimumPixels } ?? false),
        "\(group): wrong choice of the whole image")
    }
  },
  ParityOperation("metrics", "point-cloud metrics") { item, check in
    let stored = try item.tensors()
    let inputs =
      try item.has("inputs_from_file")
      ? ParityCase.read(item.folder.appending(path: try item.text("inputs_from_file"))) : stored
    let (prediction, truth, mask) = try item.maps(inputs)
    var rule: MeshProtocol
    switch try item.text("protocol") {
    case "A": rule = .a
    case "B": rule = .b
    case let other: throw ParityUnsupported("the protocol \(other)")
    }
    rule.subsample = try item.int("subsample", in: 1...1024)
    // The thresholds are those whose scores the file holds.
    let names = stored.keys.filter { $0.hasPrefix("out.fscore_") }.map { String($0.dropFirst("out.fscore_".count)) }
      .sorted()
    rule.thresholds = try names.map { name in
      guard let threshold = Double(name) else { throw ParityError("`out.fscore_\(name)` names no threshold") }
      return threshold
    }
    guard let metrics = MeshMetrics.compute(prediction: prediction, truth: truth, mask: mask, under: rule) else {
      return check.fail("no points")
    }
    let exact = Tolerance(relative: 0, absolute: 0)
    let first = try item.tensor(stored, "out.first_points_pred")
    let points = rule.cloud(prediction, mask: mask).points.prefix(first.shape.first ?? 0).flatMap {
      [$0.x, $0.y, $0.z]
    }
    check.compare("first_points_pred", points, [points.count / 3, 3], first.doubles, first.shape, exact)
    let counts = try item.tensor(stored, "out.point_counts")
    check.compare(
      "point_counts", [Double(metrics.predictedPoints), Double(metrics.truePoints)], [2], counts.doubles, counts.shape,
      exact)
    let close = Tolerance(relative: try item.number("rtol"), absolute: try item.number("atol"))
    let loose = Tolerance(relative: try item.number("rtol"), absolute: try item.number("fscore_atol"))
    var values = [
      ("chamfer_l1", metrics.chamferL1, close), ("chamfer_l2", metrics.chamferL2, close),
      ("hausdorff", metrics.hausdorff, close), ("smoothness_pred", metrics.smoothness, close),
    ]
    for (score, name) in zip(metrics.scores, names) {
      values.append(("fscore_\(name)", score.fScore, loose))
      values.append(("precision_\(name)", score.precision, loose))
      values.append(("recall_\(name)", score.recall, loose))
    }
    for (name, value, tolerance) in values {
      let expected = try item.tensor(stored, "out.\(name)")
      check.compare(name, [value], [1], expected.doubles, expected.shape, tolerance)
    }
  },
]

extension ParityCase {
  fileprivate func number(_ key: String) throws -> Double {
    guard let value = tolerance[key]?.doubleValue else { throw ParityError("the tolerance `\(key)` is missing") }
    return value
  }

  /// Prediction, truth and mask, all of one size and with one channel.
  fileprivate func maps(_ stored: [String: StoredTensor]) throws -> (Raster, Raster, Mask) {
    let maps = try ["in.pred", "in.gt", "in.mask"].map { try raster(stored, $0) }
    try require(
      maps.allSatisfy { $0.channels == 1 && $0.width == maps[0].width && $0.height == maps[0].height },
      "`in.pred`, `in.gt` and `in.mask` must be planes of one size")
    return (maps[0], maps[1], Mask(maps[2]))
  }
}
