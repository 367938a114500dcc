import Foundation
import NN

/// The published DORNet weights on stored pairs.
let pretrainedOperations: [ParityOperation] = [
  ParityOperation("pretrained", "pretrained_weights") { item, check in
    let file = try PyTorchFile.read(item.url)
    let entries = try item.int("keys", in: 0...1_000_000)
    check.expect(file.tensors.count == entries, "\(file.tensors.count) entries, expected \(entries)")
    let network = try item.dornet(for: file.tensors)
    try network.load(file.tensors)
    let parameters = try item.int("parameters", in: 0...1_000_000_000)
    check.expect(network.parameterCount == parameters, "\(network.parameterCount) parameters, expected \(parameters)")
    check.expect(Set(network.stateDictionary().keys) == Set(file.tensors.keys), "other names")
  },
  ParityOperation(group: "pretrained", patterns: ["dornet*"], ending: "_eval$") { item, check in
    let weights = try PyTorchFile.read(item.folder.appending(path: try item.text("weights"))).tensors
    let network = try item.dornet(for: weights)
    try network.load(weights)
    network.setTraining(false)
    let stored = try item.tensors()
    func input(_ name: String) throws -> Tensor { Tensor(try item.tensor(stored, "in.\(name)")) }
    let forward = try Tolerance(item.tolerance["forward"])
    let gradient = try Tolerance(item.tolerance["grad"])
    var inputGradient: Tensor?
    let x = try input("x_query").variable { inputGradient = $0 }
    let image = try input("rgb")
    try item.requireInput(network, depth: x, guide: image)
    let y = network(NetworkInput(image: x, guide: image)).image
    let upstream = Tensor(try item.tensor(stored, "gout.y"))
    try item.require(upstream.shape == y.shape, "`gout.y` has the shape \(upstream.shape), the result \(y.shape)")
    (y * upstream).sum().backward()
    check.compare("out.y", y, try item.tensor(stored, "out.y"), forward)
    check.compare("gin.x_query", inputGradient, try item.tensor(stored, "gin.x_query"), gradient)
    let summary = NN.withoutGradients { network.degradation(of: x) }
    check.compare("mid.enc_fea", summary, try item.tensor(stored, "mid.enc_fea"), forward)
    let parameters = Dictionary(uniqueKeysWithValues: network.namedParameters.map { ($0.name, $0.parameter) })
    for (name, expected) in below("gparam.", stored).sorted(by: { $0.key < $1.key }) {
      check.compare("gparam.\(name)", parameters[name]?.gradient, expected, gradient)
    }
  },
]

extension ParityCase {
  /// A DORNet of the width and reduction that its weights have.
  fileprivate func dornet(for weights: [String: StoredTensor]) throws -> DORNet {
    guard let head = weights["R.head.0.weight"]?.shape.first else {
      throw ParityUnsupported("weights without `R.head.0.weight`, which every DORNet has")
    }
    let squeezed = weights.first { $0.key.hasPrefix("R.") && $0.key.hasSuffix("conv_du.0.weight") }?.value.shape.first
    guard let squeezed, squeezed > 0, head % 4 == 0, head >= squeezed, head <= 1024 else {
      throw ParityError("the weights have \(head) channels, of which the attention keeps \(squeezed ?? 0)")
    }
    return DORNet(channels: head, reduction: head / squeezed, scale: 1, WeightInitialiser(seed: 0))
  }
}
