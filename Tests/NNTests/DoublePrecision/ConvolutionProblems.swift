import Basics
import Foundation
import NN

/// Sizes and steps of a convolution, drawn at random.
private struct Draw {
  var kernel: (Int, Int)
  var stride: Int
  var dilation: Int
  var padding: Int
  var groups: Int
  var n: Int
  var channels: Int
  var outputs: Int
  var h: Int
  var w: Int

  init(_ random: inout SeededRandom, kernels: [Int] = [1, 2, 3, 5], strides: Int = 3, dilations: Int = 2) {
    kernel = (kernels[random.index(below: kernels.count)], kernels[random.index(below: kernels.count)])
    stride = 1 + random.index(below: strides)
    dilation = 1 + random.index(below: dilations)
    padding = random.index(below: 3)
    groups = 1 + random.index(below: 3)
    n = 1 + random.index(below: 3)
    channels = groups * (1 + random.index(below: 3))
    outputs = groups * (1 + random.index(below: 3))
    h = dilation * (kernel.0 - 1) + 1 + random.index(below: 7)
    w = dilation * (kernel.1 - 1) + 1 + random.index(below: 7)
  }

  var geometry: ConvolutionGeometry {
    ConvolutionGeometry(
      kernelHeight: kernel.0, kernelWidth: kernel.1, stride: stride, padding: padding, dilation: dilation,
      groups: groups)
  }
  var detail: String { "stride \(stride), dilation \(dilation), padding \(padding), groups \(groups)" }
  func size(_ input: Int, _ kernel: Int) -> Int { (input + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1 }
}

private func correlated(_ x: Grid, _ weight: Grid, _ bias: Grid, _ d: Draw) -> Grid {
  let (k, each) = (weight.n, weight.c)
  return .image([x.n, k, d.size(x.h, weight.h), d.size(x.w, weight.w)]) { n, o, y, z in
    var sum = bias.values[o]
    for c in 0..<each {
      for i in 0..<weight.h {
        for j in 0..<weight.w {
          let (row, column) = (y * d.stride - d.padding + i * d.dilation, z * d.stride - d.padding + j * d.dilation)
          sum += weight[o, c, i, j] * x[n, o / (k / d.groups) * each + c, row, column]
        }
      }
    }
    return sum
  }
}

/// Every input pixel spreads over the output: the definition, not the adjoint of the other one.
private func spread(_ x: Grid, _ weight: Grid, _ bias: Grid, _ d: Draw) -> Grid {
  func size(_ input: Int, _ kernel: Int) -> Int {
    (input - 1) * d.stride - 2 * d.padding + d.dilation * (kernel - 1) + 1
  }
  let each = weight.c
  let (h, w) = (size(x.h, weight.h), size(x.w, weight.w))
  var result = Grid.image([x.n, each * d.groups, h, w]) { _, o, _, _ in bias.values[o] }
  for n in 0..<x.n {
    for c in 0..<x.c {
      for y in 0..<x.h {
        for z in 0..<x.w {
          for o in 0..<each {
            for i in 0..<weight.h {
              for j in 0..<weight.w {
                let (row, column) = (
                  y * d.stride - d.padding + i * d.dilation, z * d.stride - d.padding + j * d.dilation
                )
                guard row >= 0, column >= 0, row < h, column < w else { continue }
                result[n, c / (x.c / d.groups) * each + o, row, column] += x[n, c, y, z] * weight[c, o, i, j]
              }
            }
          }
        }
      }
    }
  }
  return result
}

/// Reads between pixels by bilinear interpolation, zero outside.
private func read(_ x: Grid, _ n: Int, _ c: Int, _ y: Double, _ z: Double) -> Double {
  guard y > -1, z > -1, y < Double(x.h), z < Double(x.w) else { return 0 }
  let (top, left) = (Int(y.rounded(.down)), Int(z.rounded(.down)))
  let (fy, fx) = (y - Double(top), z - Double(left))
  return (1 - fy) * ((1 - fx) * x[n, c, top, left] + fx * x[n, c, top, left + 1])
    + fy * ((1 - fx) * x[n, c, top + 1, left] + fx * x[n, c, top + 1, left + 1])
}

let convolutionProblems: [DoubleCase] = [
  DoubleCase(name: "convolution") { random in
    let d = Draw(&random)
    return DoubleProblem(
      detail: d.detail,
      inputs: [
        Grid([d.n, d.channels, d.h, d.w], &random),
        Grid([d.outputs, d.channels / d.groups, d.kernel.0, d.kernel.1], &random), Grid([d.outputs], &random),
      ],
      reference: { correlated($0[0], $0[1], $0[2], d) },
      operation: { $0[0].convolved($0[1], bias: $0[2], d.geometry) })
  },
  DoubleCase(name: "convolution 3x3, the fast form") { random in
    var d = Draw(&random, kernels: [3], strides: 1, dilations: 1)
    (d.padding, d.groups, d.channels, d.outputs) = (1, 1, 2 + random.index(below: 20), 1 + random.index(below: 20))
    (d.h, d.w) = (3 + random.index(below: 9), 3 + random.index(below: 9))
    let geometry = d
    return DoubleProblem(
      detail: d.detail,
      inputs: [
        Grid([d.n, d.channels, d.h, d.w], &random), Grid([d.outputs, d.channels, 3, 3], &random),
        Grid([d.outputs], &random),
      ],
      reference: { correlated($0[0], $0[1], $0[2], geometry) },
      operation: { $0[0].convolved($0[1], bias: $0[2], geometry.geometry) })
  },
  DoubleCase(name: "convolution with a large kernel from or to few channels") { random in
    var d = Draw(&random, kernels: [5, 7, 9], strides: 1, dilations: 1)
    (d.padding, d.groups, d.channels, d.outputs) = (random.index(below: 5), 1, 1 + random.index(below: 3), 17)
    if random.index(below: 2) == 0 { swap(&d.channels, &d.outputs) }
    let geometry = d
    return DoubleProblem(
      detail: d.detail,
      inputs: [
        Grid([d.n, d.channels, d.h, d.w], &random), Grid([d.outputs, d.channels, d.kernel.0, d.kernel.1], &random),
        Grid([d.outputs], &random),
      ],
      reference: { correlated($0[0], $0[1], $0[2], geometry) },
      operation: { $0[0].convolved($0[1], bias: $0[2], geometry.geometry) })
  },
  DoubleCase(name: "convolution by channel") { random in
    var d = Draw(&random, kernels: [3], strides: 1, dilations: 1)
    d.padding = 1
    d.groups = 1 + random.index(below: 9)
    (d.channels, d.outputs) = (d.groups, d.groups)
    let geometry = d
    return DoubleProblem(
      inputs: [
        Grid([d.n, d.channels, d.h, d.w], &random), Grid([d.outputs, 1, 3, 3], &random), Grid([d.outputs], &random),
      ],
      reference: { correlated($0[0], $0[1], $0[2], geometry) },
      operation: { $0[0].convolved($0[1], bias: $0[2], geometry.geometry) })
  },
  DoubleCase(name: "transposed convolution") { random in
    var d = Draw(&random, kernels: [2, 3, 4, 6], strides: 3, dilations: 1)
    d.padding = random.index(below: 2)
    (d.h, d.w) = (2 + random.index(below: 4), 2 + random.index(below: 4))
    let geometry = d
    return DoubleProblem(
      detail: d.detail,
      inputs: [
        Grid([d.n, d.channels, d.h, d.w], &random),
        Grid([d.channels, d.outputs / d.groups, d.kernel.0, d.kernel.1], &random), Grid([d.outputs], &random),
      ],
      reference: { spread($0[0], $0[1], $0[2], geometry) },
      operation: { $0[0].convolvedTransposed($0[1], bias: $0[2], geometry.geometry) })
  },
  DoubleCase(name: "deformable convolution", tolerance: 1e-4) { random in
    var d = Draw(&random, kernels: [1, 3], strides: 2, dilations: 2)
    d.groups = 1
    let geometry = d
    let points = d.kernel.0 * d.kernel.1
    let (oh, ow) = (d.size(d.h, d.kernel.0), d.size(d.w, d.kernel.1))
    return DoubleProblem(
      detail: d.detail,
      inputs: [
        Grid([d.n, d.channels, d.h, d.w], &random), Grid([d.n, 2 * points, oh, ow], &random, -1.7...1.7),
        Grid([d.n, points, oh, ow], &random, 0...1),
        Grid([d.outputs, d.channels, d.kernel.0, d.kernel.1], &random), Grid([d.outputs], &random),
      ],
      reference: { inputs in
        let (x, offsets, factors, weight) = (inputs[0], inputs[1], inputs[2], inputs[3])
        return .image([x.n, weight.n, oh, ow]) { n, o, y, z in
          var sum = inputs[4].values[o]
          for point in 0..<points {
            let (i, j) = (point / weight.w, point % weight.w)
            let row =
              Double(y * geometry.stride - geometry.padding + i * geometry.dilation) + offsets[n, 2 * point, y, z]
            let column =
              Double(z * geometry.stride - geometry.padding + j * geometry.dilation) + offsets[n, 2 * point + 1, y, z]
            for c in 0..<x.c { sum += weight[o, c, i, j] * factors[n, point, y, z] * read(x, n, c, row, column) }
          }
          return sum
        }
      },
      operation: {
        $0[0].deformablyConvolved(offsets: $0[1], factors: $0[2], $0[3], bias: $0[4], geometry.geometry)
      })
  },
]
