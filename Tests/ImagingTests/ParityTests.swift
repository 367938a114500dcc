import Basics
import Foundation
import Imaging
import Testing

/// The cases of the parity folder's groups `image` and `metrics`.
@Suite(.enabled(if: sharedFolder != nil, "needs the shared folder (SHARED_DIR)"))
struct ParityTests {
  @Test(arguments: [
    "resize_area_u16_big_div4", "resize_area_f32_big_div4", "resize_area_u16_div4", "resize_area_f32_div4",
    "resize_area_f32_non_integer", "resize_cubic_u16_up4", "resize_cubic_f32_up4", "resize_cubic_f32_up_odd",
    "resize_cubic_u16_down4", "resize_cubic_f32_down4", "resize_cubic_f32_big_down4", "resize_linear_f32_up4",
    "resize_nearest_f32_up4", "resize_nearest_f32_odd",
  ]) func resize(name: String) throws {
    let fixture = try Fixture("image/\(name)")
    let sixteen = name.contains("u16")
    let input: Raster
    if let file = fixture.attributes["input_file"]?.stringValue {
      let image = try ImageFile.read(Fixture.folder().appending(path: file))
      #expect(image.bitDepth == 16)
      input = image.raster
    } else {
      input = try fixture["in.x"].raster(scale: sixteen ? 65535 : 1)
    }
    let expected = try fixture["out.y"]
    let (width, height) = (expected.shape[1], expected.shape[0])
    let storage: Resize.Storage = sixteen ? .sixteenBit : .float
    let output =
      name.contains("area")
      ? Resize.area(input, width: width, height: height, storage: storage)
      : name.contains("cubic")
        ? Resize.cubic(input, width: width, height: height, storage: storage)
        : name.contains("linear")
          ? Resize.linear(input, width: width, height: height)
          : Resize.nearest(input, width: width, height: height)
    let values = sixteen ? output.quantised16().map { Double($0) } : output.pixels.map { Double($0) }
    #expect(fixture.excess(values, expected) == nil)
  }

  @Test func studysLowResolutionMap() throws {
    let fixture = try Fixture("image/lr_8bit_big")
    let map = try ImageFile.read(Fixture.folder().appending(path: "image/big_u16.png")).raster
    let small = QuantisedAreaReduction.apply(to: map)
    #expect(fixture.excess(small.quantised8().map { Double($0) }, try fixture["out.y"]) == nil)
  }

  @Test func pillow() throws {
    let fixture = try Fixture("image/pillow_bicubic_down4_up4")
    let down = Resize.cubicAntialiased(try fixture["in.x"].raster(), width: 16, height: 16)
    #expect(fixture.excess(down, try fixture["out.down"]) == nil)
    let up = Resize.cubicAntialiased(try fixture["out.down"].raster(), width: 64, height: 64)
    #expect(fixture.excess(up, try fixture["out.up"]) == nil)
  }

  @Test(arguments: [
    "gaussian_blur_u8_5x5_s1", "gaussian_blur_f32_auto_s1.6", "gaussian_filter_scipy_s3.6", "sobel_f32_dx",
    "scharr_f32_dx", "bilateral_u8_c3_d9", "bilateral_u8_c3_d15_twice", "bilateral_f32_d5",
    "joint_bilateral_u8_c3_d9", "joint_bilateral_f32_d7",
  ]) func filter(name: String) throws {
    let fixture = try Fixture("image/\(name)")
    let eight = name.contains("u8")
    let x = try fixture["in.x"].raster(scale: eight ? 255 : 1)
    let unit = eight ? 255.0 : 1
    let diameter = fixture.attributes["d"]?.intValue ?? 0
    let colour = (fixture.attributes["sigma_color"]?.doubleValue ?? 0) / unit
    let space = fixture.attributes["sigma_space"]?.doubleValue ?? 0
    let output: Raster
    switch name {
    case "gaussian_blur_u8_5x5_s1": output = Filters.gaussian(x, sigma: 1, kernel: 5)
    case "gaussian_blur_f32_auto_s1.6": output = Filters.gaussian(x, sigma: 1.6)
    case "gaussian_filter_scipy_s3.6":
      output = Filters.gaussian(x, sigma: 3.6, kernel: 2 * Int(4 * 3.6 + 0.5) + 1, border: .symmetric)
    case "sobel_f32_dx": output = Filters.sobel(x, .x)
    case "scharr_f32_dx": output = Filters.scharr(x, .x)
    case "joint_bilateral_u8_c3_d9", "joint_bilateral_f32_d7":
      output = Filters.jointBilateral(
        x, guide: try fixture["in.guide"].raster(scale: unit), diameter: diameter, sigmaColor: colour,
        sigmaSpace: space)
    default:
      var result = x
      for _ in 0..<(fixture.attributes["passes"]?.intValue ?? 1) {
        result = Filters.bilateral(result, diameter: diameter, sigmaColor: colour, sigmaSpace: space)
        if eight { result = result.quantised(levels: 255) }
      }
      output = result
    }
    let values = eight ? output.quantised8().map { Double($0) } : output.pixels.map { Double($0) }
    #expect(fixture.excess(values, try fixture["out.y"]) == nil)
  }

  @Test func laplacian() throws {
    let fixture = try Fixture("image/laplacian_f64_k3")
    let output = Filters.laplacianInDouble(try fixture["in.x"].raster())
    #expect(fixture.excess(output, try fixture["out.y"]) == nil)
  }

  @Test func closing() throws {
    let fixture = try Fixture("image/morph_close_ellipse5_x2")
    var dot = Mask(width: 9, height: 9)
    dot[4, 4] = true
    let kernel = Morphology.dilate(dot, ellipse: 5).raster.cropped(x: 2, y: 2, width: 5, height: 5)
    #expect(kernel == (try fixture["in.kernel"].raster()))
    let closed = Morphology.close(Mask(try fixture["in.mask"].raster()), ellipse: 5, iterations: 2)
    let scale = (try fixture["out.y"].values.max() ?? 1)
    #expect(fixture.excess(closed.bits.map { Double($0) * scale }, try fixture["out.y"]) == nil)
  }

  @Test(arguments: [0, 1, 2], [4, 8]) func components(number: Int, connectivity: Int) throws {
    let fixture = try Fixture("image/connected_components_\(number)")
    let parts = Components.label(Mask(try fixture["in.mask"].raster()), connectivity: connectivity)
    #expect(try Double(parts.areas.count) == fixture["out.count_\(connectivity)"].values[0])
    // The same partition: each of our labels goes with exactly one of theirs.
    let labels = try fixture["out.labels_\(connectivity)"].values
    let pairs = Set(zip(parts.labels, labels).map { "\($0) \($1)" })
    #expect(pairs.count == Set(labels).count && pairs.count == Set(parts.labels).count)
    #expect(try parts.areas.map { Double($0) }.sorted() == fixture["out.areas_\(connectivity)"].values.sorted())
  }

  @Test(arguments: ["near", "far", "same"]) func imageMetrics(name: String) throws {
    let fixture = try Fixture("metrics/image_metrics_\(name)")
    let (prediction, truth) = (try fixture["in.pred"].raster(), try fixture["in.gt"].raster())
    let mask = Mask(try fixture["in.mask"].raster())
    var small = Mask(width: truth.width, height: truth.height)
    for i in 0..<99 { small[i, 5] = true }
    for (group, mask) in [
      ("full", nil), ("masked", mask), ("masked_small_falls_back_to_full", small),
    ] as [(String, Mask?)] {
      let metrics = ImageMetrics(prediction: prediction, truth: truth, mask: mask)
      for (key, value, tolerance) in [
        ("L1", metrics.l1, fixture.absolute), ("RMSE", metrics.rmse, fixture.absolute),
        ("PSNR", metrics.psnr, fixture.tolerance["PSNR_atol_dB"]?.doubleValue ?? 0),
        ("SSIM", metrics.ssim, fixture.tolerance["SSIM_atol"]?.doubleValue ?? 0),
      ] {
        let expected = try fixture["out.\(group).\(key)"].values[0]
        #expect(abs(value - expected) <= tolerance + fixture.relative * abs(expected), "\(group) \(key)")
      }
      #expect(metrics.fellBack == (group == "masked_small_falls_back_to_full"))
    }
  }

  @Test(arguments: ["A", "B"], ["near_sub1", "near_sub2", "far_sub1", "far_sub2"])
  func meshMetrics(letter: String, variant: String) throws {
    let fixture = try Fixture("metrics/mesh_\(letter)_\(variant)")
    var rule: MeshProtocol = letter == "A" ? .a : .b
    rule.subsample = fixture.attributes["subsample"]?.intValue ?? 0
    rule.thresholds = [0.01, 0.005, 0.001, 0.0005]
    let (prediction, truth) = (try fixture["in.pred"].raster(), try fixture["in.gt"].raster())
    let mask = Mask(try fixture["in.mask"].raster())
    let cloud = rule.cloud(prediction, mask: mask).points
    let first = cloud.prefix(64).flatMap { [$0.x, $0.y, $0.z] }
    #expect(try first == fixture["out.first_points_pred"].values)
    let metrics = try #require(MeshMetrics.compute(prediction: prediction, truth: truth, mask: mask, under: rule))
    #expect(
      try fixture["out.point_counts"].values == [Double(metrics.predictedPoints), Double(metrics.truePoints)])
    var values: [(String, Double, Double)] = [
      ("chamfer_l1", metrics.chamferL1, fixture.absolute), ("chamfer_l2", metrics.chamferL2, fixture.absolute),
      ("hausdorff", metrics.hausdorff, fixture.absolute), ("smoothness_pred", metrics.smoothness, fixture.absolute),
    ]
    let loose = fixture.tolerance["fscore_atol"]?.doubleValue ?? 0
    for (score, name) in zip(metrics.scores, ["0.01", "0.005", "0.001", "0.0005"]) {
      values += [
        ("fscore_\(name)", score.fScore, loose), ("precision_\(name)", score.precision, loose),
        ("recall_\(name)", score.recall, loose),
      ]
    }
    for (name, value, tolerance) in values {
      let expected = try fixture["out.\(name)"].values[0]
      #expect(abs(value - expected) <= tolerance + fixture.relative * abs(expected), "\(name)")
    }
  }
}
