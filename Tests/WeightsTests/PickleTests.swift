import Foundation
import NN
import Testing

/// Pickles made by hand: whatever they ask for, the reader answers with an error and nothing runs.
@Suite struct PickleTests {
  static func bytes(_ text: String) -> Data { Data(text.unicodeScalars.map { UInt8($0.value) }) }

  @Test(
    "refuses every way to name or build an object",
    arguments: [
      ("cos\nsystem\n(S'true'\ntR.", "os.system"), ("(S'true'\nios\nsystem\n.", "os.system"),
      ("\u{80}\u{04}\u{8c}\u{02}os\u{8c}\u{06}system\u{93}.", "os.system"),
      ("c__builtin__\neval\n.", "__builtin__.eval"),
      ("ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes"),
      ("cpathlib\nos.system\n.", "pathlib.os.system"), ("\u{82}\u{01}.", "EXT1"), ("(o.", "OBJ"),
      ("ctorch\nFloatStorage\n)R.", "REDUCE"), ("]}b.", "BUILD"), ("I1\n)\u{81}.", "NEWOBJ"),
      ("(S'x'\nQ.", "persistent"),
    ])
  func refusals(_ pickle: String, _ named: String) {
    let error = #expect(throws: WeightsError.self) { try PyTorchFile.read(Self.bytes(pickle), name: "pickle") }
    #expect(error?.description.contains(named) == true, "\(error?.description ?? "")")
  }

  @Test("nests and repetitions cannot exhaust the machine")
  func bombs() {
    let depth = 200_000
    let tuples = ")" + String(repeating: "\u{85}", count: depth) + "."
    let lists = String(repeating: "]", count: depth) + String(repeating: "a", count: depth - 1) + "."
    let doubling = ")" + String(repeating: "2\u{86}", count: 60) + "."
    for pickle in [tuples, lists, doubling, "]2a.", "I5", "", "."] {
      #expect(throws: WeightsError.self) { try PyTorchFile.read(Self.bytes(pickle), name: "pickle") }
    }
  }
}
