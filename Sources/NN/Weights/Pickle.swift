import Foundation

/// A value found in a pickle: plain data, tensors, and nothing that could run.
indirect enum PickleValue {
  case none
  case bool(Bool)
  case int(Int)
  /// An integer too large for `Int`: its little-endian two's complement bytes.
  case bigInteger([UInt8])
  case double(Double)
  case string(String)
  case bytes(Data)
  /// `depth` counts the tuples nested inside; the machine limits it, since releasing a nest recurses.
  case tuple([PickleValue], depth: Int)
  case list(PickleList)
  case dictionary(PickleDictionary)
  /// A name the file refers to; only those of `PickleGlobal` get this far.
  case global(PickleGlobal)
  case storage(PickleStorage)
  case tensor(PickleTensor)
  /// An object kept as text without ever being built (paths).
  case inert(type: String, text: String)
}

/// Lists are filled after they are memoised, so they need identity.
final class PickleList {
  var items: [PickleValue] = []
}

/// Holds every list and dictionary of a file and empties them at the end, so that neither cycles nor a nest a million
/// levels deep outlive it or overflow the stack when released.
final class PickleArena {
  private var lists: [PickleList] = []
  private var dictionaries: [PickleDictionary] = []

  func makeList() -> PickleList {
    lists.append(PickleList())
    return lists[lists.count - 1]
  }

  func makeDictionary() -> PickleDictionary {
    dictionaries.append(PickleDictionary())
    return dictionaries[dictionaries.count - 1]
  }

  deinit {
    for list in lists { list.items = [] }
    for dictionary in dictionaries { dictionary.entries = [] }
  }
}

/// A dictionary in insertion order; keys may be any plain value.
final class PickleDictionary {
  var entries: [(key: PickleValue, value: PickleValue)] = []
}

/// A reference to a storage of the archive, by its key.
struct PickleStorage {
  var key: String
  var type: ElementType
  /// Elements, as the pickle claims.
  var count: Int
}

/// A strided view of a storage, as the pickle claims; checked when the storage is read.
struct PickleTensor {
  var storage: PickleStorage
  var offset: Int
  var shape: [Int]
  var strides: [Int]
}

/// Everything a file may name. Any other name is refused before anything is done with it.
enum PickleGlobal: Equatable {
  case orderedDictionary
  case rebuildTensor
  case rebuildParameter
  case size
  case storageType(ElementType)
  case path(String)

  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch", "Size"): self = .size
    case ("torch", let type), ("torch.cuda", let type):
      guard let element = Self.storageTypes[type] else { return nil }
      self = .storageType(element)
    case ("pathlib", let type), ("pathlib._local", let type):
      guard ["PurePosixPath", "PosixPath", "PureWindowsPath", "WindowsPath", "PurePath", "Path"].contains(type) else {
        return nil
      }
      self = .path("pathlib.\(type)")
    default: return nil
    }
  }

  private static let storageTypes: [String: ElementType] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
    "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8,
    "BoolStorage": .bool,
  ]
}
