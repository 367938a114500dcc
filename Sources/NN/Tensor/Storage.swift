import CKernels

/// A block of memory from the arena, freed with its last owner.
final class Storage {
  let pointer: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    pointer = ck_alloc(Int64(count) * 4)!.assumingMemoryBound(to: Float.self)  // ck_alloc never returns null
  }

  deinit { ck_free(pointer, Int64(count) * 4) }
}
