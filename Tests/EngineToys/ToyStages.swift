import Basics
import Foundation
import Pipeline

/// Small stages that behave in every way the engine must cope with. `trace` names a file, outside the key, to which every
/// execution adds a line: how tests count what really ran.
public enum Toys {
  public static let catalogue = StageCatalogue([
    ToyCollect.self, ToyMap.self, ToyPair.self, ToyJoin.self, ToyTrain.self, ToyGate.self, ToyStep.self, ToyRead.self,
  ])
}

public struct ToyParameters: StageParameters {
  public var folder = UserPath("")
  public var trace = UserPath("")
  /// A file that names the class of hardware of this machine, and may say `fails`; outside the key like the machine itself.
  public var machine = UserPath("")
  public var add = ""
  public var steps = 3
  public var delay = 0
  public var fail = ""
  public var number = 0.5
  public var choices: [String] = []
  /// Leaves its output the same whatever `add` is.
  public var ignore = false

  public static let fields: [ParameterField<Self>] = [
    .init("folder", \.folder, "Folder read."), .init("trace", \.trace, "Where executions are counted."),
    .init("machine", \.machine, "The class of hardware."),
    .init("add", \.add, "Text to add."), .init("steps", \.steps, "Steps to take."),
    .init("delay", \.delay, "Milliseconds of each sample or step."), .init("fail", \.fail, "How to fail."),
    .init("number", \.number, "A number."), .init("choices", \.choices, "A list."),
    .init("ignore", \.ignore, "Whether the text to add is ignored."),
  ]

  public init() {}

  func leaveTrace(_ line: String) {
    guard !trace.path.isEmpty else { return }
    let fd = open(trace.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    let bytes = Array((line + "\n").utf8)
    _ = write(fd, bytes, bytes.count)
    close(fd)
  }

  private var machineWords: [Substring] {
    // No file: no hardware matters.
    ((try? String(contentsOfFile: machine.path, encoding: .utf8)) ?? "").split(separator: " ")
  }
  var hardware: HardwareClass? { machineWords.first.map { HardwareClass(rawValue: String($0)) } }
  var machineFails: Bool { machineWords.contains("fails") }

  func wait() { if delay > 0 { usleep(UInt32(delay) * 1000) } }
  var text: String { ignore ? "" : add }
  /// Samples have a record and no files, so that thousands take seconds.
  var isRecordOnly: Bool { choices.contains("record") }
}

private func read(_ file: StoredFile) throws -> String {
  String(decoding: try Data(contentsOf: file.url), as: UTF8.self)
}

/// One sample for each file of a folder.
public struct ToyCollect: SampleStage {
  public typealias Parameters = ToyParameters
  public static let type: StageType = "toy.collect"
  public static let version = 1
  public static let summary = "Reads a folder."
  public static let inputs: [InputPort] = [InputPort("material", arity: .optional, lookup: true, doc: "")]
  public static let outputs = [OutputPort("samples", "text", .samples, doc: "")]
  public static let over = SampleDriver.source("folder")
  public init() {}

  public func sources(_ parameters: Parameters) -> [ExternalSource] {
    [
      ExternalSource(
        "folder", at: parameters.folder.path.isEmpty ? .input(port: "material") : .path(parameters.folder.path))
    ]
  }

  public func run(sample context: SampleContext, _ parameters: Parameters) throws {
    parameters.leaveTrace("collect \(context.name)")
    parameters.wait()
    guard let source = context.source else { throw StageFailure("no file") }
    let text = try read(source)
    if text.contains("BAD") { throw BadSample("the file says BAD") }
    if text.contains("CRASH") { throw StageFailure("the file says CRASH") }
    if parameters.isRecordOnly { return context.record(["text": .string(text)], port: "samples") }
    try context.write(Data((text + parameters.text).utf8), as: "data.txt", port: "samples")
    context.record(["length": .int(text.utf8.count)], port: "samples")
  }

  public func finish(_ context: CollectContext, _ parameters: Parameters) throws {
    guard parameters.choices.contains("dedupe") else { return }
    var seen: Set<Digest> = []
    for sample in context.samples("samples") {
      if let file = sample.files["data.txt"], !seen.insert(file.digest).inserted {
        context.reject(sample.name, "duplicate")
      }
    }
  }
}

/// Adds text to every sample.
public struct ToyMap: SampleStage {
  public typealias Parameters = ToyParameters
  public static let type: StageType = "toy.map"
  public static let version = 1
  public static let summary = "Adds text to every sample."
  public static let inputs = [
    InputPort("in", "text", doc: ""), InputPort("table", "table", arity: .optional, doc: ""),
  ]
  public static let outputs = [OutputPort("samples", "text", .samples, doc: "")]
  public static let usesSeed = true
  public static let over = SampleDriver.input("in")
  public init() {}
  public func hardwareClass(_ parameters: Parameters) -> HardwareClass? { parameters.hardware }

  public func run(sample context: SampleContext, _ parameters: Parameters) throws {
    parameters.leaveTrace("map\(parameters.add) \(context.name)")
    parameters.wait()
    if parameters.isRecordOnly {
      let text = context.samples["in"]?.record["text"]?.stringValue ?? ""
      return context.record(["text": .string(text + parameters.text)], port: "samples")
    }
    let file = try context.file("data.txt", of: "in")
    if parameters.fail == "edit" { throw StageFailure("asked to fail") }
    let text = try read(file)
    if parameters.fail == "pass" { return context.pass(file, as: "data.txt", port: "samples") }
    try context.write(
      Data((text + parameters.text + "/\(context.seed % 10)").utf8), as: "data.txt", port: "samples")
  }
}

/// Two sample inputs matched by name.
public struct ToyPair: SampleStage {
  public typealias Parameters = ToyParameters
  public static let type: StageType = "toy.pair"
  public static let version = 1
  public static let summary = "Joins two collections by name."
  public static let inputs = [InputPort("left", "text", doc: ""), InputPort("right", "text", doc: "")]
  public static let outputs = [OutputPort("samples", "text", .samples, doc: "")]
  public static let over = SampleDriver.input("left")
  public init() {}

  public func run(sample context: SampleContext, _ parameters: Parameters) throws {
    parameters.leaveTrace("pair\(parameters.add) \(context.name)")
    let text = try read(context.file("data.txt", of: "left")) + "|" + read(context.file("data.txt", of: "right"))
    try context.write(Data((text + parameters.text).utf8), as: "data.txt", port: "samples")
  }
}

/// Everything in one table.
public struct ToyJoin: WholeStage {
  public typealias Parameters = ToyParameters
  public static let type: StageType = "toy.join"
  public static let version = 1
  public static let summary = "Joins everything."
  public static let inputs = [InputPort("in", arity: .many, doc: "")]
  public static let outputs = [OutputPort("table", "table", .files, doc: "")]
  public init() {}

  public func run(_ context: StageContext, _ parameters: Parameters) async throws {
    parameters.leaveTrace("join\(parameters.add)")
    parameters.wait()
    if parameters.fail == "always" { throw StageFailure("asked to fail", help: "ask for something else") }
    if parameters.fail == "crash" { fatalError("a toy breaks") }
    if parameters.fail == "kill" { kill(getpid(), SIGKILL) }
    if parameters.fail == "memory" { useMemory() }
    if parameters.fail == "hang" { while true { sleep(1) } }
    if parameters.fail == "swell" { swell() }
    if parameters.fail == "once" {
      let mark = context.scratch.appendingPathComponent("tried")
      if !FileManager.default.fileExists(atPath: mark.path) {
        try Data().write(to: mark)
        throw StageFailure("the first attempt fails")
      }
    }
    var text = ""
    for input in context.inputs["in"] ?? [] {
      for sample in input.artifact.samples {
        if let record = sample.record["text"]?.stringValue { text += "\(sample.name): \(record)\n" }
        for (role, file) in sample.files.sorted(by: { $0.key < $1.key }) {
          text += "\(sample.name)/\(role): \(try read(file))\n"
        }
      }
      for (path, file) in input.artifact.files.sorted(by: { $0.key < $1.key }) {
        text += "\(path): \(try read(file))\n"
      }
    }
    try context.write(text + parameters.text, to: "table.txt", port: "table")
    try context.write("lines: \(text.split(separator: "\n").count)\n", to: "summary.txt", port: "table")
  }
}

/// Takes memory and writes to it until the kernel has had enough, 4 GB at most.
private func useMemory() {
  for _ in 0..<400 {
    let block = UnsafeMutableRawPointer.allocate(byteCount: 10_000_000, alignment: 4096)
    memset(block, 1, 10_000_000)
  }
}

/// Holds 300 MB for twenty seconds: enough for a batch system to notice.
private func swell() {
  let block = UnsafeMutableRawPointer.allocate(byteCount: 300_000_000, alignment: 4096)
  memset(block, 1, 300_000_000)
  sleep(20)
  block.deallocate()
}

/// A chain of digests in many steps, with a checkpoint after each.
public struct ToyTrain: WholeStage {
  public typealias Parameters = ToyParameters
  public static let type: StageType = "toy.train"
  public static let version = 1
  public static let summary = "Takes many steps."
  public static let inputs = [InputPort("in", doc: "")]
  public static let outputs = [OutputPort("table", "table", .files, doc: "")]
  public static let usesSeed = true
  public init() {}
  public func hardwareClass(_ parameters: Parameters) -> HardwareClass? { parameters.hardware }

  public func run(_ context: StageContext, _ parameters: Parameters) async throws {
    let checkpoint = context.scratch.appendingPathComponent("state")
    var step = 0
    var state = Digest.of("\(context.seed)")
    if let saved = try? String(contentsOf: checkpoint, encoding: .utf8) {  // none yet: a new start
      let fields = saved.split(separator: " ")
      step = Int(fields[0]) ?? 0
      state = Digest(hex: String(fields[1])) ?? state
      if let own = parameters.hardware, fields.count > 2, fields[2] != own.rawValue {
        context.services.note("goes on from a checkpoint of \(fields[2])")
        context.record(madeOn: [HardwareClass(rawValue: String(fields[2])), own])
      }
    }
    let input = try context.input("in")
    while step < parameters.steps {
      if context.services.isStopping { throw CancellationError() }
      if step == 2, parameters.machineFails { throw StageFailure("the machine failed") }
      parameters.leaveTrace("step \(step)")
      parameters.wait()
      state = Digest.of("\(state) \(input.digest) \(step)")
      step += 1
      try Data("\(step) \(state.hex) \(parameters.hardware?.rawValue ?? "")".utf8).write(
        to: checkpoint, options: .atomic)
      context.services.report(StageProgress(done: step, total: parameters.steps, unit: "steps"))
    }
    try context.write(state.hex, to: "model.txt", port: "table")
  }
}

/// Waits for one file for each sample.
public struct ToyGate: SampleStage {
  public typealias Parameters = ToyParameters
  public static let type: StageType = "toy.gate"
  public static let version = 1
  public static let summary = "Takes what an outside program made of each sample."
  public static let inputs = [
    InputPort("photos", "text", doc: ""), InputPort("folder", arity: .optional, lookup: true, doc: ""),
  ]
  public static let outputs = [OutputPort("samples", "text", .samples, doc: "")]
  public static let gate: StageGate? = StageGate(approve: .explicit, message: "Make one file for each photo.")
  public static let over = SampleDriver.input("photos")
  public init() {}

  public func externalFiles(_ parameters: Parameters) -> ExternalFiles? {
    let places: [FileReference] = [.path(parameters.folder.path), .input(port: "folder")]
    return { sample in [ExternalFile("result", candidates: places.map { $0.appending("\(sample).txt") })] }
  }

  public func run(sample context: SampleContext, _ parameters: Parameters) throws {
    parameters.leaveTrace("gate \(context.name)")
    guard let file = context.external["result"] else { throw BadSample("no result") }
    let text = try read(file)
    if text.contains("BAD") { throw BadSample("the result says BAD") }
    if parameters.fail == "edit" {
      // Somebody changes the file while it is read.
      try Data("edited \(UInt64.random(in: 0 ... .max))".utf8).write(to: file.url)
    }
    context.pass(file, as: "data.txt", port: "samples")
  }
}

/// Any number of inputs of any kind; output depends on all of them.
public struct ToyStep: WholeStage {
  public typealias Parameters = ToyParameters
  public static let type: StageType = "toy.step"
  public static let version = 1
  public static let summary = "Hashes its inputs."
  public static let inputs = [InputPort("in", arity: .many, doc: "")]
  public static let outputs = [OutputPort("table", "table", .files, doc: "")]
  public init() {}

  public func run(_ context: StageContext, _ parameters: Parameters) async throws {
    parameters.leaveTrace(parameters.choices.first ?? "step")
    parameters.wait()
    let inputs = (context.inputs["in"] ?? []).map(\.artifact.digest.hex).joined(separator: " ")
    try context.write(Digest.of("\(parameters.text) \(inputs)").hex, to: "value.txt", port: "table")
  }
}

/// Reads a folder of the user's as a whole.
public struct ToyRead: WholeStage {
  public typealias Parameters = ToyParameters
  public static let type: StageType = "toy.read"
  public static let version = 1
  public static let summary = "Copies a folder into an artifact."
  public static let inputs: [InputPort] = []
  public static let outputs = [OutputPort("files", "folder", .files, doc: "")]
  public init() {}

  public func sources(_ parameters: Parameters) -> [ExternalSource] {
    [ExternalSource("folder", path: parameters.folder.path)]
  }

  public func run(_ context: StageContext, _ parameters: Parameters) async throws {
    parameters.leaveTrace("read")
    parameters.wait()
    if parameters.ignore {
      return try context.write("\(context.sources["folder"]?.count ?? 0)", to: "n", port: "files")
    }
    for (path, file) in context.sources["folder"] ?? [] {
      context.outputs.add(file: file, at: path, port: "files")
    }
  }
}
