import Basics
import CKernels

/// A block of memory from the arena, freed with its last owner. What reads or writes it holds it: the views of a tensor
/// (`reader`, `writer`) as long as they live, `LentMemory` while a kernel runs.
final class Storage {
  fileprivate let pointer: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    pointer = ck_alloc(Int64(count) * 4)!.assumingMemoryBound(to: Float.self)  // ck_alloc never returns null
  }

  deinit { ck_free(pointer, Int64(count) * 4) }
}

extension Tensor {
  /// The elements, from the first on as `layout` says. Made now when there is only a recipe.
  public var reader: SharedReader<Float> {
    @_lifetime(borrow self) get { SharedReader(unsafe: storage.pointer + offset, owner: self) }
  }

  /// The elements to write: for the operation that made this tensor, before anybody else sees it, and for the owner of
  /// memory that changes over time (`Parameter`, optimisers, sums of gradients).
  public var writer: SharedWriter<Float> {
    @_lifetime(borrow self) get { SharedWriter(unsafe: storage.pointer + offset, owner: self) }
  }
}

/// The memory that one call of a kernel reads and writes: pointers for C come from here alone, and hold until `Kernels.run`
/// returns.
struct LentMemory: ~Copyable {
  private var owners: [AnyObject] = []

  fileprivate init() {}
  fileprivate consuming func end() { withExtendedLifetime(owners) {} }

  mutating func read(_ tensor: Tensor) -> UnsafePointer<Float> { UnsafePointer(write(tensor)) }
  mutating func read(_ tensor: Tensor?) -> UnsafePointer<Float>? { tensor.map { read($0) } }

  mutating func write(_ tensor: Tensor) -> UnsafeMutablePointer<Float> {
    let storage = tensor.storage
    owners.append(storage)
    return storage.pointer + tensor.offset
  }
  mutating func write(_ tensor: Tensor?) -> UnsafeMutablePointer<Float>? {
    tensor.map { write($0) }
  }

  /// `offset` counts elements of two bytes; kernels take one type of pointer and a flag.
  mutating func half(_ storage: Storage, offset: Int) -> UnsafeMutablePointer<Float> {
    owners.append(storage)
    return (UnsafeMutableRawPointer(storage.pointer) + 2 * offset).assumingMemoryBound(
      to: Float.self)
  }
}

extension Kernels {
  /// Calls `body` with the kernels in use and with what lends them memory; no pointer may leave it.
  static func run<Result>(_ body: (_ kernels: ck_kernels, _ memory: inout LentMemory) -> Result)
    -> Result
  {
    var memory = LentMemory()
    let result = body(current, &memory)
    memory.end()
    return result
  }
}
