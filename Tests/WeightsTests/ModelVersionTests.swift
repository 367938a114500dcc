import Basics
import NN
import Testing

/// The version of a network in its descriptions.
@Suite struct ModelVersionTests {
  private func kind(version: Int) -> ModelKind {
    ModelKind(
      "versioned", version: version, title: "Versioned", summary: "For this test.", options: [],
      onnx: .unavailable("it is none"), source: "none", licence: "none", sizes: [], examples: [],
      make: { _, initialiser in SRCNN(initialiser) })
  }

  /// Keys of networks that never changed stay as they were before there were versions.
  @Test func aFirstVersionIsNotWritten() {
    let description: JSON = ["type": "versioned"]
    #expect(kind(version: 1).versioned(description) == description)
    #expect(kind(version: 2).versioned(description) == ["type": "versioned", "version": 2])
  }

  @Test func anotherVersionIsRefused() throws {
    _ = try ModelCatalogue.read(["type": "srcnn", "version": 1])
    let error = #expect(throws: ModelError.self) { try ModelCatalogue.read(["type": "srcnn", "version": 2]) }
    #expect(error?.description == "model `srcnn` is version 1 in this program; version 2 is asked for")
  }
}
