import Basics
import Foundation
import NN
import Testing

/// The checkpoint files of the parity set: every one is read exactly, or refused for its reason.
@Suite struct CheckpointFixtureTests {
  static let folder = URL(filePath: ProcessInfo.processInfo.environment["SHARED_DIR"] ?? "../shared")
    .appending(path: "parity/checkpoints")
  static let available = FileManager.default.fileExists(atPath: folder.path)

  static func read(_ name: String) throws -> [String: StoredTensor] {
    let url = folder.appending(path: name)
    return name.hasSuffix(".safetensors") ? try Safetensors.read(url).tensors : try PyTorchFile.read(url).tensors
  }

  @Test(
    "holds the expected tensors bit for bit", .enabled(if: available, "the shared parity folder is absent"),
    arguments: [
      ("nested_zip.pth", "nested_zip"), ("nested_zip_pathlib.pth", "nested_zip_pathlib"),
      ("dtypes_zip.pth", "dtypes_zip"),
      ("views_zip.pth", "views_zip"), ("parameter_zip.pth", "parameter_zip"), ("nested_legacy.pth", "nested_legacy"),
      ("many_keys_zip.pth", "many_keys_zip"), ("good_with_metadata.safetensors", "safetensors_good"),
    ])
  func loads(_ file: String, _ expected: String) throws {
    let tensors = try Self.read(file)
    let truth = try Self.read("\(expected).expected.safetensors")
    #expect(Set(tensors.keys) == Set(truth.keys))
    for (name, tensor) in truth {
      #expect(tensors[name]?.type == tensor.type, "\(name)")
      #expect(tensors[name]?.shape == tensor.shape, "\(name)")
      #expect(tensors[name].map { Data($0.bytes) } == Data(tensor.bytes), "\(name)")
    }
  }

  @Test(
    "refuses", .enabled(if: available, "the shared parity folder is absent"),
    arguments: [
      ("malicious_zip.pth", "`posix.system`"), ("malicious_legacy.pth", "`posix.system`"),
      ("malicious_plain.pkl", "`__builtin__.eval`"), ("whole_module_zip.pth", "`torch.nn.modules.linear.Linear`"),
      ("short_storage_zip.pth", "reaches element"), ("missing_storage_zip.pth", "is missing"),
      ("truncated_zip.pth", "no central directory"), ("oversize_shape_zip.pth", "reaches element"),
      ("bad_offsets_past_end.safetensors", "claims bytes up to"),
      ("bad_shape_size_mismatch.safetensors", "needs 60 bytes"),
      ("bad_overlap.safetensors", "overlaps"), ("bad_header_length.safetensors", "claims"),
      ("bad_header_json.safetensors", "expected `}`"), ("bad_reversed_offsets.safetensors", "ends before it starts"),
      ("bad_huge_shape.safetensors", "more elements than can be counted"),
      ("bad_dtype.safetensors", "unknown element type"),
      ("bad_hole.safetensors", "belong to no tensor"), ("bad_truncated_header.safetensors", "too short"),
    ])
  func refuses(_ file: String, _ reason: String) {
    let error = #expect(throws: WeightsError.self) { try Self.read(file) }
    let text = error?.description ?? ""
    #expect(text.contains(file) && text.contains(reason), "\(text)")
  }

  @Test("keeps plain values beside the tensors", .enabled(if: available, "the shared parity folder is absent"))
  func plainValues() throws {
    let plain = try PyTorchFile.read(Self.folder.appending(path: "nested_zip.pth")).plain
    #expect(plain["epoch"] == 37)
    #expect(plain["args"]?["sizes"] == [256, 1024])
    #expect(plain["args"]?["pair"] == [2, 4])
    #expect(plain["args"]?["nothing"] == .null)
    #expect(plain["args"]?["name"] == "tête-à-tête")
  }
}
