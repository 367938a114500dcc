import Basics
import Foundation
import Imaging
import NN
import Pipeline

/// Anything that turns a low-resolution depth map or photo into a high-resolution one: a network, an interpolation,
/// predictions made elsewhere.
protocol DepthMethod {
  var record: MethodRecord { get }
  /// The input beside the low-resolution map; nil: none.
  var guide: GuideChoice? { get }
  /// - Parameters:
  ///   - low: one channel, or three of a photo, 0...1.
  ///   - photo: for guided methods what `guide` names, of `width` x `height`; else ignored.
  ///   - sample: the sample's name, for methods that only look predictions up.
  /// - Returns: as many channels of `width` x `height`, 0...1.
  func predict(_ low: Raster, width: Int, height: Int, photo: Raster?, sample: String) throws -> Raster
}

extension DepthMethod {
  var guide: GuideChoice? { nil }
}

/// A way of interpolating that needs no training.
enum Interpolation: String, ParameterChoice {
  case nearest
  case bilinear
  /// a = -0.75, as the networks' own skip connection.
  case bicubic
  /// a = -0.5, as Pillow and MATLAB enlarge, which papers on guided depth super-resolution use.
  case bicubicAntialiased = "bicubic_antialiased"

  var title: String {
    switch self {
    case .nearest: "Nearest"
    case .bilinear: "Bilinear"
    case .bicubic: "Bicubic"
    case .bicubicAntialiased: "Bicubic (a = -0.5)"
    }
  }
}

struct InterpolationMethod: DepthMethod {
  let interpolation: Interpolation

  var record: MethodRecord { MethodRecord(id: interpolation.rawValue, name: interpolation.title) }

  func predict(_ low: Raster, width: Int, height: Int, photo: Raster?, sample: String) throws -> Raster {
    switch interpolation {
    case .nearest: Resize.nearest(low, width: width, height: height)
    case .bilinear: Resize.linear(low, width: width, height: height)
    case .bicubic: Resize.cubic(low, width: width, height: height)
    case .bicubicAntialiased: Resize.cubicAntialiased(low, width: width, height: height)
    }
  }
}

/// A trained network, as an artifact of kind `model` holds it.
struct NetworkMethod: DepthMethod {
  let record: MethodRecord
  let guide: GuideChoice?
  private let network: TrainedModel

  /// - Parameter tests: identifiers of the test sets, to know which of them the network was trained for.
  /// - Throws: `StageFailure` naming the instance and what its artifact lacks.
  init(_ labelled: LabelledArtifact, tests: [String]) throws {
    let instance = labelled.instance
    guard let description = labelled.artifact.files["model.json"],
      let weights = labelled.artifact.files["weights.safetensors"]
    else { throw StageFailure("`\(instance)` has no model.json and weights.safetensors") }
    let json: JSON
    do {
      json = try JSON(parsing: try Data(contentsOf: description.url))
      network = try TrainedModel.load(description: json["model"] ?? json, weights: weights.url)
      guide = try GuideChoice(network.network, name: json["guide"]?.stringValue)
    } catch {
      throw StageFailure("the model of `\(instance)` cannot be loaded: \(error)")
    }
    let test = Labels.test(of: labelled)
    let type = json["model"]?["type"]?.stringValue
    record = MethodRecord(
      id: instance, name: Labels.title(of: labelled, fallback: type ?? instance),
      trainedOn: tests.contains(test) ? test : nil, model: type, parameters: network.network.parameterCount,
      seed: labelled.labels["seed"]?.intValue, digest: weights.digest.short)
  }

  func predict(_ low: Raster, width: Int, height: Int, photo: Raster?, sample: String) throws -> Raster {
    guard low.channels == network.network.imageChannels else {
      throw StageFailure(
        "`\(record.id)` takes \(network.network.imageChannels) channels, but the low-resolution map of `\(sample)` has "
          + "\(low.channels)", help: "networks for depth cannot be tested on photos, nor the other way round")
    }
    let scale = network.network.scale
    guard (low.width * scale, low.height * scale) == (width, height) else {
      throw StageFailure(
        "`\(record.id)` makes \(low.width * scale) x \(low.height * scale) of \(low.width) x \(low.height), but the ground "
          + "truth of `\(sample)` is \(width) x \(height)", help: "train and evaluate with the same scale")
    }
    let guide = self.guide == nil ? nil : photo?.planes
    // Whole, not in tiles: what a table says must not depend on memory.
    let result = try network.upscale(
      low.planes, height: low.height, width: low.width, guide: guide, tile: max(low.width, low.height))
    return Raster(planes: result, width: width, height: height)
  }
}

/// Names of instances and their matrix labels in tables.
enum Labels {
  /// The identifier of a test set: its `kind` label where no other tells more, else the part behind `@`, else the
  /// instance.
  static func test(of labelled: LabelledArtifact) -> String {
    if let kind = labelled.labels["kind"]?.stringValue, labelled.labels["scale"] == nil { return kind }
    return labelled.instance.split(separator: "@", maxSplits: 1).last.map(String.init) ?? labelled.instance
  }

  /// The name of a method: what its variant, model or degradation is called, and its seed where seeds are compared.
  static func title(of labelled: LabelledArtifact, fallback: String) -> String {
    let labels = labelled.labels
    var parts = ["variant", "model", "method"].compactMap { labels[$0]?.stringValue }
    if parts.isEmpty, let kind = labels["kind"]?.stringValue { parts = [title(ofTest: kind)] }
    if parts.isEmpty {
      parts = labels.filter { $0.key != "seed" }.sorted { $0.key < $1.key }.map {
        "\($0.key) \($0.value.stringValue ?? $0.value.canonical)"
      }
    }
    if parts.isEmpty { parts = [fallback] }
    if let seed = labels["seed"]?.intValue { parts.append("seed \(seed)") }
    return parts.joined(separator: ", ")
  }

  /// Names of instances that differ from others in nothing but their seed: `train@dsine` for `train@dsine,1`. By
  /// instance; those without a seed, or alone with theirs, are not among them.
  static func seedGroups(of all: [LabelledArtifact]) -> [String: String] {
    let named = all.filter { $0.labels["seed"] != nil }.map { labelled in
      let stage = labelled.instance.split(separator: "@", maxSplits: 1).first.map(String.init) ?? labelled.instance
      let rest = labelled.labels.filter { $0.key != "seed" }.sorted { $0.key < $1.key }
        .map { $0.value.stringValue ?? $0.value.canonical }
      return (instance: labelled.instance, group: rest.isEmpty ? stage : "\(stage)@\(rest.joined(separator: ","))")
    }
    return Dictionary(
      named.filter { item in named.count { $0.group == item.group } > 1 }.map { ($0.instance, $0.group) },
      uniquingKeysWith: { first, _ in first })
  }

  /// The name of a test set: its degradation, its scale where scales are compared.
  static func testTitle(of labelled: LabelledArtifact) -> String {
    var parts = labelled.labels["kind"]?.stringValue.map { [title(ofTest: $0)] } ?? []
    if let scale = labelled.labels["scale"]?.intValue { parts.append("x\(scale)") }
    return parts.isEmpty ? title(ofTest: test(of: labelled)) : parts.joined(separator: ", ")
  }

  /// Degradations of depth maps by their title, others by their identifier; reports print all by their title.
  static func title(ofTest id: String) -> String { DegradationKind(rawValue: id)?.row.title ?? id }
}
