import Basics
import Foundation

/// Walks an unpickled value, copies its tensors out of their storages and turns the rest into JSON. Bounded in depth, in
/// the number of values and in the bytes of expanded tensors, since a small file may describe a huge structure.
struct PickleCollector {
  let file: String
  let storages: [String: Data]
  /// Bytes that all tensors together may take.
  let byteLimit: Int
  private(set) var tensors: [String: StoredTensor] = [:]
  private var visited = 0
  private var textBytes = 0
  private var bytes = 0

  init(file: String, storages: [String: Data], byteLimit: Int) {
    self.file = file
    self.storages = storages
    self.byteLimit = byteLimit
  }

  private func refuse(_ reason: String) -> WeightsError { WeightsError(file: file, reason: reason) }

  /// The plain part of `value`, nil for a tensor.
  mutating func visit(_ value: PickleValue, path: String, depth: Int) throws -> JSON? {
    visited += 1
    let limit = InputBudget.Checkpoint.self
    guard depth <= limit.depth else {
      throw refuse("`\(path.prefix(80))` is nested more than \(limit.depth) levels deep, or in itself")
    }
    guard visited <= limit.values else { throw refuse("describes more than \(limit.values) values") }
    // Values that are referred to from many places cost again at each of them, and their paths hold all the keys above.
    textBytes += path.utf8.count
    switch value {
    case .string(let text), .inert(_, let text): textBytes += text.utf8.count
    case .bigInteger(let bytes): textBytes += 2 * bytes.count
    default: break
    }
    guard textBytes <= limit.textBytes else {
      throw refuse(
        "describes more than \(limit.textBytes >> 20) MiB of text, counting names and what is referred to again")
    }
    switch value {
    case .none: return .null
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .bigInteger(let bytes):
      return .string("0x" + bytes.reversed().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())
    case .double(let value): return .double(value)
    case .string(let value): return .string(value)
    case .bytes(let data): return .string("\(data.count) bytes")
    case .inert(_, let text): return .string(text)
    case .tuple(let items, _): return try visit(items: items, path: path, depth: depth)
    case .list(let list): return try visit(items: list.items, path: path, depth: depth)
    case .dictionary(let dictionary):
      var members: [String: JSON] = [:]
      for (key, item) in dictionary.entries {
        let name: String
        switch key {
        case .string(let text): name = text
        case .int(let number): name = String(number)
        default: throw refuse("a dictionary below `\(path)` has a key that is neither text nor an integer")
        }
        members[name] = try visit(item, path: path.isEmpty ? name : "\(path)/\(name)", depth: depth + 1)
      }
      return .object(members)
    case .tensor(let tensor):
      tensors[path.isEmpty ? "tensor" : path] = try materialise(tensor, path: path)
      return nil
    case .storage: throw refuse("`\(path)` is a bare storage, not a tensor")
    case .global: throw refuse("`\(path)` is a type or function, not a value")
    }
  }

  private mutating func visit(items: [PickleValue], path: String, depth: Int) throws -> JSON {
    var result: [JSON] = []
    for (index, item) in items.enumerated() {
      if let json = try visit(item, path: path.isEmpty ? "\(index)" : "\(path)/\(index)", depth: depth + 1) {
        result.append(json)
      }
    }
    return .array(result)
  }

  private mutating func materialise(_ tensor: PickleTensor, path: String) throws -> StoredTensor {
    let type = tensor.storage.type
    let storage = tensor.storage
    guard let data = storages[storage.key] else { throw refuse("`\(path)`: storage `\(storage.key)` is missing") }
    var count = 1
    var last = tensor.offset
    for (extent, stride) in zip(tensor.shape, tensor.strides) {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      let (reach, overflow2) = max(extent - 1, 0).multipliedReportingOverflow(by: stride)
      let (sum, overflow3) = last.addingReportingOverflow(reach)
      guard !overflow, !overflow2, !overflow3 else {
        throw refuse("`\(path)` of shape \(tensor.shape) has more elements than can be counted")
      }
      (count, last) = (product, sum)
    }
    let available = data.count / type.size
    guard count == 0 || last < available else {
      throw refuse(
        "`\(path)` of shape \(tensor.shape) reaches element \(last) of storage `\(storage.key)`, which has \(available)"
      )
    }
    guard count <= byteLimit / type.size, bytes <= byteLimit - count * type.size else {
      throw refuse("its tensors expand to more than \(byteLimit) bytes")
    }
    bytes += count * type.size
    return StoredTensor(type: type, shape: tensor.shape, bytes: gather(tensor, from: data, count: count))
  }

  /// Row-major bytes of a strided view. The bounds were checked above.
  private func gather(_ tensor: PickleTensor, from data: Data, count: Int) -> Data {
    let size = tensor.storage.type.size
    // Before the strides are multiplied out: beside an empty axis the others may be as long as they like.
    if count == 0 { return Data() }
    var contiguous = 1
    var isContiguous = true
    for (extent, stride) in zip(tensor.shape, tensor.strides).reversed() {
      if extent != 1 && stride != contiguous { isContiguous = false }
      contiguous *= extent
    }
    let start = data.startIndex + tensor.offset * size
    if isContiguous { return data[start..<(start + count * size)] }
    var result = Data(capacity: count * size)
    var index = [Int](repeating: 0, count: tensor.shape.count)
    var element = tensor.offset
    data.withUnsafeBytes { raw in
      for _ in 0..<count {
        result.append(contentsOf: raw[(element * size)..<(element * size + size)])
        for axis in stride(from: tensor.shape.count - 1, through: 0, by: -1) {
          index[axis] += 1
          element += tensor.strides[axis]
          if index[axis] < tensor.shape[axis] { break }
          element -= tensor.strides[axis] * tensor.shape[axis]
          index[axis] = 0
        }
      }
    }
    return result
  }

  /// The element type of each storage that the tensors of `value` use.
  static func storageTypes(_ value: PickleValue) -> [String: ElementType] {
    var types: [String: ElementType] = [:]
    var seen: Set<ObjectIdentifier> = []
    var budget = 5_000_000
    func walk(_ value: PickleValue, _ depth: Int) {
      budget -= 1
      guard depth < 64, budget > 0 else { return }
      switch value {
      case .tensor(let tensor): types[tensor.storage.key] = tensor.storage.type
      case .storage(let storage): types[storage.key] = storage.type
      case .tuple(let items, _): for item in items { walk(item, depth + 1) }
      case .list(let list):
        if seen.insert(ObjectIdentifier(list)).inserted { for item in list.items { walk(item, depth + 1) } }
      case .dictionary(let dictionary):
        if seen.insert(ObjectIdentifier(dictionary)).inserted {
          for entry in dictionary.entries { walk(entry.value, depth + 1) }
        }
      default: break
      }
    }
    walk(value, 0)
    return types
  }
}
