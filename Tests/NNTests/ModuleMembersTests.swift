import Basics
import Foundation
import NN
import Testing

/// A part that a module holds but does not name among its `members` would be neither trained, nor stored, nor loaded.
@Suite struct ModuleMembersTests {
  /// Parameters and buffers that a module holds anywhere below, by the path of stored properties, and the types of modules.
  private struct Holdings {
    var parts: [(path: String, part: AnyObject)] = []
    var types: Set<String> = []
    private var seen: Set<ObjectIdentifier> = []

    init(_ module: any Module) { visit(module, String(describing: type(of: module))) }

    /// Looks into properties of classes, and into arrays, tuples, optionals, dictionaries, structures and payloads of enumerations.
    private mutating func visit(_ value: Any, _ path: String) {
      if let module = value as? any Module {
        guard seen.insert(ObjectIdentifier(module)).inserted else { return }
        types.insert(String(describing: type(of: module)))
      } else if let part = Self.part(value) {
        if seen.insert(ObjectIdentifier(part)).inserted { parts.append((path, part)) }
        return
      } else if Mirror(reflecting: value).displayStyle == .class {
        return
      }
      // Of the module itself, which the value may hold as an optional.
      var mirror: Mirror? = Mirror(reflecting: (value as? any Module) ?? value)
      while let current = mirror {
        for (label, child) in current.children { visit(child, "\(path).\(label ?? "_")") }
        mirror = current.superclassMirror
      }
    }

    private static func part(_ value: Any) -> AnyObject? {
      if let parameter = value as? Parameter { return parameter }
      return value as? Buffer
    }
  }

  /// The paths of what `members` leaves out.
  private static func forgotten(_ module: any Module) -> [String] {
    let named = Set(
      module.namedParameters.map { ObjectIdentifier($0.parameter) }
        + module.namedBuffers.map { ObjectIdentifier($0.buffer) })
    return Holdings(module).parts.filter { !named.contains(ObjectIdentifier($0.part)) }.map(\.path)
  }

  /// The small networks that a kind gives for tests.
  private static func networks(_ kind: ModelKind) throws -> [any Network] {
    try kind.examples.map { try ModelCatalogue.make(kind.description($0)) }
  }

  @Test(arguments: ModelCatalogue.kinds.map(\.type))
  func everyPartOfANetworkIsAMember(type: String) throws {
    let networks = try Self.networks(try #require(ModelCatalogue.kinds.first { $0.type == type }))
    #expect(!networks.isEmpty)
    for network in networks {
      #expect(Self.forgotten(network) == [])
      let names = network.state.map(\.name)
      #expect(Set(names).count == names.count, "two members of one name")
      #expect(!network.namedParameters.isEmpty)
    }
  }

  /// A new layer that no network uses yet would be looked at by nothing: it belongs into `others`.
  @Test func everyModuleOfTheLibraryIsLookedAt() throws {
    let seed = WeightInitialiser(seed: 0)
    let others: [any Module] = [ModuleList([Conv2d(1, 1, kernelSize: 1, seed)])]
    for module in others { #expect(Self.forgotten(module) == []) }
    let modules: [any Module] = try ModelCatalogue.kinds.flatMap { try Self.networks($0) } + others
    let visited = modules.reduce(into: Set<String>()) { $0.formUnion(Holdings($1).types) }
    let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources/NN")
    var declared: Set<String> = []
    for path in try FileManager.default.subpathsOfDirectory(atPath: sources.path) where path.hasSuffix(".swift") {
      let text = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
      for match in text.matches(of: /class (\w+): [^{\n]*\b(Module|Network|DSDMSRUnit)\b/) {
        declared.insert(String(match.1))
      }
    }
    #expect(declared.count > 20)
    #expect(declared.subtracting(visited).sorted() == [])
  }

  // MARK: - What the walk notices

  private class Toy: Module {
    var members: [(name: String, member: Member)] { [] }
  }
  private final class Whole: Toy {
    let weight = Parameter([1], [1])
    let statistics = Buffer(.int([0], shape: []))
    override var members: [(name: String, member: Member)] {
      [("weight", .parameter(weight)), ("statistics", .buffer(statistics))]
    }
  }
  private final class ForgetsAParameter: Toy { let weight = Parameter([1], [1]) }
  private final class ForgetsABuffer: Toy { let statistics = Buffer(.int([0], shape: [])) }
  private final class ForgetsAModule: Toy { let layer = Conv2d(1, 1, kernelSize: 1, WeightInitialiser(seed: 0)) }
  private final class ForgetsAList: Toy { let layers: [(name: String, layer: Whole?)] = [("a", Whole())] }
  private final class ForgetsAChoice: Toy {
    enum Choice { case layer(any Module) }
    let choice = Choice.layer(Whole())
  }
  private class Base: Toy { let weight = Parameter([1], [1]) }
  private final class ForgetsItsBase: Base {}

  @Test func forgottenMembersAreNoticed() {
    #expect(Self.forgotten(Whole()) == [])
    let toys: [(Toy, Int)] = [
      (ForgetsAParameter(), 1), (ForgetsABuffer(), 1), (ForgetsAModule(), 2), (ForgetsAList(), 2),
      (ForgetsAChoice(), 2),
      (ForgetsItsBase(), 1),
    ]
    for (toy, count) in toys { #expect(Self.forgotten(toy).count == count, "\(type(of: toy)): \(Self.forgotten(toy))") }
    #expect(Self.forgotten(ForgetsAParameter()) == ["ForgetsAParameter.weight"])
  }
}
