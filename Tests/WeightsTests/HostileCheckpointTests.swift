import Foundation
import NN
import Testing

/// Checkpoints made by hand that ask for more than a machine has: an error each, never a trap, and no memory for what they
/// merely claim.
@Suite struct HostileCheckpointTests {
  /// A file of PyTorch's older format: a root and one storage `0` of four numbers.
  private func read(_ root: Data) throws -> PyTorchFile {
    var data = PickleTests.bytes(
      "\u{8a}\u{0a}\u{6c}\u{fc}\u{9c}\u{46}\u{f9}\u{20}\u{6a}\u{a8}\u{50}\u{19}.M\u{e9}\u{03}.}.")
    data += root + PickleTests.bytes("](S'0'\ne.")
    data += withUnsafeBytes(of: UInt64(4).littleEndian) { Data($0) } + Data(count: 16)
    return try PyTorchFile.read(data, name: "hostile.pth")
  }

  /// A dictionary with one tensor `x` of these sizes.
  private func tensor(_ shape: [Int], _ strides: [Int]) -> Data {
    func tuple(_ items: [Int]) -> String { "(" + items.map { "L\($0)L\n" }.joined() + "t" }
    return PickleTests.bytes(
      "}S'x'\nctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI4\ntQI0\n"
        + tuple(shape) + tuple(strides) + "tRs.")
  }

  private func refusal(_ root: Data) -> String {
    do {
      _ = try read(root)
      return "reads"
    } catch let error as WeightsError {
      return error.description
    } catch {
      return "another error: \(error)"
    }
  }

  @Test func theHandmadeFileReads() throws {
    let file = try read(tensor([2, 2], [2, 1]))
    #expect(file.tensors["x"]?.shape == [2, 2])
  }

  /// Beside an empty axis the product of the others may pass 64 bits.
  @Test func emptyTensorsOfHugeShapesAreEmptyOrRefused() throws {
    let huge = 1 << 40
    for shape in [[0, huge, huge], [huge, 0, huge], [huge, huge, 0], [0, Int.max, Int.max]] {
      for strides in [[0, 0, 0], [1, 1, 1], [huge, huge, huge]] {
        let root = tensor(shape, strides)
        guard let file = try? read(root) else {  // which of the two it is does not matter
          #expect(refusal(root).contains("more elements than can be counted"))
          continue
        }
        #expect(file.tensors["x"]?.count == 0)
      }
    }
    #expect(refusal(tensor([huge, huge], [0, 0])).contains("more elements than can be counted"))
  }

  /// `torch.Size` of a tuple is a tuple as deep as its argument: it does not start counting anew.
  @Test func sizesDoNotResetTheDepth() {
    let depth = 100_000
    let root =
      String(repeating: "ctorch\nSize\n", count: depth) + ")" + String(repeating: "\u{85}\u{85}R", count: depth) + "."
    #expect(refusal(PickleTests.bytes(root)).contains("nest more than 64 levels deep"))
  }

  @Test func hugeIntegersAreRefused() {
    let digits = 1_000_000
    let length = withUnsafeBytes(of: Int32(digits).littleEndian) { Data($0) }
    let root = PickleTests.bytes("}S'x'\n\u{8b}") + length + Data(repeating: 7, count: digits) + PickleTests.bytes("s.")
    #expect(refusal(root).contains("an integer of 1000000 bytes"))
  }

  /// A list that is referred to from many places under keys of a megabyte: 1 MB of file, gigabytes of paths.
  @Test func longKeysAreCountedWhereverTheyStand() {
    let key = "X" + String(repeating: "\u{00}", count: 2) + "\u{10}\u{00}" + String(repeating: "k", count: 1 << 20)
    let list = "](" + String(repeating: "N", count: 2000) + "e"
    #expect(refusal(PickleTests.bytes("}" + key + list + "s.")).contains("MiB of text"))
  }

  /// Lists of lists of lists, each twice the one before: a few hundred bytes that unfold to 2^40 values.
  @Test func repeatedListsAreCountedWhereverTheyStand() {
    // Each list is kept in the memo and taken from the stack, then put twice into the next.
    let doubling = "](NNeq\u{00}0" + String(repeating: "](h\u{00}h\u{00}eq\u{00}0", count: 40)
    #expect(refusal(PickleTests.bytes(doubling + "}S'x'\nh\u{00}s.")).contains("describes more than"))
  }
}
