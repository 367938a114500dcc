import Basics
import Foundation
import NN
import Testing

/// A training's event file, read by a reader that shares no code with the writer, and by TensorBoard itself where
/// TENSORBOARD_PYTHON names a Python that has it.
@Suite struct TensorBoardReadingTests {
  static let python = ProcessInfo.processInfo.environment["TENSORBOARD_PYTHON"]

  private func history() throws -> History {
    var settings = TrainerConfiguration()
    (settings.epochs, settings.batch, settings.accumulation) = (3, 1, 1)
    settings.schedule = .cosine(period: 3, minimum: 0)
    let plane = (0..<256).map { Float($0 % 17) / 17 }
    let sample = TrainingSample(
      name: "a", height: 4, width: 4, scale: 4, image: (0..<16).map { plane[$0 * 16] }, target: plane)
    let trainer = Trainer(
      try ModelCatalogue.make(["type": "edsr-light", "channels": 4, "blocks": 1]), settings,
      training: MemorySource([sample]), validation: MemorySource([sample]), checkpoints: nil)
    try trainer.run()
    return trainer.history
  }

  @Test func theFramesHoldAndSayWhatTheHistorySays() throws {
    let history = try history()
    let records = try Self.records(TensorBoardFile.data(history.tensorBoard))
    #expect(records.count == 4, "the version and three epochs")
    for (epoch, record) in zip(history.epochs, records.dropFirst()) {
      let text = String(decoding: record, as: UTF8.self)
      for tag in ["learning_rate", "loss/train", "loss/l1", "loss/gradient", "val/l1", "val/psnr"] {
        #expect(text.contains(tag))
      }
      let value = withUnsafeBytes(of: Float(epoch.trainingLoss).bitPattern.littleEndian) { Data($0) }
      let tag = try #require(record.range(of: Data("loss/train".utf8)))
      #expect(record[tag.upperBound + 1..<tag.upperBound + 5] == value)
    }
    let again = try self.history()
    #expect(TensorBoardFile.data(history.tensorBoard) == TensorBoardFile.data(again.tensorBoard))
  }

  @Test(.enabled(if: python != nil, "TENSORBOARD_PYTHON names no Python with TensorBoard"))
  func tensorBoardReadsIt() throws {
    let history = try history()
    let folder = FileManager.default.temporaryDirectory.appending(path: "events-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // a leftover harms no test
    try TensorBoardFile.data(history.tensorBoard).write(to: folder.appending(path: "events.out.tfevents.0.pipeline"))
    let script = """
      import sys, json
      from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
      a = EventAccumulator(sys.argv[1]); a.Reload()
      print(json.dumps({t: [[e.step, e.value] for e in a.Scalars(t)] for t in a.Tags()["scalars"]}))
      """
    let process = Process()
    process.executableURL = URL(filePath: Self.python ?? "")
    process.arguments = ["-c", script, folder.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let found = try JSON(parsing: output)
    for (tag, values) in [
      ("loss/train", history.epochs.map(\.trainingLoss)), ("val/l1", history.epochs.compactMap(\.validationL1)),
      ("learning_rate", history.epochs.map(\.learningRate)),
    ] {
      let events = try #require(found[tag]?.arrayValue, "TensorBoard finds no \(tag)")
      #expect(events.compactMap { $0.arrayValue?.first?.intValue } == [1, 2, 3])
      let read = events.compactMap { $0.arrayValue?.last?.doubleValue }
      #expect(zip(read, values).allSatisfy { abs($0 - $1) <= 1e-6 * abs($1) } && read.count == values.count)
    }
  }

  /// Records of TensorFlow's framing: length, its masked CRC-32C, payload, its masked CRC-32C; the checksums bit by bit.
  private static func records(_ data: Data) throws -> [Data] {
    func crc(_ bytes: Data) -> UInt32 {
      var value: UInt32 = 0xFFFF_FFFF
      for byte in bytes {
        value ^= UInt32(byte)
        for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
      }
      value = ~value
      return ((value >> 15) | (value << 17)) &+ 0xA282_EAD8
    }
    func number(_ bytes: Data) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    var rest = Data(data)
    var result: [Data] = []
    while !rest.isEmpty {
      try #require(rest.count >= 12)
      let length = Int(number(rest.prefix(8)))
      #expect(UInt32(number(rest.dropFirst(8).prefix(4))) == crc(rest.prefix(8)))
      try #require(rest.count >= 16 + length)
      let payload = Data(rest.dropFirst(12).prefix(length))
      #expect(UInt32(number(rest.dropFirst(12 + length).prefix(4))) == crc(payload))
      result.append(payload)
      rest = Data(rest.dropFirst(16 + length))
    }
    return result
  }
}
