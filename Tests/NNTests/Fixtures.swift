import Basics
import Foundation
import NN
import Testing

/// The shared fixtures, when they are there.
enum Fixtures {
  static let folder: URL? = {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let shared =
      ProcessInfo.processInfo.environment["SHARED_DIR"].map { URL(filePath: $0) }
      ?? package.appending(path: "../shared")
    let parity = shared.appending(path: "parity")
    return FileManager.default.fileExists(atPath: parity.appending(path: "cases.json").path) ? parity : nil
  }()

  static var present: Bool { folder != nil }

  static func read(_ file: String) throws -> [String: StoredTensor] {
    try Safetensors.read(#require(folder).appending(path: file)).tensors
  }
}

extension Dictionary where Key == String, Value == StoredTensor {
  func tensor(_ name: String) throws -> Tensor { Tensor(try #require(self[name], "no tensor \(name)")) }

  /// The entries below a prefix, without it.
  func below(_ prefix: String) -> [String: StoredTensor] {
    var result: [String: StoredTensor] = [:]
    for (name, value) in self where name.hasPrefix(prefix) { result[String(name.dropFirst(prefix.count))] = value }
    return result
  }
}

/// Passes when |found - expected| <= atol + rtol |expected| everywhere; says where it is worst otherwise.
func expectClose(
  _ found: Tensor?, _ expected: StoredTensor, rtol: Double = 1e-5, atol: Double, _ name: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard let found else {
    Issue.record("\(name): no value", sourceLocation: sourceLocation)
    return
  }
  guard found.shape == expected.shape || (found.count == 1 && expected.count == 1) else {
    Issue.record("\(name): shape \(found.shape), expected \(expected.shape)", sourceLocation: sourceLocation)
    return
  }
  var worst = (excess: -Double.infinity, index: 0)
  let (a, b) = (found.values, expected.floats)
  for i in 0..<a.count {
    let difference = abs(Double(a[i]) - Double(b[i]))
    let excess = difference.isNaN ? .infinity : difference - (atol + rtol * abs(Double(b[i])))
    if excess > worst.excess { worst = (excess, i) }
  }
  if worst.excess > 0 {
    Issue.record(
      "\(name)[\(worst.index)]: \(a[worst.index]), expected \(b[worst.index]) (atol \(atol), rtol \(rtol))",
      sourceLocation: sourceLocation)
  }
}
