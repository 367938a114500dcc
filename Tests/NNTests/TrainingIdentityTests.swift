import Basics
import Foundation
import NN
import Testing

/// A checkpoint is resumed by the run that wrote it and by no other.
@Suite struct TrainingIdentityTests {
  /// A change of every property; a property that is missing here, or in the identity, fails the test.
  static let changes: [String: @Sendable (inout TrainerConfiguration) -> Void] = [
    "epochs": { $0.epochs += 1 }, "batch": { $0.batch += 1 }, "accumulation": { $0.accumulation += 1 },
    "repeats": { $0.repeats += 1 }, "rule": { $0.rule = .sgd(momentum: 0.9, nesterov: true, weightDecay: 0) },
    "epsilon": { $0.epsilon = 1e-6 }, "learningRate": { $0.learningRate = 1 },
    "groups": { $0.groups = [ParameterGroup(match: ["a"])] }, "schedule": { $0.schedule = .constant },
    "scheduleUnit": { $0.scheduleUnit = .step }, "loss": { $0.loss[.mse] = 1 },
    "clipping": { $0.clipping = .norm(limit: 1, order: 2) }, "averageDecay": { $0.averageDecay = 0.9 },
    "augmentation": { $0.augmentation.turns = true }, "best": { $0.best = .psnr },
    "validationInterval": { $0.validationInterval = 2 }, "validationPatch": { $0.validationPatch = 8 },
    "seed": { $0.seed = 1 }, "checkpointInterval": { $0.checkpointInterval = 1 }, "cacheLimit": { $0.cacheLimit = 1 },
  ]
  /// Properties that change no result.
  static let free: Set<String> = ["checkpointInterval", "cacheLimit"]

  private func identity(_ configuration: TrainerConfiguration) -> TrainingIdentity {
    TrainingIdentity(configuration, data: "d", training: ["a", "b"], validation: ["c"])
  }

  @Test func everyPropertyIsListed() {
    let labels = Mirror(reflecting: TrainerConfiguration()).children.compactMap(\.label)
    #expect(Set(labels) == Set(Self.changes.keys))
    let augmentation = Mirror(reflecting: Augmentation()).children.count
    let json = identity(TrainerConfiguration()).json["configuration"]
    #expect(json?["augmentation"]?.objectValue?.count == augmentation)
    #expect(json?.objectValue?.count == labels.count - Self.free.count)
  }

  @Test(arguments: changes.keys.sorted()) func aChangeIsAnotherRun(_ name: String) throws {
    var changed = TrainerConfiguration()
    let change = try #require(Self.changes[name])
    change(&changed)
    let differences = identity(changed).differences(from: identity(TrainerConfiguration()))
    #expect(differences.isEmpty == Self.free.contains(name), "\(differences)")
    #expect(differences.allSatisfy { $0.hasPrefix("configuration.") })
  }

  @Test func settingsOfTheLossAndTheDataCount() {
    var changed = TrainerConfiguration()
    changed.loss[.charbonnierEpsilon] = 1e-6
    #expect(
      identity(changed).differences(from: identity(TrainerConfiguration()))
        == ["configuration.loss.settings.charbonnier_epsilon"])
    let other = TrainingIdentity(TrainerConfiguration(), data: "e", training: ["a"], validation: ["c"])
    #expect(other.differences(from: identity(TrainerConfiguration())) == ["data", "training"])
  }

  /// Names and values of version 1: a change here would orphan every unfinished training.
  @Test func theFormIsAsItWas() {
    #expect(
      identity(TrainerConfiguration()).json.canonical == #"""
        {"configuration":{"accumulation":4,"augmentation":{"brightness":null,"contrast":null,"flips_horizontally":false,"flips_vertically":false,"least_mask":0.25,"patch":null,"turns":false},"average_decay":null,"batch":2,"best":"l1","clipping":null,"epochs":100,"epsilon":1e-08,"groups":[],"learning_rate":0.0001,"loss":{"settings":{},"weights":{"gradient":0.5,"l1":1.0}},"repeats":1,"rule":{"beta1":0.9,"beta2":0.999,"type":"adamw","weight_decay":0.0001},"schedule":{"minimum":0.0,"period":100,"type":"cosine"},"schedule_unit":"epoch","seed":"0","validation_interval":1,"validation_patch":null},"data":"d","training":"7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78","validation":"2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6","version":1}
        """#)
  }

  @Test func aCheckpointOfAnotherRunIsNamedAndNotUsed() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }  // a leftover harms no test
    func run(_ change: (inout TrainerConfiguration) -> Void = { _ in }) throws -> [String] {
      var settings = TrainerConfiguration()
      (settings.epochs, settings.batch, settings.accumulation) = (1, 2, 1)
      settings.augmentation = Augmentation(patch: 8)
      change(&settings)
      let trainer = Trainer(
        DepthUpResUNet(baseChannels: 2, WeightInitialiser(seed: 3)), settings, training: makeExamples(2, seed: 1),
        validation: MemorySource([]), checkpoints: folder)
      var notes: [String] = []
      trainer.onNote = { notes.append($0) }
      try trainer.run()
      return notes
    }
    _ = try run()
    #expect(try run() == ["resumed after epoch 1, step 0"])
    let notes = try run { $0.learningRate = 3e-4 }
    #expect(
      notes.first?.hasSuffix("is of another run and is not used; they differ in configuration.learning_rate") == true)
    // The format whose identity was a digest of printed Swift values.
    let old = Safetensors.data([:], metadata: ["format": "pipeline-checkpoint-2", "state": "{}"])
    for name in ["checkpoint.safetensors", "checkpoint.previous.safetensors"] {
      try old.write(to: folder.appending(path: name))
    }
    let anew = try run()
    #expect(anew.count == 2 && anew.allSatisfy { $0.hasSuffix("the training starts anew") })
  }
}
