import Basics
import Foundation
import Pipeline
import Testing

@Suite struct ResolutionTests {
  @Test func theDesignsExampleResolves() throws {
    let pipeline = try Specification.load(
      file: "Good/full.yaml", catalogue: TestCatalogue.catalogue, directory: testFolder)
    #expect(
      pipeline.instances.map(\.id) == [
        "photos", "facelift", "split", "lr@bicubic", "lr@bicubic_noise", "lr@render", "train@bicubic",
        "train@bicubic_noise", "train@render", "cross", "report",
      ])
    #expect(pipeline.targets == pipeline.instances.map(\.id))
    let train = try #require(pipeline["train@render"])
    #expect(train.labels == [InstanceLabel(name: "kind", value: "render")])
    #expect(train.inputs["lr"] == [InputReference(instance: "lr@render", port: "pairs")])
    #expect(train.seed == 42)
    #expect(train.resources == StageResources(cpus: 8, memory: 16_000_000_000, gpus: 0, time: 28_800))
    #expect(train.parameters["epochs"] == 100)
    #expect(train.parameters["lr"] == 0.001, "defaults are part of the parameters")
    let photos = try #require(pipeline["photos"])
    #expect(photos.parameters["source"]?.stringValue == testFolder + "/Good/data/raw")
    #expect(photos.keyParameters["source"] == nil, "paths never enter keys")
    #expect(photos.seed == nil)
    let facelift = try #require(pipeline["facelift"])
    #expect(facelift.gate?.message == "Run FaceLift on ${inputs.photos} ...")
    #expect(
      pipeline["cross"]?.inputs["models"]?.map(\.instance) == ["train@bicubic", "train@bicubic_noise", "train@render"])
  }

  @Test func anAblationRepeatsOnlyWhatDiffers() throws {
    let pipeline = try Specification.load(
      file: "Good/ablations/normals.yaml", catalogue: TestCatalogue.catalogue, directory: testFolder)
    let counts = Dictionary(grouping: pipeline.instances, by: \.stage).mapValues(\.count)
    #expect(
      counts == ["photos": 1, "facelift": 1, "split": 1, "lr": 1, "train": 9, "cross": 9, "report": 9])
    let train = try #require(pipeline["train@dsine,seed=2,render"])
    #expect(train.seed == 2)
    #expect(train.parameters["loss"]?["normals"]?["source"] == "dsine")
    #expect(train.labels.map(\.name) == ["variant", "seed", "kind"])
    #expect(
      pipeline["cross@dsine,seed=2"]?.inputs["models"]
        == [InputReference(instance: "train@dsine,seed=2,render", port: "model")])
    #expect(pipeline.targets.count == 9 && pipeline.targets.allSatisfy { $0.hasPrefix("cross@") })
    #expect(pipeline.compare?.baseline == "none")
    #expect(pipeline.dimensions.map(\.name) == ["variant", "seed"])
    // A variable's path belongs to the file that wrote the variable, a literal one to its own file.
    #expect(pipeline["photos"]?.parameters["source"]?.stringValue == testFolder + "/Good/faces")
    #expect(pipeline["facelift"]?.parameters["folder"]?.stringValue == testFolder + "/Good/data/facelift")
    #expect(try pipeline.select("train@dsine").count == 3)
    #expect(try pipeline.select("train@seed=2,splat").map(\.id) == ["train@splat,seed=2,render"])
  }

  @Test func frozenInstancesReadBack() throws {
    let pipeline = try Specification.load(
      file: "Good/ablations/normals.yaml", catalogue: TestCatalogue.catalogue, directory: testFolder)
    for instance in pipeline.instances {
      let text = instance.json.canonical
      let back = try StageInstance(json: JSON(parsing: text), catalogue: TestCatalogue.catalogue)
      #expect(back.json.canonical == text)
      #expect(back.keyParameters == instance.keyParameters)
      #expect(back.outputs == instance.outputs && back.labels == instance.labels)
    }
  }
}
