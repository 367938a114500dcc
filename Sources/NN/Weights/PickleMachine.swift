import Basics
import Foundation

/// A pickle interpreter for data only. It knows the opcodes of plain containers and numbers and the few names of
/// `PickleGlobal`; for anything else it stops and names the opcode, its position and the object asked for. Nothing is
/// imported, called or built.
///
/// Source: the opcode descriptions of CPython's `pickletools`.
struct PickleMachine {
  private enum Slot {
    case mark
    case value(PickleValue)
  }

  private(set) var reader: ByteReader
  private let file: String
  private let arena: PickleArena
  private var stack: [Slot] = []
  private var memo: [Int: PickleValue] = [:]
  private var opcodePosition = 0

  init(_ reader: ByteReader, file: String, arena: PickleArena) {
    self.reader = reader
    self.file = file
    self.arena = arena
  }

  private func refuse(_ reason: String) -> WeightsError {
    WeightsError(file: file, reason: "\(reason) (pickle opcode at byte \(opcodePosition))")
  }

  /// Refusal of an object that is not plain data.
  private func refuse(global: String, opcode: String) -> WeightsError {
    WeightsError(
      file: file,
      reason:
        "refused: opcode \(opcode) at byte \(opcodePosition) asks for `\(global)`; only tensors and plain containers "
        + "are read, and nothing is executed",
      help: "save the state dict alone: torch.save(model.state_dict(), file), or convert it to safetensors")
  }

  /// Interprets one pickle and leaves `reader` behind its STOP.
  mutating func run() throws -> PickleValue {
    do {
      while true {
        opcodePosition = reader.position
        let code = try reader.byte()
        if code == UInt8(ascii: ".") { return try pop() }
        try step(code)
      }
    } catch is ByteReader.PastEnd {
      throw WeightsError(file: file, reason: "the pickle is truncated at byte \(reader.position)")
    }
  }

  private mutating func push(_ value: PickleValue) { stack.append(.value(value)) }

  private mutating func pushTuple(_ items: [PickleValue]) throws {
    var depth = 1
    for case .tuple(_, let inner) in items { depth = max(depth, inner + 1) }
    guard depth <= InputBudget.Checkpoint.depth else {
      throw refuse("tuples nest more than \(InputBudget.Checkpoint.depth) levels deep")
    }
    push(.tuple(items, depth: depth))
  }

  private mutating func pop() throws -> PickleValue {
    guard case .value(let value)? = stack.popLast() else { throw refuse("the pickle's stack is empty") }
    return value
  }

  private func top() throws -> PickleValue {
    guard case .value(let value)? = stack.last else { throw refuse("the pickle's stack is empty") }
    return value
  }

  private mutating func popToMark() throws -> [PickleValue] {
    guard let mark = stack.lastIndex(where: { if case .mark = $0 { true } else { false } }) else {
      throw refuse("a mark is missing")
    }
    let items = stack[(mark + 1)...].compactMap { slot -> PickleValue? in
      if case .value(let value) = slot { value } else { nil }
    }
    stack.removeSubrange(mark...)
    return items
  }

  private mutating func step(_ code: UInt8) throws {
    switch code {
    case 0x80:
      let version = try reader.byte()
      guard version <= 5 else { throw refuse("pickle protocol \(version) is not known") }
    case 0x95: _ = try reader.integer(UInt64.self)  // FRAME: only a hint for buffering
    case UInt8(ascii: "("): stack.append(.mark)
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "1"): _ = try popToMark()
    case UInt8(ascii: "2"): push(try top())
    case UInt8(ascii: "N"): push(.none)
    case 0x88: push(.bool(true))
    case 0x89: push(.bool(false))
    case UInt8(ascii: "I"), UInt8(ascii: "J"), UInt8(ascii: "K"), UInt8(ascii: "M"), UInt8(ascii: "L"), 0x8A, 0x8B,
      UInt8(ascii: "F"), UInt8(ascii: "G"):
      try number(code)
    case UInt8(ascii: "S"), UInt8(ascii: "T"), UInt8(ascii: "U"), UInt8(ascii: "V"), UInt8(ascii: "X"), 0x8C, 0x8D,
      UInt8(ascii: "B"), UInt8(ascii: "C"), 0x8E:
      try text(code)
    case UInt8(ascii: "]"): push(.list(arena.makeList()))
    case UInt8(ascii: "l"):
      let list = arena.makeList()
      list.items = try popToMark()
      push(.list(list))
    case UInt8(ascii: "a"):
      let item = try pop()
      try list().items.append(item)
    case UInt8(ascii: "e"):
      let items = try popToMark()
      try list().items.append(contentsOf: items)
    case UInt8(ascii: ")"): try pushTuple([])
    case UInt8(ascii: "t"): try pushTuple(try popToMark())
    case 0x85...0x87:
      var items: [PickleValue] = []
      for _ in 0x84..<code { items.append(try pop()) }
      try pushTuple(items.reversed())
    case UInt8(ascii: "}"): push(.dictionary(arena.makeDictionary()))
    case UInt8(ascii: "d"):
      let items = try popToMark()
      push(.dictionary(arena.makeDictionary()))
      try setItems(items)
    case UInt8(ascii: "s"):
      let value = try pop()
      let key = try pop()
      try setItems([key, value])
    case UInt8(ascii: "u"):
      let items = try popToMark()
      try setItems(items)
    case UInt8(ascii: "p"): memo[try decimalLine()] = try top()
    case UInt8(ascii: "q"): memo[Int(try reader.byte())] = try top()
    case UInt8(ascii: "r"): memo[Int(try reader.integer(UInt32.self))] = try top()
    case 0x94: memo[memo.count] = try top()
    case UInt8(ascii: "g"): try recall(try decimalLine())
    case UInt8(ascii: "h"): try recall(Int(try reader.byte()))
    case UInt8(ascii: "j"): try recall(Int(try reader.integer(UInt32.self)))
    case UInt8(ascii: "c"):
      try global(module: try textLine(), name: try textLine(), opcode: "GLOBAL")
    case 0x93:
      guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
        throw refuse("STACK_GLOBAL needs two strings")
      }
      try global(module: module, name: name, opcode: "STACK_GLOBAL")
    case UInt8(ascii: "i"):
      let module = try textLine()
      throw refuse(global: "\(module).\(try textLine())", opcode: "INST")
    case UInt8(ascii: "o"): throw refuse("refused: opcode OBJ builds an object")
    case UInt8(ascii: "R"): try reduce()
    case 0x81: try newObject()
    case UInt8(ascii: "b"): try build()
    case UInt8(ascii: "Q"): try persistentIdentifier(try pop())
    case 0x82...0x84: throw refuse("refused: opcode EXT\(1 << (code - 0x82)) refers to a registered object")
    case 0x92: throw refuse("refused: opcode NEWOBJ_EX builds an object")
    default: throw refuse("refused: opcode 0x\(String(code, radix: 16)) is not one of plain data")
    }
  }

  // MARK: Plain values

  private mutating func number(_ code: UInt8) throws {
    switch code {
    case UInt8(ascii: "J"): push(.int(Int(try reader.integer(Int32.self))))
    case UInt8(ascii: "K"): push(.int(Int(try reader.byte())))
    case UInt8(ascii: "M"): push(.int(Int(try reader.integer(UInt16.self))))
    case UInt8(ascii: "G"):
      push(.double(Double(bitPattern: try reader.integer(UInt64.self).byteSwapped)))
    case UInt8(ascii: "F"):
      let line = try textLine()
      guard let value = Double(line) else { throw refuse("`\(line)` is not a number") }
      push(.double(value))
    case 0x8A, 0x8B:
      let count = code == 0x8A ? Int(try reader.byte()) : Int(try reader.integer(Int32.self))
      guard count <= InputBudget.Checkpoint.integerBytes else { throw refuse("an integer of \(count) bytes") }
      let bytes = [UInt8](try reader.take(count))
      if bytes.count > 8 {
        push(.bigInteger(bytes))
      } else {
        var value: UInt64 = (bytes.last ?? 0) & 0x80 == 0 ? 0 : .max
        for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
        push(.int(Int(Int64(bitPattern: value))))
      }
    default:  // INT and LONG, which are lines of text
      var line = try textLine()
      if code == UInt8(ascii: "I"), line == "01" || line == "00" { return push(.bool(line == "01")) }
      if line.hasSuffix("L") { line.removeLast() }
      guard let value = Int(line) else { throw refuse("`\(line)` is not an integer of 64 bits") }
      push(.int(value))
    }
  }

  private mutating func text(_ code: UInt8) throws {
    func utf8(_ data: Data) throws -> PickleValue {
      guard let text = String(validating: data, as: UTF8.self) else { throw refuse("a string is not UTF-8") }
      return .string(text)
    }
    func length(_ count: UInt64) throws -> Int {
      guard count <= UInt64(reader.remaining) else { throw ByteReader.PastEnd() }
      return Int(count)
    }
    switch code {
    case UInt8(ascii: "X"): push(try utf8(try reader.take(try length(UInt64(try reader.integer(UInt32.self))))))
    case 0x8C: push(try utf8(try reader.take(Int(try reader.byte()))))
    case 0x8D: push(try utf8(try reader.take(try length(try reader.integer(UInt64.self)))))
    case UInt8(ascii: "T"): push(try utf8(try reader.take(Int(try reader.integer(Int32.self)))))
    case UInt8(ascii: "U"): push(try utf8(try reader.take(Int(try reader.byte()))))
    case UInt8(ascii: "B"): push(.bytes(try reader.take(try length(UInt64(try reader.integer(UInt32.self))))))
    case UInt8(ascii: "C"): push(.bytes(try reader.take(Int(try reader.byte()))))
    case 0x8E: push(.bytes(try reader.take(try length(try reader.integer(UInt64.self)))))
    case UInt8(ascii: "V"): push(.string(try textLine()))
    default:  // STRING: a quoted line
      let line = try textLine()
      guard line.count >= 2, let quote = line.first, quote == "'" || quote == "\"", line.last == quote else {
        throw refuse("a quoted string is not quoted")
      }
      push(.string(String(line.dropFirst().dropLast())))
    }
  }

  private mutating func textLine() throws -> String {
    guard let text = String(validating: try reader.line(), as: UTF8.self) else { throw refuse("a line is not UTF-8") }
    return text
  }

  private mutating func decimalLine() throws -> Int {
    let line = try textLine()
    guard let value = Int(line), value >= 0 else { throw refuse("`\(line)` is not a memo index") }
    return value
  }

  private mutating func recall(_ index: Int) throws {
    guard let value = memo[index] else { throw refuse("memo entry \(index) was never stored") }
    push(value)
  }

  private func list() throws -> PickleList {
    guard case .list(let list) = try top() else { throw refuse("items are appended to something that is not a list") }
    return list
  }

  private func setItems(_ items: [PickleValue]) throws {
    guard case .dictionary(let dictionary) = try top() else {
      throw refuse("entries are set on something that is not a dictionary")
    }
    guard items.count % 2 == 0 else { throw refuse("a dictionary key has no value") }
    for index in stride(from: 0, to: items.count, by: 2) {
      dictionary.entries.append((items[index], items[index + 1]))
    }
  }

  // MARK: Names and what may be done with them

  private mutating func global(module: String, name: String, opcode: String) throws {
    guard let known = PickleGlobal(module: module, name: name) else {
      throw refuse(global: "\(module).\(name)", opcode: opcode)
    }
    push(.global(known))
  }

  private mutating func reduce() throws {
    guard case .tuple(let arguments, _) = try pop(), case .global(let callee) = try pop() else {
      throw refuse("refused: opcode REDUCE calls something that is not a known tensor or container")
    }
    push(try rebuild(callee, arguments))
  }

  private mutating func newObject() throws {
    guard case .tuple(let arguments, _) = try pop(), case .global(let type) = try pop() else {
      throw refuse("refused: opcode NEWOBJ builds something that is not a known tensor or container")
    }
    push(try rebuild(type, arguments))
  }

  private func rebuild(_ global: PickleGlobal, _ arguments: [PickleValue]) throws -> PickleValue {
    switch global {
    case .orderedDictionary:
      let dictionary = arena.makeDictionary()
      switch arguments.first {
      case nil: break
      case .list(let pairs)?:  // Python 2 wrote the items as a list of pairs
        for case .list(let pair) in pairs.items where pair.items.count == 2 {
          dictionary.entries.append((pair.items[0], pair.items[1]))
        }
        for case .tuple(let pair, _) in pairs.items where pair.count == 2 {
          dictionary.entries.append((pair[0], pair[1]))
        }
        guard dictionary.entries.count == pairs.items.count else { throw refuse("an OrderedDict without pairs") }
      default: throw refuse("an OrderedDict of something that is not a list of pairs")
      }
      return .dictionary(dictionary)
    case .rebuildTensor:
      guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .int(let offset) = arguments[1],
        case .tuple(let sizes, _) = arguments[2], case .tuple(let steps, _) = arguments[3], sizes.count == steps.count
      else { throw refuse("a tensor is described in an unknown way") }
      let shape = try sizes.map(extent)
      let strides = try steps.map(extent)
      guard offset >= 0 else { throw refuse("a tensor begins before its storage") }
      return .tensor(PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides))
    case .rebuildParameter:
      guard case .tensor(let tensor)? = arguments.first else { throw refuse("a parameter without a tensor") }
      return .tensor(tensor)
    case .size:
      guard arguments.count == 1, case .tuple(let items, let depth) = arguments[0] else {
        throw refuse("a torch.Size of no tuple")
      }
      return .tuple(items, depth: depth)
    case .path(let type):
      let parts = try arguments.map { argument -> String in
        guard case .string(let text) = argument else { throw refuse("a path with a part that is not text") }
        return text
      }
      let separator = type.contains("Windows") ? "\\" : "/"
      var text = ""
      for part in parts { text += text.isEmpty || text.hasSuffix(separator) ? part : separator + part }
      return .inert(type: type, text: text)
    case .storageType: throw refuse("refused: opcode REDUCE would build a storage")
    }
  }

  private func extent(_ value: PickleValue) throws -> Int {
    guard case .int(let number) = value, number >= 0 else { throw refuse("a tensor has a negative size or stride") }
    return number
  }

  /// Module state dicts carry a `_metadata` attribute; attributes are dropped.
  private mutating func build() throws {
    _ = try pop()
    guard case .dictionary = try top() else { throw refuse("refused: opcode BUILD sets the state of an object") }
  }

  private mutating func persistentIdentifier(_ value: PickleValue) throws {
    guard case .tuple(let parts, _) = value, parts.count >= 5, case .string("storage") = parts[0],
      case .global(.storageType(let type)) = parts[1], case .string(let key) = parts[2],
      case .int(let count) = parts[4],
      count >= 0
    else { throw refuse("refused: a persistent identifier that is not a typed tensor storage") }
    if parts.count > 5, case .tuple = parts[5] { throw refuse("views of storages (PyTorch before 0.4) are not read") }
    push(.storage(PickleStorage(key: key, type: type, count: count)))
  }
}
