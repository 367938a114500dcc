import Basics
import Foundation
import NN

/// Equality of JSON values where 0 and 0.0 are the same number.
private func isSame(_ a: JSON, _ b: JSON) -> Bool {
  switch (a, b) {
  case (.array(let x), .array(let y)): x.count == y.count && zip(x, y).allSatisfy(isSame)
  case (.object(let x), .object(let y)):
    x.count == y.count && x.allSatisfy { key, value in y[key].map { isSame(value, $0) } == true }
  default: a == b || (a.doubleValue != nil && a.doubleValue == b.doubleValue)
  }
}

/// Files for the weight readers: read exactly, or refused.
let checkpointOperations: [ParityOperation] = [
  ParityOperation("checkpoints", "read_checkpoint") { item, check in
    let verdict = try item.text("verdict")
    try item.require(
      verdict.hasPrefix("load") || verdict.contains("refuse"),
      "the verdict is `\(verdict)`, but must say load or refuse")
    try item.require(FileManager.default.fileExists(atPath: item.url.path), "there is no file \(item.path)")
    let result = Result { () throws -> ([String: StoredTensor], JSON) in
      if item.path.hasSuffix(".safetensors") {
        let contents = try Safetensors.read(item.url)
        return (contents.tensors, .object(contents.metadata.mapValues { .string($0) }))
      }
      let file = try PyTorchFile.read(item.url)
      return (file.tensors, file.plain)
    }
    switch result {
    case .failure(let error as WeightsError):
      check.expect(verdict.contains("refuse"), "should load, but: \(error)")
      check.expect(error.description.contains(item.url.lastPathComponent), "the error does not name the file: \(error)")
    case .failure(let error): check.fail("an unexpected error: \(error)")
    case .success(let (tensors, plain)):
      check.expect(verdict.hasPrefix("load"), "should be refused, but loads")
      guard let expectedPath = item.attributes["expected_file"]?.stringValue else { return }
      let expected = try Safetensors.read(item.folder.appending(path: expectedPath)).tensors
      check.expect(Set(tensors.keys) == Set(expected.keys), "other names: \(tensors.keys.sorted().prefix(8))")
      for (name, truth) in expected.sorted(by: { $0.key < $1.key }) {
        guard let tensor = tensors[name] else { continue }
        check.expect(tensor.type == truth.type, "`\(name)` is \(tensor.type.rawValue), expected \(truth.type.rawValue)")
        check.expect(tensor.shape == truth.shape, "`\(name)` has the shape \(tensor.shape), expected \(truth.shape)")
        check.expect(Data(tensor.bytes) == Data(truth.bytes), "`\(name)` holds other bytes")
      }
      for key in ["plain", "metadata"] {
        for (name, value) in item.attributes[key]?.objectValue ?? [:] {
          check.expect(
            plain[name].map { isSame($0, value) } == true, "`\(name)` is \(plain[name]?.canonical ?? "absent")")
        }
      }
    }
  }
]
