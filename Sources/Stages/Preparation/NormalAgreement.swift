import Basics
import Foundation
import Imaging
import Reporting

/// How well imported normals follow those of the depth maps, axis by axis: uncentred correlations, summed over samples.
struct NormalAgreement: Hashable {
  /// products[i][j]: sum over pixels of imported component i times derived component j.
  var products = [[Double]](repeating: [0, 0, 0], count: 3)
  var importedSquares = [0.0, 0.0, 0.0]
  var derivedSquares = [0.0, 0.0, 0.0]
  var pixels = 0

  init() {}

  /// Compares unit vectors inside the foreground, away from its edge, where depth maps are blended with the background.
  init(_ imported: Raster, depth: Raster, foreground: Mask) {
    let derived = Normals.flipped(Normals.fromDepth(depth, sigma: max(1.5, Double(depth.width) / 256)))
    let inner = Morphology.erode(foreground, ellipse: max(3, depth.width / 64) | 1, iterations: 1)
    for pixel in 0..<(depth.width * depth.height) where inner[pixel] {
      for i in 0..<3 {
        let a = Double(imported.pixels[pixel * 3 + i])
        let b = Double(derived.pixels[pixel * 3 + i])
        importedSquares[i] += a * a
        derivedSquares[i] += b * b
        for j in 0..<3 { products[i][j] += a * Double(derived.pixels[pixel * 3 + j]) }
      }
      pixels += 1
    }
  }

  init?(json: JSON) {
    guard let rows = json["products"]?.arrayValue, let imported = json["imported"]?.arrayValue,
      let derived = json["derived"]?.arrayValue, let pixels = json["pixels"]?.intValue
    else { return nil }
    products = rows.map { ($0.arrayValue ?? []).compactMap(\.doubleValue) }
    importedSquares = imported.compactMap(\.doubleValue)
    derivedSquares = derived.compactMap(\.doubleValue)
    self.pixels = pixels
  }

  var json: JSON {
    func list(_ values: [Double]) -> JSON { .array(values.map { .double(rounded($0, 3)) }) }
    return [
      "products": .array(products.map(list)), "imported": list(importedSquares), "derived": list(derivedSquares),
      "pixels": .int(pixels),
    ]
  }

  mutating func add(_ other: NormalAgreement) {
    for i in 0..<3 {
      importedSquares[i] += other.importedSquares[i]
      derivedSquares[i] += other.derivedSquares[i]
      for j in 0..<3 { products[i][j] += other.products[i][j] }
    }
    pixels += other.pixels
  }

  /// -1...1: imported component i against derived component j.
  func correlation(_ i: Int, _ j: Int) -> Double {
    let scale = (importedSquares[i] * derivedSquares[j]).squareRoot()
    return scale > 0 ? products[i][j] / scale : 0
  }

  /// The assignment of imported components to camera axes that fits the depth maps best.
  var bestPermutation: [Int] {
    let all = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    func score(_ p: [Int]) -> Double { (0..<3).reduce(0) { $0 + abs(correlation($1, p[$1])) } }
    // The identity stands first and wins ties.
    return all.dropFirst().reduce(all[0]) { score($1) > score($0) + 1e-9 ? $1 : $0 }
  }

  /// The error of the axes and the parameters that mend it; nil when there is none.
  /// - Parameters:
  ///   - axes, flip: the parameters under which the normals were read.
  ///   - least: correlation below which an axis cannot be told.
  func problem(axes: [CameraAxis], flip: [CameraAxis], least: Double) -> (message: String, help: String)? {
    let names = CameraAxis.allCases
    let best = bestPermutation
    let found = (0..<3).map { "\(names[$0]) \(Numbers.plain(correlation($0, $0), 2))" }.joined(separator: ", ")
    if best != [0, 1, 2], (0..<3).allSatisfy({ abs(correlation($0, best[$0])) >= least }) {
      let mended = axes.map { names[best[names.firstIndex(of: $0) ?? 0]].rawValue }
      let moved = (0..<3).filter { best[$0] != $0 }.map { "\(names[$0]) holds \(names[best[$0]])" }
      return (
        "axes are permuted: \(moved.joined(separator: ", ")) (correlations: \(found))",
        "write `axes: [\(mended.joined(separator: ", "))]`"
      )
    }
    let flipped = (0..<3).filter { correlation($0, $0) <= -least }
    if !flipped.isEmpty {
      // An axis that is turned round already must be turned back.
      let mended = names.indices.filter { flipped.contains($0) != flip.contains(names[$0]) }.map { names[$0].rawValue }
      let list = flipped.map { "\(names[$0])" }.joined(separator: ", ")
      return (
        "axis \(list) is flipped (correlations: \(found))",
        "write `flip: [\(mended.joined(separator: ", "))]`"
      )
    }
    if let weak = (0..<3).first(where: { correlation($0, $0) < least }) {
      return (
        "axis \(names[weak]) does not correlate with the depth maps (correlations: \(found))",
        "check that the files belong to these samples; `check: false` imports them all the same"
      )
    }
    return nil
  }
}
