import Foundation
import Imaging
import NN

/// Resampling, filters, morphology and components of the imaging module. The fast algorithms of networks play no part here.
let imageOperations: [ParityOperation] = [
  ParityOperation("image", "cv2.resize *") { item, check in
    let stored = try item.tensors()
    let type = try item.text("dtype", default: "float32")
    try item.supports(["uint16", "float32"].contains(type), "images of type \(type)")
    let sixteen = type == "uint16"
    let input =
      try item.has("input_file") ? item.pictureFile() : item.raster(stored, "in.x", unit: sixteen ? 65535 : 1)
    let expected = try item.tensor(stored, "out.y")
    try item.require(expected.shape.count >= 2, "`out.y` has the shape \(expected.shape), which is no image")
    let (height, width) = (expected.shape[0], expected.shape[1])
    let storage: Resize.Storage = sixteen ? .sixteenBit : .float
    let output: Raster
    switch item.operation.split(separator: " ").last.map(String.init) {
    case "INTER_AREA": output = Resize.area(input, width: width, height: height, storage: storage)
    case "INTER_CUBIC": output = Resize.cubic(input, width: width, height: height, storage: storage)
    case "INTER_LINEAR": output = Resize.linear(input, width: width, height: height)
    case "INTER_NEAREST": output = Resize.nearest(input, width: width, height: height)
    default: throw ParityUnsupported("the interpolation of \(item.operation)")
    }
    let values = sixteen ? output.quantised16().map { Double($0) } : output.pixels.map { Double($0) }
    try item.compareImage(check, "out.y", output, values, expected)
  },
  ParityOperation("image", "8-bit low resolution map") { item, check in
    let map = try item.pictureFile()
    let expected = try item.tensor(try item.tensors(), "out.y")
    try item.require(
      map.channels == 1 && expected.shape.count == 2, "`out.y` has the shape \(expected.shape), which is no depth map")
    let scale = map.height / expected.shape[0]
    try item.require(
      scale > 0 && map.height == scale * expected.shape[0] && map.width == scale * expected.shape[1],
      "a map of \(map.height) x \(map.width) pixels is no multiple of the result \(expected.shape)")
    let output = QuantisedAreaReduction.apply(to: map, scale: scale)
    try item.compareImage(check, "out.y", output, output.quantised8().map { Double($0) }, expected)
  },
  ParityOperation("image", "Pillow BICUBIC on a float image") { item, check in
    let stored = try item.tensors()
    for (from, to) in [("in.x", "out.down"), ("out.down", "out.up")] {
      let expected = try item.tensor(stored, to)
      try item.require(expected.shape.count == 2, "`\(to)` has the shape \(expected.shape), which is no plane")
      let output = Resize.cubicAntialiased(
        try item.raster(stored, from), width: expected.shape[1], height: expected.shape[0])
      try item.compareImage(check, to, output, output.pixels.map { Double($0) }, expected)
    }
  },
  filter("gaussian_blur_*") { item, x, _ in
    try item.supportsOnly("border", "reflect_101")
    let sigma = try item.double("sigma", in: 0.01...100)
    // "automatic" is the size that OpenCV gives float images.
    if item.attributes["ksize"]?.stringValue != nil { return Filters.gaussian(x, sigma: sigma) }
    let taps = try item.int("ksize", in: 1...1025)
    try item.require(taps % 2 == 1, "the attribute `ksize` is \(taps), but must be odd")
    return Filters.gaussian(x, sigma: sigma, kernel: taps)
  },
  filter("gaussian_filter_scipy_*") { item, x, _ in
    let sigma = try item.double("sigma", in: 0.01...100)
    let radius = Int(try item.double("truncate", in: 0...16) * sigma + 0.5)
    return Filters.gaussian(x, sigma: sigma, kernel: 2 * radius + 1, border: .symmetric)
  },
  filter("sobel_*") { item, x, _ in Filters.sobel(x, try item.derivativeAxis()) },
  filter("scharr_*") { item, x, _ in Filters.scharr(x, try item.derivativeAxis()) },
  filter("bilateral_*") { item, x, unit in
    var result = x
    for _ in 0..<(try item.int("passes", default: 1, in: 1...16)) {
      result = Filters.bilateral(
        result, diameter: try item.int("d", in: 1...255), sigmaColor: try item.double("sigma_color") / unit,
        sigmaSpace: try item.double("sigma_space"))
      // An 8-bit image is rounded after every pass.
      if unit > 1 { result = result.quantised(levels: 255) }
    }
    return result
  },
  filter("joint_bilateral_*") { item, x, unit in
    let guide = try item.raster(try item.tensors(), "in.guide", unit: unit)
    try item.require(
      guide.width == x.width && guide.height == x.height, "`in.guide` and `in.x` are images of different sizes")
    return Filters.jointBilateral(
      x, guide: guide, diameter: try item.int("d", in: 1...255),
      sigmaColor: try item.double("sigma_color") / unit, sigmaSpace: try item.double("sigma_space"))
  },
  ParityOperation("image", "laplacian_*") { item, check in
    try item.supports(item.operation.hasSuffix("_k3"), "a Laplacian of another size than 3")
    let stored = try item.tensors()
    let x = try item.raster(stored, "in.x")
    try item.compareImage(check, "out.y", x, Filters.laplacianInDouble(x), try item.tensor(stored, "out.y"))
  },
  ParityOperation("image", "morph_*") { item, check in
    let stored = try item.tensors()
    let mask = Mask(try item.raster(stored, "in.mask"))
    let expected = try item.tensor(stored, "out.y")
    let iterations = try item.int("iterations", default: 1, in: 1...64)
    // The name reads morph_close_ellipse5_x2: operation, element and its side.
    guard let side = try firstNumber(in: item.operation, #"_ellipse(\d+)"#), side >= 1, side <= 255 else {
      throw ParityUnsupported("a structuring element other than an ellipse of 1 to 255 pixels")
    }
    let result: Mask
    switch item.operation.split(separator: "_").dropFirst().first {
    case "close": result = Morphology.close(mask, ellipse: Int(side), iterations: iterations)
    case "open": result = Morphology.open(mask, ellipse: Int(side), iterations: iterations)
    case "dilate": result = Morphology.dilate(mask, ellipse: Int(side), iterations: iterations)
    case "erode": result = Morphology.erode(mask, ellipse: Int(side), iterations: iterations)
    default: throw ParityUnsupported("the morphological operation of \(item.operation)")
    }
    // Masks are stored as 0 and 1 or as 0 and 255.
    let on = try item.tensor(stored, "in.mask").doubles.max() ?? 1
    try item.compareImage(check, "out.y", result.raster, result.bits.map { Double($0) * on }, expected)
  },
  ParityOperation("image", "connected_components*") { item, check in
    let stored = try item.tensors()
    let mask = Mask(try item.raster(stored, "in.mask"))
    for connectivity in [4, 8] {
      let parts = Components.label(mask, connectivity: connectivity)
      let count = try item.tensor(stored, "out.count_\(connectivity)").doubles
      check.expect([Double(parts.areas.count)] == count, "\(parts.areas.count) components, expected \(count)")
      let areas = try item.tensor(stored, "out.areas_\(connectivity)").doubles.sorted()
      check.expect(parts.areas.map { Double($0) }.sorted() == areas, "other areas with \(connectivity) neighbours")
      // The same partition: each of our labels goes with exactly one of theirs.
      let labels = try item.tensor(stored, "out.labels_\(connectivity)").integers
      try item.require(
        labels.count == parts.labels.count,
        "`out.labels_\(connectivity)` holds \(labels.count) labels for \(parts.labels.count) pixels")
      let pairs = Set(zip(parts.labels, labels).map { "\($0) \($1)" })
      check.expect(
        pairs.count == Set(labels).count && pairs.count == Set(parts.labels).count,
        "another partition with \(connectivity) neighbours")
    }
  },
]

/// A filter of `in.x`; 8-bit images are given as 0...1 and rounded again at the end.
private func filter(
  _ pattern: String, body: @escaping @Sendable (ParityCase, Raster, Double) throws -> Raster
) -> ParityOperation {
  ParityOperation("image", pattern) { item, check in
    let stored = try item.tensors()
    let unit = try item.tensor(stored, "in.x").type == .uint8 ? 255.0 : 1
    let output = try body(item, try item.raster(stored, "in.x", unit: unit), unit)
    let values = unit > 1 ? output.quantised8().map { Double($0) } : output.pixels.map { Double($0) }
    try item.compareImage(check, "out.y", output, values, try item.tensor(stored, "out.y"))
  }
}

extension ParityCase {
  /// [h, w] or [h, w, c] as a raster, divided by `unit`.
  func raster(_ stored: [String: StoredTensor], _ name: String, unit: Double = 1) throws -> Raster {
    let found = try tensor(stored, name)
    guard found.shape.count == 2 || found.shape.count == 3 else {
      throw ParityError("`\(name)` has the shape \(found.shape), but an image is [h, w] or [h, w, c]")
    }
    return Raster(
      width: found.shape[1], height: found.shape[0], channels: found.shape.count > 2 ? found.shape[2] : 1,
      pixels: found.doubles.map { Float($0) / Float(unit) })
  }

  /// The picture that `input_file` names.
  fileprivate func pictureFile() throws -> Raster {
    try ImageFile.read(folder.appending(path: try text("input_file"))).raster
  }

  /// Values of an image against [h, w] or [h, w, c].
  fileprivate func compareImage(
    _ check: ParityCheck, _ name: String, _ image: Raster, _ values: [Double], _ expected: StoredTensor
  ) throws {
    let plane = [image.height, image.width]
    check.compare(
      name, values, image.channels == 1 && expected.shape.count == 2 ? plane : plane + [image.channels],
      expected.doubles, expected.shape, try Tolerance(tolerance))
  }

  /// From the end of the operation's name: `_dx` or `_dy`.
  fileprivate func derivativeAxis() throws -> Filters.Axis {
    if operation.hasSuffix("_dx") { return .x }
    if operation.hasSuffix("_dy") { return .y }
    throw ParityUnsupported("a derivative along neither x nor y")
  }
}
