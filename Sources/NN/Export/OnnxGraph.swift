import Foundation

/// Builds an ONNX model node by node: float32, free batch and image sizes; operator set 17 with intermediate representation 8,
/// or what a network's operators need. Source: onnx.proto and the operator descriptions of github.com/onnx/onnx.
public final class OnnxGraph {
  /// The operator set of most files.
  public static let opset = 17
  /// The operator set of this file.
  var opset = OnnxGraph.opset

  /// The output of a node.
  public struct Value: Sendable, Hashable { let name: String }

  enum Attribute {
    case integer(Int)
    case float(Float)
    case integers([Int])
    case text(String)
  }

  private var nodes: [ProtocolBuffer] = []
  private var initialisers: [ProtocolBuffer] = []
  private var inputs: [ProtocolBuffer] = []
  private var outputs: [ProtocolBuffer] = []
  private var known: [String: Value] = [:]
  private var count = 0
  private let names: [ObjectIdentifier: String]

  /// - Parameter network: gives the weights their names of the state dictionary.
  init(_ network: any Module) {
    names = Dictionary(
      network.namedParameters.map { (ObjectIdentifier($0.parameter), $0.name) }, uniquingKeysWith: { first, _ in first }
    )
  }

  // MARK: Inputs, outputs, constants

  func input(_ name: String, channels: Int, sizes: (String, String) = ("height", "width")) -> Value {
    inputs.append(Self.imageType(name, channels: channels, height: sizes.0, width: sizes.1))
    return Value(name: name)
  }

  func output(_ value: Value, as name: String, channels: Int) {
    _ = node("Identity", [value], output: name)
    outputs.append(Self.imageType(name, channels: channels, height: "\(name)_height", width: "\(name)_width"))
  }

  private static func imageType(_ name: String, channels: Int, height: String, width: String) -> ProtocolBuffer {
    var shape = ProtocolBuffer()
    for size in ["batch", nil, height, width] {
      var dimension = ProtocolBuffer()
      if let size { dimension.string(2, size) } else { dimension.integer(1, channels) }
      shape.message(1, dimension)
    }
    var tensor = ProtocolBuffer()
    tensor.integer(1, 1)
    tensor.message(2, shape)
    var type = ProtocolBuffer()
    type.message(1, tensor)
    var info = ProtocolBuffer()
    info.string(1, name)
    info.message(2, type)
    return info
  }

  func constant(_ values: [Float], _ shape: [Int], name: String? = nil) -> Value {
    store(name ?? fresh("constant"), shape, type: 1, values.withUnsafeBytes { Data($0) })
  }

  func constant(_ value: Float) -> Value {
    let key = "scalar \(value)"
    if let found = known[key] { return found }
    known[key] = constant([value], [])
    return known[key]!  // set in the line above
  }

  /// A number in double precision.
  func double(_ value: Double) -> Value {
    let key = "double \(value)"
    if let found = known[key] { return found }
    let stored = store(fresh("double"), [], type: 11, [value].withUnsafeBytes { Data($0) })
    known[key] = stored
    return stored
  }

  /// Values in double and in single precision.
  func double(_ x: Value) -> Value { node("Cast", [x], ["to": .integer(11)]) }
  func single(_ x: Value) -> Value { node("Cast", [x], ["to": .integer(1)]) }

  /// A list of integers, such as a shape.
  func integers(_ values: [Int]) -> Value {
    let key = "integers \(values)"
    if let found = known[key] { return found }
    let value = store(
      fresh("integers"), [values.count], type: 7, values.map(Int64.init).withUnsafeBytes { Data($0) })
    known[key] = value
    return value
  }

  /// A single integer.
  func integer(_ value: Int) -> Value {
    let key = "integer \(value)"
    if let found = known[key] { return found }
    let stored = store(fresh("integer"), [], type: 7, [Int64(value)].withUnsafeBytes { Data($0) })
    known[key] = stored
    return stored
  }

  private func store(_ name: String, _ shape: [Int], type: Int, _ bytes: Data) -> Value {
    var tensor = ProtocolBuffer()
    if !shape.isEmpty { tensor.integers(1, shape) }
    tensor.integer(2, type)
    tensor.string(8, name)
    tensor.bytes(9, bytes)
    initialisers.append(tensor)
    return Value(name: name)
  }

  /// The value of a parameter, once, under its name of the state dictionary; `shape` replaces its own.
  func parameter(_ parameter: Parameter, shape: [Int]? = nil) -> Value {
    let name = names[ObjectIdentifier(parameter)] ?? fresh("weight")
    if let found = known[name] { return found }
    let value = constant(parameter.value.values, shape ?? parameter.shape, name: name)
    known[name] = value
    return value
  }

  private func fresh(_ stem: String) -> String {
    count += 1
    return "\(stem)_\(count)"
  }

  // MARK: Nodes

  func node(
    _ operation: String, _ inputs: [Value?], _ attributes: [String: Attribute] = [:], output: String? = nil
  ) -> Value {
    let name = output ?? fresh(operation.lowercased())
    write(operation, inputs, attributes, [name])
    return Value(name: name)
  }

  /// A node with several outputs.
  func nodes(_ operation: String, _ inputs: [Value?], _ attributes: [String: Attribute] = [:], outputs: Int) -> [Value]
  {
    let names = (0..<outputs).map { _ in fresh(operation.lowercased()) }
    write(operation, inputs, attributes, names)
    return names.map { Value(name: $0) }
  }

  private func write(
    _ operation: String, _ inputs: [Value?], _ attributes: [String: Attribute], _ outputs: [String]
  ) {
    var node = ProtocolBuffer()
    // An input left out is an empty name; trailing ones are not written.
    let used = inputs.lastIndex { $0 != nil }.map { $0 + 1 } ?? 0
    for input in inputs.prefix(used) { node.string(1, input?.name ?? "") }
    for output in outputs { node.string(2, output) }
    node.string(3, "\(operation)_\(nodes.count)")
    node.string(4, operation)
    for (name, attribute) in attributes.sorted(by: { $0.key < $1.key }) {
      var message = ProtocolBuffer()
      message.string(1, name)
      switch attribute {
      case .float(let value):
        message.float(2, value)
        message.integer(20, 1)
      case .integer(let value):
        message.integer(3, value)
        message.integer(20, 2)
      case .text(let value):
        message.string(4, value)
        message.integer(20, 3)
      case .integers(let values):
        message.integers(8, values)
        message.integer(20, 7)
      }
      node.message(5, message)
    }
    nodes.append(node)
  }

  /// The bytes of the model.
  func data(name: String) -> Data {
    var graph = ProtocolBuffer()
    for node in nodes { graph.message(1, node) }
    graph.string(2, name)
    for tensor in initialisers { graph.message(5, tensor) }
    for input in inputs { graph.message(11, input) }
    for output in outputs { graph.message(12, output) }
    var opset = ProtocolBuffer()
    opset.string(1, "")
    opset.integer(2, self.opset)
    var model = ProtocolBuffer()
    model.integer(1, self.opset > 18 ? 9 : 8)
    model.string(2, "pipeline")
    model.message(7, graph)
    model.message(8, opset)
    return model.data
  }
}

extension OnnxGraph {
  // MARK: Layers

  func callAsFunction(_ layer: Conv2d, _ x: Value) -> Value {
    let g = layer.geometry
    return node(
      "Conv", [x, parameter(layer.weight), layer.bias.map { parameter($0) }],
      [
        "kernel_shape": .integers([g.kernel.height, g.kernel.width]), "strides": .integers([g.stride, g.stride]),
        "pads": .integers([Int](repeating: g.padding, count: 4)), "dilations": .integers([g.dilation, g.dilation]),
        "group": .integer(g.groups),
      ])
  }

  func callAsFunction(_ layer: BiasedConv2d, _ x: Value) -> Value { self(layer.layer, x) }

  func callAsFunction(_ layer: ConvTranspose2d, _ x: Value) -> Value {
    let g = layer.geometry
    return node(
      "ConvTranspose", [x, parameter(layer.weight), layer.bias.map { parameter($0) }],
      [
        "kernel_shape": .integers([g.kernel.height, g.kernel.width]), "strides": .integers([g.stride, g.stride]),
        "pads": .integers([Int](repeating: g.padding, count: 4)), "group": .integer(g.groups),
      ])
  }

  /// With the running statistics, as in evaluation.
  func callAsFunction(_ layer: BatchNorm2d, _ x: Value) -> Value {
    let channels = layer.weight.count
    let mean = constant(layer.runningMean.tensor.values, [channels])
    let variance = constant(layer.runningVariance.tensor.values, [channels])
    return node(
      "BatchNormalization", [x, parameter(layer.weight), parameter(layer.bias), mean, variance],
      ["epsilon": .float(layer.epsilon)])
  }

  func callAsFunction(_ layer: PReLU, _ x: Value) -> Value {
    node("PRelu", [x, parameter(layer.weight, shape: [layer.weight.count, 1, 1])])
  }

  /// Over the channels of each pixel.
  func callAsFunction(_ layer: LayerNorm, _ x: Value) -> Value {
    let axes: [String: Attribute] = ["axes": .integers([1]), "keepdims": .integer(1)]
    let centred = node("Sub", [x, node("ReduceMean", [x], axes)])
    let variance = node("ReduceMean", [node("Mul", [centred, centred])], axes)
    let normal = node("Div", [centred, node("Sqrt", [add(variance, constant(layer.epsilon))])])
    let shape = [layer.weight.count, 1, 1]
    return add(node("Mul", [normal, parameter(layer.weight, shape: shape)]), parameter(layer.bias, shape: shape))
  }

  // MARK: Operations

  func add(_ a: Value, _ b: Value) -> Value { node("Add", [a, b]) }
  func relu(_ x: Value) -> Value { node("Relu", [x]) }
  func leakyReLU(_ x: Value, _ slope: Float) -> Value { node("LeakyRelu", [x], ["alpha": .float(slope)]) }
  func scaled(_ x: Value, _ factor: Float) -> Value { factor == 1 ? x : node("Mul", [x, constant(factor)]) }
  func clamped(_ x: Value, _ low: Float, _ high: Float) -> Value { node("Clip", [x, constant(low), constant(high)]) }
  func concatenated(_ parts: [Value]) -> Value { node("Concat", parts, ["axis": .integer(1)]) }

  func pixelShuffled(_ x: Value, _ factor: Int) -> Value {
    node("DepthToSpace", [x], ["blocksize": .integer(factor), "mode": .text("CRD")])
  }

  /// Enlargement by a whole factor with half-pixel centres; the cubic kernel has a = -0.75.
  func enlarged(_ x: Value, _ factor: Int, _ interpolation: Interpolation) -> Value {
    if factor == 1 { return x }
    let scales = constant([1, 1, Float(factor), Float(factor)], [4])
    return node(
      "Resize", [x, nil, scales],
      [
        "mode": .text(interpolation == .bilinear ? "linear" : "cubic"), "cubic_coeff_a": .float(-0.75),
        "coordinate_transformation_mode": .text("half_pixel"),
      ])
  }

  /// The two halves of the channels multiplied.
  func simpleGate(_ x: Value) -> Value { node("Mul", nodes("Split", [x], ["axis": .integer(1)], outputs: 2)) }
}
