import Basics
import Foundation
import NN

/// A parity folder that a test writes: tensors and the entries of `cases.json`.
final class FixtureFolder {
  let url: URL
  private(set) var entries: [JSON] = []

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "parity-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }  // a leftover folder harms no test

  /// Adds a case with its file.
  func add(_ fixture: Fixture) throws {
    let path = "\(entries.count).safetensors"
    try Safetensors.write(fixture.tensors, to: url.appending(path: path))
    entries.append(fixture.entry(path: path))
  }

  func add(entry: JSON) { entries.append(entry) }

  func write() throws {
    try Data(JSON.object(["format": 1, "cases": .array(entries)]).canonical.utf8).write(
      to: url.appending(path: "cases.json"))
  }
}

/// One case and its tensors, whose values a test computed in double precision from the definition.
struct Fixture: Sendable {
  var name: String
  var group: String
  var operation: String
  var attributes: JSON = [:]
  var tensors: [String: StoredTensor]
  var tolerance: JSON = [
    "forward": ["rtol": 1e-5, "atol": 1e-5], "grad": ["rtol": 1e-5, "atol": 1e-5], "rtol": 1e-5, "atol": 1e-5,
  ]

  func entry(path: String) -> JSON {
    [
      "case": .string(name), "group": .string(group), "op": .string(operation), "file": .string(path),
      "attrs": attributes, "tolerance": tolerance,
    ]
  }
}

/// An array of doubles with its shape, row-major: what fixtures are computed with.
struct Grid {
  var shape: [Int]
  var values: [Double]

  init(_ shape: [Int], _ values: [Double]) {
    self.shape = shape
    self.values = values
  }

  /// Values of a seeded stream that float32 holds exactly, so that input and definition see the same.
  init(random shape: [Int], _ random: inout SeededRandom, _ range: Range<Double> = -1..<1) {
    self.init(
      shape,
      (0..<shape.reduce(1, *)).map { _ in Double(Float(random.uniform(range.lowerBound, range.upperBound))) })
  }

  init(zeros shape: [Int]) { self.init(shape, [Double](repeating: 0, count: shape.reduce(1, *))) }

  /// The place of an index such as [n, c, y, x].
  func place(_ index: [Int]) -> Int { zip(shape, index).reduce(0) { $0 * $1.0 + $1.1 } }

  subscript(_ index: Int...) -> Double {
    get { values[place(index)] }
    set { values[place(index)] = newValue }
  }

  /// As float32, which is what the harness reads.
  var stored: StoredTensor { StoredTensor(values.map { Float($0) }, shape: shape) }
  var storedInDouble: StoredTensor { StoredTensor(values, shape: shape) }

  func map(_ body: (Double) -> Double) -> Grid { Grid(shape, values.map(body)) }
}
