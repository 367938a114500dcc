import NN

/// The published DORNet-T weights on stored pairs.
let pretrainedOperations: [ParityOperation] = [
  ParityOperation("pretrained", "dornet_t_eval") { item, check in
    guard let path = item.attributes["weights"]?.stringValue else { throw ParityError("\(item.id): no `weights`") }
    let network = DORNet(channels: 24, reduction: 4, scale: 1, WeightInitialiser(seed: 0))
    try network.load(try PyTorchFile.read(item.folder.appending(path: path)).tensors)
    network.setTraining(false)
    let stored = try item.tensors()
    func input(_ name: String) throws -> Tensor { Tensor(try item.tensor(stored, "in.\(name)")) }
    let forward = try Tolerance(item.tolerance["forward"])
    let gradient = try Tolerance(item.tolerance["grad"])
    var inputGradient: Tensor?
    let x = try input("x_query").variable { inputGradient = $0 }
    let y = network(NetworkInput(image: x, guide: try input("rgb"))).image
    (y * Tensor(try item.tensor(stored, "gout.y"))).sum().backward()
    check.compare("out.y", y, try item.tensor(stored, "out.y"), forward)
    check.compare("gin.x_query", inputGradient, try item.tensor(stored, "gin.x_query"), gradient)
    let summary = NN.withoutGradients { network.degradation(of: x) }
    check.compare("mid.enc_fea", summary, try item.tensor(stored, "mid.enc_fea"), forward)
    let parameters = Dictionary(uniqueKeysWithValues: network.namedParameters.map { ($0.name, $0.parameter) })
    for (name, expected) in below("gparam.", stored).sorted(by: { $0.key < $1.key }) {
      check.compare("gparam.\(name)", parameters[name]?.gradient, expected, gradient)
    }
  }
]
