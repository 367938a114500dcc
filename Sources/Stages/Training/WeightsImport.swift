import Basics
import Foundation
import NN
import Pipeline

/// Turns published weights into a model that evaluation and `pipeline upscale` use like a trained one.
struct WeightsImport: WholeStage {
  static let type: StageType = "weights.import"
  static let version = 2
  static let summary = "Imports weights made elsewhere (PyTorch .pth or safetensors) as a model."
  static let inputs: [InputPort] = []
  static let outputs = [OutputPort("model", .model, .files, doc: "`model.json` and `weights.safetensors`.")]

  struct Parameters: StageParameters {
    var file: UserPath?
    var model = ModelChoice("depth-upres-unet")
    var state: String?
    var ignore: [String] = []
    var guide: String?

    static let fields: [ParameterField<Self>] = [
      .init("file", \.file, "A .pth, .pt or .safetensors file.", required: true),
      .init("model", \.model, "The network: its `type` and options (see `pipeline models`)."),
      .init(
        "state", \.state,
        "Where in the file the weights lie, such as `params_ema`; found among the usual places when left out."),
      .init("ignore", \.ignore, "Tensors of the file that the network does not have, by the beginning of their names."),
      .init(
        "guide", \.guide,
        "File of a dataset, without `.png`, that a guided network sees besides; null: photo or relative, as it needs."),
    ]

    func validate() -> [String] {
      do {
        _ = try GuideChoice(model.kind, name: guide)
        return []
      } catch let failure as StageFailure {
        return [failure.message]
      } catch {
        return ["\(error)"]
      }
    }
  }

  func sources(_ parameters: Parameters) -> [ExternalSource] {
    parameters.file.map { [ExternalSource("file", path: $0.path)] } ?? []
  }

  func run(_ context: StageContext, _ parameters: Parameters) async throws {
    guard let (path, file) = context.sources["file"]?.first else {
      throw StageFailure("no weight file is given", help: "set `file` to a .pth or .safetensors file")
    }
    do {
      let found = try Self.read(file.url, name: path)
      let (place, tensors) = try Self.select(
        found, state: parameters.state, usual: parameters.model.kind.checkpointPlaces,
        ignore: parameters.ignore, file: path)
      let network = try ModelCatalogue.make(parameters.model.description)
      do {
        try network.load(tensors)
      } catch let error as ModelError {
        throw StageFailure(
          "\(path): \(error)", help: "check the options of `model`, or name tensors to leave out in `ignore`")
      }
      context.services.log("\(path): \(tensors.count) tensors\(place.isEmpty ? "" : " under `\(place)`")")
      var description: [String: JSON] = [
        "format": "pipeline-model-1", "model": parameters.model.description, "scale": .int(network.scale),
        "parameters": .int(network.parameterCount), "source": .string(URL(filePath: path).lastPathComponent),
      ]
      if let guide = try GuideChoice(network, name: parameters.guide) { description["guide"] = .string(guide.name) }
      try context.write(JSON.object(description).pretty + "\n", to: "model.json", port: "model")
      try context.write(Safetensors.data(network.stateDictionary()), to: "weights.safetensors", port: "model")
    } catch let error as WeightsError {
      throw StageFailure(error.message, help: error.help)
    }
  }

  /// The tensors of a file of either kind, told apart by content: the store's names carry no extension.
  private static func read(_ url: URL, name: String) throws -> [String: StoredTensor] {
    let data: Data
    do {
      data = try Data(contentsOf: url, options: .mappedIfSafe)
    } catch {
      throw StageFailure("\(name) cannot be read: \(error.localizedDescription)")
    }
    // A safetensors header is JSON behind its length; zip files and pickles begin otherwise.
    let isSafetensors = data.count > 8 && data[data.startIndex + 8] == UInt8(ascii: "{")
    return isSafetensors
      ? try Safetensors.read(data, name: name).tensors : try PyTorchFile.read(data, name: name).tensors
  }

  /// The state dictionary inside a checkpoint; the `module.` of parallel training is taken off.
  static func select(
    _ tensors: [String: StoredTensor], state: String?, usual: [String], ignore: [String], file: String
  ) throws -> (place: String, tensors: [String: StoredTensor]) {
    func below(_ place: String) -> [String: StoredTensor] {
      var result: [String: StoredTensor] = [:]
      for (name, tensor) in tensors where name.hasPrefix("\(place)/") {
        result[String(name.dropFirst(place.count + 1))] = tensor
      }
      return result
    }
    var place = ""
    var chosen = tensors
    if let state {
      place = state
      chosen = below(state)
      guard !chosen.isEmpty else {
        let places = Set(
          tensors.keys.compactMap { $0.contains("/") ? $0.split(separator: "/").first.map(String.init) : nil })
        throw StageFailure(
          "\(file) has no tensors under `\(state)`",
          help: places.isEmpty
            ? "its tensors lie at the top: leave `state` out" : "it has: \(places.sorted().joined(separator: ", "))")
      }
    } else if let found = usual.first(where: { !below($0).isEmpty }) {
      place = found
      chosen = below(found)
    }
    let isParallel = chosen.keys.allSatisfy { $0.hasPrefix("module.") }
    var result: [String: StoredTensor] = [:]
    for (name, tensor) in chosen {
      let plain = isParallel ? String(name.dropFirst(7)) : name
      if !ignore.contains(where: { plain.hasPrefix($0) }) { result[plain] = tensor }
    }
    return (place, result)
  }
}
