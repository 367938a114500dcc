import Foundation
import Imaging
import NN

/// Resampling, filters, morphology and components of the imaging module. The fast algorithms of networks play no part here.
let imageOperations: [ParityOperation] = [
  ParityOperation(where: { $0.group == "image" && $0.operation.hasPrefix("cv2.resize") }) { item, check in
    let stored = try item.tensors()
    let sixteen = item.attributes["dtype"]?.stringValue == "uint16"
    let input: Raster
    if let file = item.attributes["input_file"]?.stringValue {
      input = try ImageFile.read(item.folder.appending(path: file)).raster
    } else {
      input = try item.raster(stored, "in.x", unit: sixteen ? 65535 : 1)
    }
    let expected = try item.tensor(stored, "out.y")
    let (height, width) = (expected.shape[0], expected.shape[1])
    let storage: Resize.Storage = sixteen ? .sixteenBit : .float
    let output: Raster
    switch item.operation.split(separator: " ").last.map(String.init) {
    case "INTER_AREA": output = Resize.area(input, width: width, height: height, storage: storage)
    case "INTER_CUBIC": output = Resize.cubic(input, width: width, height: height, storage: storage)
    case "INTER_LINEAR": output = Resize.linear(input, width: width, height: height)
    case "INTER_NEAREST": output = Resize.nearest(input, width: width, height: height)
    default: throw ParityError("\(item.id): unknown interpolation")
    }
    let values = sixteen ? output.quantised16().map { Double($0) } : output.pixels.map { Double($0) }
    check.compare("out.y", values, [height, width], expected.doubles, expected.shape, try Tolerance(item.tolerance))
  },
  image("8-bit low resolution map") { item, _ in
    let map = try ImageFile.read(item.folder.appending(path: "image/big_u16.png")).raster
    return Degradation.apply(kind: .renderQ8, to: map, seed: 0).quantised8().map { Double($0) }
  },
  ParityOperation("image", "Pillow BICUBIC on a float image") { item, check in
    let stored = try item.tensors()
    for (from, to) in [("in.x", "out.down"), ("out.down", "out.up")] {
      let expected = try item.tensor(stored, to)
      let output = Resize.cubicAntialiased(
        try item.raster(stored, from), width: expected.shape[1], height: expected.shape[0])
      check.compare(
        to, output.pixels.map { Double($0) }, expected.shape, expected.doubles, expected.shape,
        try Tolerance(item.tolerance))
    }
  },
  filter("gaussian_blur_u8_5x5_s1") { item, x, _ in
    Filters.gaussian(x, sigma: try item.double("sigma"), kernel: try item.int("ksize"))
  },
  filter("gaussian_blur_f32_auto_s1.6") { item, x, _ in Filters.gaussian(x, sigma: try item.double("sigma")) },
  filter("gaussian_filter_scipy_s3.6") { item, x, _ in
    let sigma = try item.double("sigma")
    let radius = Int(try item.double("truncate") * sigma + 0.5)
    return Filters.gaussian(x, sigma: sigma, kernel: 2 * radius + 1, border: .symmetric)
  },
  filter("sobel_f32_dx") { _, x, _ in Filters.sobel(x, .x) },
  filter("scharr_f32_dx") { _, x, _ in Filters.scharr(x, .x) },
  filter("bilateral_u8_c3_d9", "bilateral_u8_c3_d15_twice", "bilateral_f32_d5") { item, x, unit in
    var result = x
    for _ in 0..<(try item.int("passes", default: 1)) {
      result = Filters.bilateral(
        result, diameter: try item.int("d"), sigmaColor: try item.double("sigma_color") / unit,
        sigmaSpace: try item.double("sigma_space"))
      // An 8-bit image is rounded after every pass.
      if unit > 1 { result = result.quantised(levels: 255) }
    }
    return result
  },
  filter("joint_bilateral_u8_c3_d9", "joint_bilateral_f32_d7") { item, x, unit in
    Filters.jointBilateral(
      x, guide: try item.raster(try item.tensors(), "in.guide", unit: unit), diameter: try item.int("d"),
      sigmaColor: try item.double("sigma_color") / unit, sigmaSpace: try item.double("sigma_space"))
  },
  image("laplacian_f64_k3") { item, stored in Filters.laplacianInDouble(try item.raster(stored, "in.x")) },
  image("morph_close_ellipse5_x2") { item, stored in
    let closed = Morphology.close(
      Mask(try item.raster(stored, "in.mask")), ellipse: 5, iterations: try item.int("iterations"))
    let on = try item.tensor(stored, "out.y").doubles.max() ?? 1
    return closed.bits.map { Double($0) * on }
  },
  ParityOperation(where: { $0.group == "image" && $0.operation.hasPrefix("connected_components") }) { item, check in
    let stored = try item.tensors()
    let mask = Mask(try item.raster(stored, "in.mask"))
    for connectivity in [4, 8] {
      let parts = Components.label(mask, connectivity: connectivity)
      let count = try item.tensor(stored, "out.count_\(connectivity)").doubles
      check.expect([Double(parts.areas.count)] == count, "\(parts.areas.count) components, expected \(count)")
      let areas = try item.tensor(stored, "out.areas_\(connectivity)").doubles.sorted()
      check.expect(parts.areas.map { Double($0) }.sorted() == areas, "other areas")
      // The same partition: each of our labels goes with exactly one of theirs.
      let labels = try item.tensor(stored, "out.labels_\(connectivity)").integers
      let pairs = Set(zip(parts.labels, labels).map { "\($0) \($1)" })
      check.expect(
        pairs.count == Set(labels).count && pairs.count == Set(parts.labels).count,
        "another partition with \(connectivity) neighbours")
    }
  },
]

/// One output `out.y`, computed as plain values.
private func image(
  _ operation: String, _ body: @escaping @Sendable (ParityCase, [String: StoredTensor]) throws -> [Double]
) -> ParityOperation {
  ParityOperation("image", operation) { item, check in
    let stored = try item.tensors()
    let expected = try item.tensor(stored, "out.y")
    let values = try body(item, stored)
    check.expect(values.count == expected.count, "\(values.count) values, expected \(expected.count)")
    if values.count == expected.count {
      check.compare(
        "out.y", values, expected.shape, expected.doubles, expected.shape, try Tolerance(item.tolerance))
    }
  }
}

/// A filter of `in.x`; 8-bit images are given as 0...1 and rounded again at the end.
private func filter(
  _ operations: String..., body: @escaping @Sendable (ParityCase, Raster, Double) throws -> Raster
) -> ParityOperation {
  let names = Set(operations)
  return ParityOperation(where: { $0.group == "image" && names.contains($0.operation) }) { item, check in
    let stored = try item.tensors()
    let unit = try item.tensor(stored, "in.x").type == .uint8 ? 255.0 : 1
    let output = try body(item, try item.raster(stored, "in.x", unit: unit), unit)
    let expected = try item.tensor(stored, "out.y")
    let values = unit > 1 ? output.quantised8().map { Double($0) } : output.pixels.map { Double($0) }
    check.compare("out.y", values, expected.shape, expected.doubles, expected.shape, try Tolerance(item.tolerance))
  }
}

extension ParityCase {
  /// h x w or h x w x c as a raster, divided by `unit`.
  func raster(_ stored: [String: StoredTensor], _ name: String, unit: Double = 1) throws -> Raster {
    let found = try tensor(stored, name)
    guard found.shape.count >= 2 else { throw ParityError("\(id): `\(name)` is no image") }
    return Raster(
      width: found.shape[1], height: found.shape[0], channels: found.shape.count > 2 ? found.shape[2] : 1,
      pixels: found.doubles.map { Float($0) / Float(unit) })
  }
}
