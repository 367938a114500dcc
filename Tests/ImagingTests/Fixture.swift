import Basics
import Foundation
import Imaging

/// The folder with shared data: SHARED_DIR, else ../shared beside the package; nil where there is none.
let sharedFolder: URL? = {
  let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  let folder =
    ProcessInfo.processInfo.environment["SHARED_DIR"].map { URL(fileURLWithPath: $0, relativeTo: package) }
    ?? package.deletingLastPathComponent().appending(path: "shared")
  return FileManager.default.fileExists(atPath: folder.appending(path: "parity/cases.json").path) ? folder : nil
}()

/// One case of the parity folder: its attributes, tolerance and tensors, all as doubles.
struct Fixture {
  struct Values {
    let shape: [Int]
    let values: [Double]

    /// h x w or h x w x c as a raster; integers keep their size when `scale` is 1.
    func raster(scale: Double = 1) -> Raster {
      Raster(
        width: shape[1], height: shape[0], channels: shape.count > 2 ? shape[2] : 1,
        pixels: values.map { Float($0) / Float(scale) })
    }
  }
  let attributes: JSON
  let absolute: Double
  let relative: Double
  let tolerance: JSON
  let tensors: [String: Values]

  static func folder() throws -> URL {
    guard let sharedFolder else { throw CocoaError(.fileNoSuchFile) }
    return sharedFolder.appending(path: "parity")
  }

  private static let catalogue: [String: JSON] = {
    guard let folder = try? folder(),  // without the folder the tests are skipped
      let data = try? Data(contentsOf: folder.appending(path: "cases.json")), let all = try? JSON(parsing: data)
    else { return [:] }
    let cases = all["cases"]?.arrayValue ?? []
    return Dictionary(cases.map { ($0["id"]?.stringValue ?? "", $0) }, uniquingKeysWith: { first, _ in first })
  }()

  init(_ id: String) throws {
    let folder = try Fixture.folder()
    guard let entry = Fixture.catalogue[id],
      let file = entry["file"]?.stringValue
    else { throw CocoaError(.fileReadCorruptFile) }
    attributes = entry["attrs"] ?? .object([:])
    tolerance = entry["tolerance"] ?? .object([:])
    absolute = tolerance["atol"]?.doubleValue ?? 0
    relative = tolerance["rtol"]?.doubleValue ?? 0
    var tensors = try Fixture.read(folder.appending(path: file))
    if let inputs = attributes["inputs_from_file"]?.stringValue {
      for (name, values) in try Fixture.read(folder.appending(path: inputs)) where name.hasPrefix("in.") {
        tensors[name] = values
      }
    }
    self.tensors = tensors
  }

  subscript(name: String) -> Values {
    get throws {
      guard let values = tensors[name] else { throw CocoaError(.fileReadCorruptFile) }
      return values
    }
  }

  /// A strict enough reader of safetensors for fixtures: header, then little-endian values.
  private static func read(_ url: URL) throws -> [String: Values] {
    let data = try Data(contentsOf: url)
    let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSON(parsing: data.subdata(in: 8..<8 + length))
    var result: [String: Values] = [:]
    for (name, entry) in header.objectValue ?? [:] where name != "__metadata__" {
      let shape = (entry["shape"]?.arrayValue ?? []).compactMap(\.intValue)
      let range = (entry["data_offsets"]?.arrayValue ?? []).compactMap(\.intValue)
      let bytes = data.subdata(in: 8 + length + range[0]..<8 + length + range[1])
      func list<Element>(_ type: Element.Type, _ convert: (Element) -> Double) -> [Double] {
        bytes.withUnsafeBytes { raw in
          (0..<raw.count / MemoryLayout<Element>.size).map {
            convert(raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: type))
          }
        }
      }
      let values: [Double]
      switch entry["dtype"]?.stringValue {
      case "F32": values = list(Float.self) { Double($0) }
      case "F64": values = list(Double.self) { $0 }
      case "U8": values = list(UInt8.self) { Double($0) }
      case "U16": values = list(UInt16.self) { Double($0) }
      case "I32": values = list(Int32.self) { Double($0) }
      case "I64": values = list(Int64.self) { Double($0) }
      default: throw CocoaError(.fileReadUnknown)
      }
      result[name] = Values(shape: shape, values: values)
    }
    return result
  }

  /// The largest |actual - expected| - atol - rtol |expected| and where; nil when all are within the tolerance.
  func excess(_ actual: [Double], _ expected: Values) -> String? {
    if actual.count != expected.values.count { return "\(actual.count) values, expected \(expected.values.count)" }
    var worst = (-Double.infinity, 0)
    for i in 0..<actual.count {
      let over = abs(actual[i] - expected.values[i]) - absolute - relative * abs(expected.values[i])
      if !(over <= worst.0) { worst = (over, i) }
    }
    if worst.0 <= 0 { return nil }
    return "value \(worst.1) is \(actual[worst.1]), expected \(expected.values[worst.1])"
  }

  func excess(_ actual: Raster, _ expected: Values, scale: Float = 1) -> String? {
    excess(actual.pixels.map { Double($0 * scale) }, expected)
  }
}
