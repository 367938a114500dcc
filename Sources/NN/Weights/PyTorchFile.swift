import Basics
import Foundation

/// A PyTorch checkpoint (`.pth`, `.pt`), in the zip format or the one before it. Tensors are copied out of their storages;
/// numbers, strings and containers become `plain`; anything else is refused with the opcode and the object it asks for.
///
/// Parity: `checkpoints/*`.
public struct PyTorchFile: Sendable {
  /// Tensors by their place: the keys of nested dictionaries (and positions in lists) joined by `/`, as in
  /// `model/enc1.0.weight`.
  public var tensors: [String: StoredTensor] = [:]
  /// Everything that is not a tensor, in the same nesting; tuples become lists, paths become strings.
  public var plain: JSON = .null

  /// - Throws: `WeightsError` naming the file and what is wrong with it or what it asks for.
  public static func read(_ url: URL) throws -> PyTorchFile {
    let data: Data
    do {
      data = try Data(contentsOf: url, options: .mappedIfSafe)
    } catch {
      throw WeightsError(file: url.path, reason: "cannot be read: \(error.localizedDescription)")
    }
    return try read(data, name: url.path)
  }

  /// Reads the bytes of a file; `name` stands for it in errors.
  public static func read(_ data: Data, name: String) throws -> PyTorchFile {
    let arena = PickleArena()
    defer { withExtendedLifetime(arena) {} }
    let isZip = data.starts(with: [0x50, 0x4B])
    let (root, storages) =
      isZip ? try readZip(data, name: name, arena: arena) : try readLegacy(data, name: name, arena: arena)
    var collector = PickleCollector(file: name, storages: storages, byteLimit: byteLimit(fileSize: data.count))
    let plain = try collector.visit(root, path: "", depth: 0)
    guard !collector.tensors.isEmpty else { throw WeightsError(file: name, reason: "holds no tensors") }
    return PyTorchFile(tensors: collector.tensors, plain: plain ?? .null)
  }

  private static func readZip(
    _ data: Data, name: String, arena: PickleArena
  ) throws -> (PickleValue, [String: Data]) {
    try data.withUnsafeBytes { bytes in
      let archive = try ZipArchive(bytes, file: name, byteLimit: byteLimit(fileSize: data.count))
      guard let pickle = archive.entries.keys.filter({ $0.hasSuffix("/data.pkl") }).min() else {
        throw WeightsError(file: name, reason: "a zip archive without `data.pkl`: not a PyTorch checkpoint")
      }
      let root = pickle.dropLast("data.pkl".count)
      if archive.entries["\(root)constants.pkl"] != nil {
        throw WeightsError(
          file: name, reason: "a TorchScript archive, which holds a program",
          help: "save the state dict: torch.save(module.state_dict(), file)")
      }
      if let order = try archive.bytes("\(root)byteorder"), String(decoding: order, as: UTF8.self) != "little" {
        throw WeightsError(file: name, reason: "its storages are not little-endian")
      }
      var machine = PickleMachine(ByteReader(try archive.bytes(pickle) ?? Data()), file: name, arena: arena)
      let value = try machine.run()
      var storages: [String: Data] = [:]
      for key in PickleCollector.storageTypes(value).keys {
        storages[key] = try archive.bytes("\(root)data/\(key)")
      }
      return (value, storages)
    }
  }

  /// Bytes that a file may unpack or expand to.
  private static func byteLimit(fileSize: Int) -> Int { max(1 << 28, fileSize * 4) }

  /// Five pickles (magic number, protocol, system, object, storage keys), then for each key an element count and the data.
  private static func readLegacy(
    _ data: Data, name: String, arena: PickleArena
  ) throws -> (PickleValue, [String: Data]) {
    var reader = ByteReader(data)
    func next() throws -> PickleValue {
      var machine = PickleMachine(reader, file: name, arena: arena)
      let value = try machine.run()
      reader = machine.reader
      return value
    }
    let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    guard case .bigInteger(let found) = try next(), found == magic else {
      throw WeightsError(file: name, reason: "not a PyTorch checkpoint: neither a zip archive nor the older format")
    }
    guard case .int(1001) = try next() else {
      throw WeightsError(file: name, reason: "an unknown version of the older PyTorch format")
    }
    if case .dictionary(let system) = try next() {
      for case (.string("little_endian"), .bool(false)) in system.entries {
        throw WeightsError(file: name, reason: "its storages are not little-endian")
      }
    }
    let root = try next()
    guard case .list(let keys) = try next() else {
      throw WeightsError(file: name, reason: "the list of storage keys is missing")
    }
    // The data says how many elements a storage has; their size stands with the tensors that use it.
    let types = PickleCollector.storageTypes(root)
    var storages: [String: Data] = [:]
    do {
      for case .string(let key) in keys.items {
        let count = try reader.integer(UInt64.self)
        let size = types[key]?.size ?? 1
        guard count <= UInt64(reader.remaining / size) else { throw ByteReader.PastEnd() }
        storages[key] = try reader.take(Int(count) * size)
      }
    } catch is ByteReader.PastEnd {
      throw WeightsError(file: name, reason: "truncated: the data of its storages is incomplete")
    }
    return (root, storages)
  }
}
