import Basics
import Foundation
import NN
import Pipeline

/// A model as `train` and `weights.import` publish it: a folder with model.json and weights.safetensors.
struct ModelFolder {
  let model: TrainedModel
  /// Which guide it was trained with, nil for models of depth alone.
  let guide: String?

  /// Throws: `StageFailure` when the folder holds no model that this program can run.
  init(_ path: String) throws {
    let folder = URL(fileURLWithPath: path, isDirectory: true)
    let description = folder.appendingPathComponent("model.json")
    guard let data = FileManager.default.contents(atPath: description.path) else {
      throw StageFailure(
        "\(path): no readable model.json in this folder",
        help: "give the folder of a `model` output, such as outputs/demo/train@render_q8/model")
    }
    do {
      let json = try JSON(parsing: data)
      model = try TrainedModel.load(
        description: json["model"] ?? json, weights: folder.appendingPathComponent("weights.safetensors"))
      guide = json["guide"]?.stringValue
    } catch let error as JSONProblem {
      throw StageFailure("\(description.path): \(error.message)")
    }
  }
}
