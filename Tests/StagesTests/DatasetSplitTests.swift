import Basics
import Pipeline
import Stages
import Testing

@Suite struct DatasetSplitTests {
  private func split(_ names: [String], _ parameters: [String: JSON] = [:]) async throws -> [String: String] {
    let runner = try StageRunner()
    let head = SyntheticHead(size: 16)
    let shared = try runner.cleanMaps("shared", head).files
    let maps = StageRunner.artifact("maps", samples: names.map { Sample(name: $0, files: shared) })
    let result = try await runner.run("dataset.split", .object(parameters), .of(["maps": maps]))
    return Dictionary(
      uniqueKeysWithValues: result.samples("dataset").map { ($0.name, $0.record["side"]?.stringValue ?? "none") })
  }

  @Test func aSampleNeverChangesSidesWhenOthersAreAdded() async throws {
    let names = (0..<200).map { "face \($0)" }
    let few = try await split(Array(names[50..<120]), ["validation": 0.2])
    let all = try await split(names, ["validation": 0.2])
    for (name, side) in few { #expect(all[name] == side, "\(name)") }
  }

  @Test func theShareIsMetAndTheSeedMatters() async throws {
    let names = (0..<1000).map { "face \($0)" }
    let first = try await split(names)
    let second = try await split(names, ["seed": 43])
    let share = Double(first.values.count { $0 == "validation" }) / 1000
    #expect(abs(share - 0.1) < 0.03)
    #expect(first != second)
    // Raising the share moves samples to validation only.
    let more = try await split(names, ["validation": 0.3])
    #expect(first.allSatisfy { $0.value == "train" || more[$0.key] == "validation" })
  }

  @Test func namedSamplesGoWhereTheyAreTold() async throws {
    let sides = try await split(["a", "b", "c"], ["training_names": ["a", "c"], "validation_names": ["b"]])
    #expect(sides == ["a": "train", "b": "validation", "c": "train"])
  }

  @Test func anEmptySideIsAnErrorThatSaysWhatToDo() async throws {
    await #expect { try await split(["a", "b"], ["validation": 0]) } throws: { error in
      let text = "\(error)"
      return text.contains("no sample of 2 is on the validation side") && text.contains("validation_names")
    }
    await #expect { try await split(["a", "b"], ["validation": 1]) } throws: { "\($0)".contains("training_names") }
  }

  @Test func joinsMasksPhotosAndNormalsByName() async throws {
    let runner = try StageRunner()
    let maps = try ["a", "b", "c"].map { try runner.cleanMaps($0, SyntheticHead(size: 16)) }
    let mask = try #require(maps[0].files["foreground.png"])
    let normal = try #require(maps[0].files["normal.png"])
    let artifacts: [String: Artifact] = [
      "maps": StageRunner.artifact("maps", samples: maps),
      "masks": StageRunner.artifact("masks", samples: ["a", "b"].map { Sample(name: $0, files: ["mask.png": mask]) }),
      "normals": StageRunner.artifact(
        "normals",
        samples: ["a", "b"].map { Sample(name: $0, files: ["normal.png": normal], record: ["source": "dsine"]) }),
    ]
    let parameters: JSON = ["training_names": ["a"], "validation_names": ["b", "c"]]
    let result = try await runner.run("dataset.split", parameters, .of(artifacts))
    #expect(
      result.sample("a", "dataset")?.files.keys.sorted()
        == ["depth.png", "mask.png", "normal_dsine.png", "normal_splat.png", "photo.png"])
    #expect(result.rejected["c"] == "no mask among the samples of input `masks`")
    #expect(result.samples("dataset").map(\.name) == ["a", "b"])
  }

  @Test func dropsOrKeepsSamplesThatLackWhatOthersHave() async throws {
    let runner = try StageRunner()
    let maps = try ["a", "b", "c"].map { try runner.cleanMaps($0, SyntheticHead(size: 16)) }
    let normal = try #require(maps[0].files["normal.png"])
    let inputs = [String: [LabelledArtifact]].of([
      "maps": StageRunner.artifact("maps", samples: maps),
      "normals": StageRunner.artifact(
        "normals",
        samples: ["a", "b"].map { Sample(name: $0, files: ["normal.png": normal], record: ["source": "dsine"]) }),
    ])
    let sides: [String: JSON] = ["training_names": ["a"], "validation_names": ["b", "c"]]
    let dropped = try await runner.run("dataset.split", .object(sides), inputs)
    #expect(dropped.rejected["c"]?.contains("has no `normal_dsine.png`") == true)
    let kept = try await runner.run(
      "dataset.split", .object(sides.merging(["incomplete": "keep"]) { $1 }), inputs)
    #expect(kept.samples("dataset").map(\.name) == ["a", "b", "c"])
  }
}
