import Basics
import Foundation
import Pipeline
import Testing

/// What sound files mean.
@Suite struct LanguageTests {
  static let head = "version: 1\nstages:\n"
  static let command = "{ uses: command, with: { run: [a] } }"

  // MARK: - Variables

  @Test func aVariableAloneKeepsItsType() throws {
    let pipeline = try load(
      """
      version: 1
      vars: { run: [a, b], size: 64, base: "${size}", word: "x${size}y", model: { type: unet, base_channels: "${base}" } }
      stages:
        make: { uses: command, with: { run: "${run}", outputs: ["${word}", "a${vars.model.type}", "$${size}"] } }
        train:
          uses: train
          inputs: { dataset: split.dataset, lr: lr.pairs }
          with: { model: "${model}" }
        lr: { uses: depth.degrade, inputs: { dataset: split.dataset } }
        split: { uses: dataset.split, inputs: { maps: facelift.maps } }
        facelift: { uses: facelift.ingest, inputs: { photos: photos.images } }
        photos: { uses: images.collect, with: { source: a } }
      """)
    #expect(pipeline["make"]?.parameters["run"] == ["a", "b"])
    #expect(pipeline["make"]?.parameters["outputs"] == ["x64y", "aunet", "${size}"])
    #expect(pipeline["train"]?.parameters["model"]?["base_channels"] == 64)
    #expect(pipeline.instances.last?.id == "train", "file order does not matter")
  }

  @Test func commandsKeepTheirOwnPlaceholders() throws {
    let pipeline = try load(
      """
      version: 1
      vars: { n: 3 }
      stages:
        first: \(LanguageTests.command)
        make: { uses: command, inputs: { x: first.out }, with: { run: ["${n}", "{input:x}", "$HOME", "$"] } }
      """)
    #expect(pipeline["make"]?.parameters["run"] == ["3", "{input:x}", "$HOME", "$"])
  }

  @Test func wholeNumbersInsideTextStayWhole() throws {
    let pipeline = try load(
      """
      version: 1
      vars: { a: 3, b: 0.5, c: true, d: 1e3 }
      stages: { make: { uses: command, with: { run: ["${a}-${b}-${c}-${d}"] } } }
      """)
    #expect(pipeline["make"]?.parameters["run"] == ["3-0.5-true-1000.0"])
  }

  // MARK: - Matrix

  @Test func matrixFollowsGitHubActions() throws {
    // The example of GitHub's documentation, "Expanding or adding matrix configurations".
    let pipeline = try load(
      """
      version: 1
      stages:
        make:
          uses: command
          matrix:
            fruit: [apple, pear]
            animal: [cat, dog]
            include:
              - { color: green }
              - { color: pink, animal: cat }
              - { fruit: apple, shape: circle }
              - { fruit: banana }
              - { fruit: banana, animal: cat }
          with: { run: ["${matrix.fruit}"] }
      """)
    let labels = pipeline.instances.map { instance in
      instance.labels.map { "\($0.name)=\($0.text)" }.joined(separator: " ")
    }
    #expect(
      labels == [
        "fruit=apple animal=cat color=pink shape=circle", "fruit=apple animal=dog color=green shape=circle",
        "fruit=pear animal=cat color=pink", "fruit=pear animal=dog color=green", "fruit=banana",
        "fruit=banana animal=cat",
      ])
  }

  @Test func instanceNamesSayWhatTheyAre() throws {
    let pipeline = try load(
      """
      version: 1
      stages:
        a: { uses: command, matrix: { kind: [x, y], scale: [2, 4], exclude: [{ kind: y, scale: 4 }] }, with: { run: [a] } }
        b: { uses: command, matrix: { left: [x, y], right: [x, y], exclude: [{ left: x, right: x }] }, with: { run: [a] } }
        c: { uses: command, matrix: { f: [0.5, true, "a b/c"] }, with: { run: ["${matrix.f}"] } }
        d: { uses: command, matrix: { include: [{ p: u }, { q: u }] }, with: { run: [a] } }
        e: { uses: command, matrix: { p: [u, v], include: [{ p: u, rate: 0.1 }, { p: v, rate: 0.2 }] }, with: { run: [a] } }
        f: { uses: command, matrix: { p: [u], include: [{ p: u, q: a }, { p: w, q: b }, { p: w, q: c }] }, with: { run: [a] } }
      """.replacing("${matrix.f}", with: "x"))
    #expect(
      pipeline.instances.map(\.id) == [
        "a@x,scale=2", "a@x,scale=4", "a@y,scale=2", "b@x,y", "b@y,x", "b@y,y", "c@f=0.5", "c@f=true", "c@a-b-c",
        "d@p=u", "d@q=u", "e@u", "e@v", "f@u,a", "f@w,b", "f@w,c",
      ])
  }

  @Test func selectorsChooseByValueAxisAndPattern() throws {
    let pipeline = try load(
      """
      version: 1
      stages:
        a: { uses: command, matrix: { kind: [q8, q8_noise, flat], scale: [2, 4] }, with: { run: [a] } }
        all: { uses: command, inputs: { x: "a@*.out" }, with: { run: [a] } }
        byValue: { uses: command, inputs: { x: "a@flat.out" }, with: { run: [a] } }
        byAxis: { uses: command, inputs: { x: "a@scale=4.out" }, with: { run: [a] } }
        both: { uses: command, inputs: { x: "a@kind=q8,scale=4.out" }, with: { run: [a] } }
        pattern: { uses: command, inputs: { x: ["a@q8*.out", "a@flat,scale=2.out"] }, with: { run: [a] } }
      """)
    func found(_ stage: String) -> [String] { pipeline[stage]?.inputs["x"]?.map(\.instance) ?? [] }
    #expect(found("all").count == 6)
    #expect(found("byValue") == ["a@flat,scale=2", "a@flat,scale=4"])
    #expect(found("byAxis") == ["a@q8,scale=4", "a@q8_noise,scale=4", "a@flat,scale=4"])
    #expect(found("both") == ["a@q8,scale=4"])
    #expect(
      found("pattern") == [
        "a@q8,scale=2", "a@q8,scale=4", "a@q8_noise,scale=2", "a@q8_noise,scale=4", "a@flat,scale=2",
      ])
  }

  // MARK: - Layers

  static let base = """
    version: 1
    name: base
    vars: { epochs: 100 }
    seed: 7
    stages:
      photos: { uses: images.collect, with: { source: photos, extra: [a, b] } }
      facelift: { uses: facelift.ingest, inputs: { photos: photos.images } }
      split: { uses: dataset.split, inputs: { maps: facelift.maps } }
      lr: { uses: depth.degrade, inputs: { dataset: split.dataset } }
      train:
        uses: train
        inputs: { dataset: split.dataset, lr: lr.pairs }
        with: { epochs: "${epochs}", model: { type: unet, base_channels: 16, blocks: 4 } }
    """

  @Test func layersMergeMapsAndReplaceTheRest() throws {
    let pipeline = try load(
      """
      extends: base/base.yaml
      stages:
        photos: { with: { extra: [c] } }
        train.with.model: { base_channels: 8 }
        train.with.lr: 0.5
        lr: { with: { scale: 2 } }
      """, others: ["base/base.yaml": LanguageTests.base])
    #expect(pipeline.name == "test", "a name belongs to the file that writes it")
    #expect(pipeline.files.map(\.name) == ["base/base.yaml", "test.yaml"])
    let extra = pipeline["photos"]?.parameters["extra"]?.arrayValue?.compactMap(\.stringValue) ?? []
    #expect(extra.count == 1 && extra[0].hasSuffix("/c") && !extra[0].hasSuffix("/base/c"))
    #expect(pipeline["photos"]?.parameters["source"]?.stringValue?.hasSuffix("/base/photos") == true)
    #expect(pipeline["train"]?.parameters["model"] == ["type": "unet", "base_channels": 8, "blocks": 4])
    #expect(pipeline["train"]?.parameters["lr"] == 0.5)
    #expect(pipeline["lr"]?.parameters["scale"] == 2)
    #expect(pipeline["train"]?.seed == 7)
  }

  @Test func anotherTypeAndReplaceTakeTheWholePlace() throws {
    let pipeline = try load(
      """
      extends: base.yaml
      stages:
        train.with.model: { type: edsr }
        photos: !replace { uses: images.collect, with: { source: only } }
        lr: null
        other: { uses: depth.degrade, inputs: { dataset: split.dataset } }
        train.inputs.lr: other.pairs
      """, others: ["base.yaml": LanguageTests.base])
    #expect(pipeline["train"]?.parameters["model"] == ["type": "edsr", "base_channels": 32, "blocks": .null])
    #expect(pipeline["photos"]?.parameters["extra"] == [])
    #expect(pipeline["lr"] == nil)
    #expect(pipeline["train"]?.inputs["lr"]?.map(\.instance) == ["other"])
  }

  @Test func profilesAndOverridesComeLast() throws {
    let text = """
      extends: base.yaml
      vars: { epochs: 50 }
      profiles: { smoke: { vars: { epochs: 1 }, stages: { lr.with.scale: 2 } } }
      variants: { none: {}, long: { train.with.epochs: 500 } }
      """
    let others = ["base.yaml": LanguageTests.base]
    func epochs(_ pipeline: ResolvedPipeline) -> [JSON?] {
      pipeline.instances.filter { $0.stage == "train" }.map { $0.parameters["epochs"] }
    }
    #expect(epochs(try load(text, others: others)) == [50, 500])
    let smoke = try load(text, profile: "smoke", others: others)
    #expect(epochs(smoke) == [1, 500])
    #expect(smoke["lr"]?.parameters["scale"] == 2)
    #expect(epochs(try load(text, overrides: ["epochs=2"], others: others)) == [2, 500])
    let set = try load(
      text, overrides: ["vars.epochs=3", "stages.train.with.model.base_channels=5", "train.with.tags=[a, 'b c']"],
      others: others)
    #expect(set["train@none"]?.parameters["epochs"] == 3)
    #expect(set["train@none"]?.parameters["model"]?["base_channels"] == 5)
    #expect(set["train@long"]?.parameters["tags"] == ["a", "b c"])
    #expect(try load(text, overrides: ["seed=9"], others: others)["train@none"]?.seed == 9)
  }

  @Test func pathsOfOverridesStartAtTheCurrentFolder() throws {
    let pipeline = try load(
      "extends: sub/base.yaml", overrides: ["photos.with.source=here"], others: ["sub/base.yaml": LanguageTests.base])
    let source = try #require(pipeline["photos"]?.parameters["source"]?.stringValue)
    #expect(source.hasSuffix("/here") && !source.hasSuffix("/sub/here"))
    let home = try load(
      "extends: base.yaml", overrides: ["photos.with.source=~/faces"], others: ["base.yaml": LanguageTests.base])
    #expect(home["photos"]?.parameters["source"]?.stringValue == NSHomeDirectory() + "/faces")
  }

  // MARK: - Variants and the file's matrix

  @Test func axesSetSeedsVariablesAndPaths() throws {
    let pipeline = try load(
      """
      extends: base.yaml
      matrix: { seed: [1, 2], epochs: [10, 20], train.with.lr: [0.1] }
      """, others: ["base.yaml": LanguageTests.base])
    let train = pipeline.instances.filter { $0.stage == "train" }
    #expect(
      train.map(\.id) == [
        "train@seed=1,epochs=10", "train@seed=1,epochs=20", "train@seed=2,epochs=10", "train@seed=2,epochs=20",
      ])
    #expect(train.map(\.seed) == [1, 1, 2, 2])
    #expect(train.map { $0.parameters["epochs"] } == [10, 20, 10, 20])
    #expect(train.allSatisfy { $0.parameters["lr"] == 0.1 })
    #expect(pipeline.instances.filter { $0.stage != "train" }.map(\.id) == ["photos", "facelift", "split", "lr"])
  }

  @Test func everywhereSelectorsReadAllVariants() throws {
    let pipeline = try load(
      """
      extends: base.yaml
      matrix: { seed: [1, 2, 3] }
      stages:
        own: { uses: command, inputs: { x: "train@*.log" }, with: { run: [a] } }
        all: { uses: command, inputs: { x: "train@**.log" }, with: { run: [a] } }
      """, others: ["base.yaml": LanguageTests.base])
    #expect(pipeline.instances.filter { $0.stage == "own" }.count == 3)
    #expect(pipeline["own@seed=2"]?.inputs["x"]?.map(\.instance) == ["train@seed=2"])
    #expect(pipeline["all"]?.inputs["x"]?.map(\.instance) == ["train@seed=1", "train@seed=2", "train@seed=3"])
  }

  @Test func aVariantMayAddAndRemoveStages() throws {
    let pipeline = try load(
      """
      extends: base.yaml
      variants:
        plain: {}
        other:
          lr: null
          soft: { uses: depth.degrade, inputs: { dataset: split.dataset }, with: { kind: render } }
          train.inputs.lr: soft.pairs
      """, others: ["base.yaml": LanguageTests.base])
    #expect(
      Set(pipeline.instances.map(\.id)) == [
        "photos", "facelift", "split", "lr@plain", "soft@other", "train@plain", "train@other",
      ])
  }

  @Test func aMatrixWithLeftOutCombinationsStillSeparates() throws {
    let pipeline = try load(
      """
      extends: base.yaml
      matrix: { include: [{ epochs: 10, seed: 1 }, { epochs: 20, seed: 2 }] }
      """, others: ["base.yaml": LanguageTests.base])
    let train = pipeline.instances.filter { $0.stage == "train" }
    #expect(train.map(\.id) == ["train@epochs=10,seed=1", "train@epochs=20,seed=2"])
    #expect(train.map(\.seed) == [1, 2])
  }

  // MARK: - Settings

  @Test func aProfileChoosesTheExecutor() throws {
    let text = """
      version: 1
      stages: { a: { uses: command, with: { run: [a] } } }
      profiles:
        cluster:
          settings: { executor: slurm, slurm: { partition: gpu, arguments: [--exclusive], signal: 10min, max_jobs: 7 } }
          stages: { a: { resources: { executor: local } } }
      """
    #expect(try load(text).settings.executor == .local)
    let cluster = try load(text, profile: "cluster")
    #expect(cluster.settings.executor == .slurm && cluster["a"]?.resources.executor == .local)
    let slurm = cluster.settings.slurm
    #expect(slurm.partition == "gpu" && slurm.arguments == ["--exclusive"] && slurm.signal == 600 && slurm.maxJobs == 7)
  }

  @Test(arguments: [
    ("arguments: [--job-name=x]", "is chosen by the engine"),
    ("arguments: [-J, x]", "write an option and its value as one"),
    ("arguments: [-Jx]", "is chosen by the engine"), ("poll: 100ms", "`poll` must be 1 s or longer"),
    ("max_jobs: 0", "must be 1...100000"), ("partiton: x", "did you mean `partition`?"),
  ]) func badSlurmSettingsAreTold(_ setting: String, _ message: String) throws {
    let found = try problems(
      "version: 1\nstages: { a: { uses: command, with: { run: [a] } } }\nsettings: { slurm: { \(setting) } }\n")
    #expect(found.contains(message), "\(found)")
    #expect(found.contains("test.yaml:3:"))
  }

  @Test func settingsAndDefaults() throws {
    let pipeline = try load(
      """
      version: 1
      defaults: { retries: 2, timeout: 1h30m, on_bad_sample: skip, resources: { cpus: 2, memory: 1.5GB } }
      stages:
        a: \(LanguageTests.command)
        b:
          uses: command
          with: { run: [b] }
          retries: 0
          timeout: 90s
          on_bad_sample: fail
          resources: { memory: 512MiB, time: 2d }
          gate: { message: look, approve: automatic, coverage: 0.5 }
      """)
    let a = try #require(pipeline["a"])
    #expect(a.retries == 2 && a.timeout == 5400 && a.onBadSample == .skip && a.gate == nil)
    #expect(a.resources == StageResources(cpus: 2, memory: 1_500_000_000))
    let b = try #require(pipeline["b"])
    #expect(b.retries == 0 && b.timeout == 90 && b.onBadSample == .fail)
    #expect(b.resources == StageResources(cpus: 2, memory: 536_870_912, time: 172_800))
    #expect(b.gate == StageGate(approve: .automatic, coverage: 0.5, message: "look"))
  }

  @Test(arguments: [
    ("", GateApproval.explicit, true), ("gate: automatic", .automatic, true), ("gate: false", .explicit, false),
    ("gate: { approve: automatic }", .automatic, true),
  ])
  func gatesOfGatedTypes(_ text: String, _ approve: GateApproval, _ isThere: Bool) throws {
    let pipeline = try load(
      """
      version: 1
      stages:
        photos: { uses: images.collect, with: { source: a } }
        facelift:
          uses: facelift.ingest
          inputs: { photos: photos.images }
          \(text)
      """)
    let gate = pipeline["facelift"]?.gate
    #expect((gate != nil) == isThere)
    if let gate {
      #expect(gate.approve == approve && gate.coverage == 1)
      #expect(gate.message == "Put the results for ${inputs.photos} there.")
    }
  }

  @Test func keysAtTheTopThatStartWithXAreFree() throws {
    let pipeline = try load("version: 1\nx-common: &c [a]\nstages: { make: { uses: command, with: { run: *c } } }")
    #expect(pipeline["make"]?.parameters["run"] == ["a"])
  }
}
