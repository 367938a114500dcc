import Imaging
import NN

/// Image metrics and point-cloud metrics under both protocols of the study.
let metricOperations: [ParityOperation] = [
  ParityOperation(where: { $0.group == "metrics" && $0.operation.hasPrefix("image_metrics") }) { item, check in
    let stored = try item.tensors()
    let (prediction, truth) = (try item.raster(stored, "in.pred"), try item.raster(stored, "in.gt"))
    var small = Mask(width: truth.width, height: truth.height)
    for i in 0..<99 { small[i, 5] = true }
    let masks: [(String, Mask?)] = [
      ("full", nil), ("masked", Mask(try item.raster(stored, "in.mask"))),
      ("masked_small_falls_back_to_full", small), ("full_float64", nil),
    ]
    for (group, mask) in masks {
      let metrics = ImageMetrics.compute(prediction: prediction, truth: truth, mask: mask)
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
        metrics.fellBack == (group == "masked_small_falls_back_to_full"), "\(group): wrong choice of the whole image")
    }
  },
  ParityOperation("metrics", "point-cloud metrics") { item, check in
    let stored = try item.tensors()
    var inputs = stored
    if let other = item.attributes["inputs_from_file"]?.stringValue {
      inputs = try Safetensors.read(item.folder.appending(path: other)).tensors
    }
    let (prediction, truth) = (try item.raster(inputs, "in.pred"), try item.raster(inputs, "in.gt"))
    let mask = Mask(try item.raster(inputs, "in.mask"))
    var rule: MeshProtocol = item.attributes["protocol"]?.stringValue == "A" ? .a : .b
    rule.subsample = try item.int("subsample")
    rule.thresholds = [0.01, 0.005, 0.001, 0.0005]
    guard let metrics = MeshMetrics.compute(prediction: prediction, truth: truth, mask: mask, under: rule) else {
      return check.fail("no points")
    }
    let exact = Tolerance(relative: 0, absolute: 0)
    let points = rule.cloud(prediction, mask: mask).points.prefix(64).flatMap { [$0.x, $0.y, $0.z] }
    let first = try item.tensor(stored, "out.first_points_pred")
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
    for (score, name) in zip(metrics.scores, ["0.01", "0.005", "0.001", "0.0005"]) {
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
    guard let value = tolerance[key]?.doubleValue else { throw ParityError("\(id): the tolerance `\(key)` is missing") }
    return value
  }
}
