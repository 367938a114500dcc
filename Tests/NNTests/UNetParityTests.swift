import Basics
import Foundation
import NN
import Testing

@Suite(.enabled(if: Fixtures.present, "needs the shared fixtures"))
struct UNetParityTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var hasNormals: Bool
    var mode: String
    var forward: Double
    var gradient: Double
    var testDescription: String { "\(name) \(mode)" }
  }

  static let cases: [Case] = [
    Case(name: "depthupres_unet", hasNormals: false, mode: "eval", forward: 1.41e-6, gradient: 5.16e-6),
    Case(name: "depthupres_unet", hasNormals: false, mode: "train", forward: 2.03e-5, gradient: 2.2e-5),
    Case(name: "depthupres_unet_normal", hasNormals: true, mode: "eval", forward: 1.21e-6, gradient: 2.58e-6),
    Case(name: "depthupres_unet_normal", hasNormals: true, mode: "train", forward: 2.09e-4, gradient: 7.86e-6),
  ]

  /// Forward, loss and gradients; a fast algorithm may miss by eight times the tolerance.
  @Test(arguments: cases, ComputeOptions.Convolution.allCases)
  func oneStep(_ item: Case, _ algorithm: ComputeOptions.Convolution) throws {
    let slack = algorithm == .fast ? 8.0 : 1
    let data = try Fixtures.read("models/\(item.name).safetensors")
    try NN.with(ComputeOptions(threads: 2, convolution: algorithm)) {
      let net = DepthUpResUNet(baseChannels: 4, predictsNormal: item.hasNormals, WeightInitialiser(seed: 1))
      try net.load(data.below("sd."))
      net.setTraining(item.mode == "train")
      var inputGradient: Tensor?
      let x = try data.tensor("in.x").variable { inputGradient = $0 }
      let output = net(NetworkInput(image: x))
      let mask = try data.tensor("in.mask")
      var loss = output.image.depthLoss(try data.tensor("in.target"), mask: mask, gradientWeight: 0.5)
      if item.hasNormals {
        let normal = try #require(output[.normals])
        loss = loss + normal.normalCosineLoss(try data.tensor("in.normal_target"), mask: mask).affine(0.5)
      }
      loss.backward()
      var checked = 0
      for (name, expected) in data.sorted(by: { $0.key < $1.key }) {
        if name == "out.\(item.mode).loss" {
          expectClose(loss, expected, rtol: 1e-4, atol: slack * 1e-6, name)
        } else if name.hasPrefix("out.\(item.mode).normal") {
          expectClose(output[.normals], expected, rtol: 1e-4, atol: slack * item.forward, name)
        } else if name == "out.\(item.mode).y" || name == "out.\(item.mode).depth" {
          expectClose(output.image, expected, rtol: 1e-4, atol: slack * item.forward, name)
        } else if name.hasPrefix("gin."), algorithm == .fast {
          guard name.hasPrefix("gin.\(item.mode).") else { continue }
          // Where the input is constant, pooling meets ties that the rounding of the fast algorithm decides otherwise than
          // the plain one; the gradient then goes to a neighbour. All in all it must agree.
          let (a, b) = (try #require(inputGradient).values, expected.floats)
          let error = zip(a, b).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }
          #expect((error / b.reduce(0.0) { $0 + Double($1 * $1) }).squareRoot() < 0.01)
        } else if name.hasPrefix("gin.\(item.mode).") {
          expectClose(inputGradient, expected, rtol: 1e-3, atol: slack * item.gradient, name)
        } else if name.hasPrefix("grad.\(item.mode).") {
          let key = String(name.dropFirst("grad.\(item.mode).".count))
          let parameter = try #require(net.namedParameters.first { $0.name == key }).parameter
          expectClose(parameter.gradient, expected, rtol: 1e-3, atol: slack * item.gradient, name)
        } else {
          continue
        }
        checked += 1
      }
      #expect(checked > 10)
    }
  }
}
