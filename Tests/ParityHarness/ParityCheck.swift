import Foundation
import NN

/// Collects the comparisons of one case.
public final class ParityCheck {
  /// The largest difference seen, relative to what is allowed.
  public struct Worst: Sendable {
    public var tensor = ""
    public var index = 0
    public var difference = 0.0
    public var allowed = 0.0
    public var ratio = 0.0
  }

  /// Tolerances are multiplied by this (8 for the fast algorithms).
  public let toleranceFactor: Double
  public private(set) var worst = Worst()
  public private(set) var failures: [String] = []
  public private(set) var comparisons = 0
  /// An option of the case that the library does not offer.
  var unsupported: String?

  public init(toleranceFactor: Double) { self.toleranceFactor = toleranceFactor }

  public func fail(_ reason: String) { failures.append(reason) }

  func expect(_ condition: Bool, _ reason: @autoclosure () -> String) {
    comparisons += 1
    if !condition { fail(reason()) }
  }

  func compare(
    _ name: String, _ actual: Tensor?, _ expected: StoredTensor, _ tolerance: Tolerance, period: Double? = nil
  ) {
    guard let actual else { return fail("\(name): no result") }
    compare(
      name, actual.values.map { Double($0) }, actual.shape, expected.doubles, expected.shape, tolerance, period: period)
  }

  /// Whole arrays: shape first, then every element. With `period` differences count modulo it (angles).
  public func compare(
    _ name: String, _ actual: [Double], _ shape: [Int], _ expected: [Double], _ expectedShape: [Int],
    _ tolerance: Tolerance, period: Double? = nil
  ) {
    comparisons += 1
    // A single number may be stored as [] or [1].
    let isScalar = actual.count == 1 && expected.count == 1
    guard shape == expectedShape || isScalar else { return fail("\(name): shape \(shape), expected \(expectedShape)") }
    let allowedFactor = tolerance.scaled(toleranceFactor)
    var exceeded = 0
    var first = ""
    for index in expected.indices {
      let (x, e) = (actual[index], expected[index])
      if x == e || (x.isNaN && e.isNaN) { continue }
      var difference = abs(x - e)
      if let period { difference = abs(difference - (difference / period).rounded() * period) }
      let allowed = allowedFactor.absolute + allowedFactor.relative * abs(e)
      let ratio = difference.isNaN ? .infinity : allowed > 0 ? difference / allowed : .infinity
      if ratio > worst.ratio {
        worst = Worst(tensor: name, index: index, difference: difference, allowed: allowed, ratio: ratio)
      }
      if !(ratio <= 1) {
        if exceeded == 0 { first = "element \(index) is \(x), expected \(e), \(ratio) of the tolerance" }
        exceeded += 1
      }
    }
    if exceeded > 0 { fail("\(name): \(exceeded) of \(expected.count) elements differ; \(first)") }
  }

  /// One number that stands for a whole tensor, such as a root mean square difference.
  func compare(_ name: String, difference: Double, allowed: Double) {
    comparisons += 1
    let limit = allowed * toleranceFactor
    let ratio = difference == 0 ? 0 : limit > 0 ? difference / limit : .infinity
    if !(ratio <= worst.ratio) {
      worst = Worst(tensor: name, index: 0, difference: difference, allowed: limit, ratio: ratio)
    }
    if !(ratio <= 1) { fail("\(name): differs by \(difference), allowed \(limit)") }
  }
}
