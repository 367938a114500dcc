// The parts of SGNet (Wang, Yan, Yang, AAAI 2024). State names are those of yanzq95/SGNet.

/// Two units of 3x3 convolutions with a 1x1 skip, then a 3x3 convolution of everything; growth 8.
final class SGNetDenseBlock: Module {
  final class Unit: Module {
    let identity: Conv2d, first: Conv2d, second: Conv2d

    init(_ inputs: Int, _ outputs: Int, _ initialiser: WeightInitialiser) {
      identity = Conv2d(inputs, outputs, kernelSize: 1, initialiser)
      first = Conv2d(inputs, outputs, kernelSize: 3, padding: 1, initialiser)
      second = Conv2d(outputs, outputs, kernelSize: 3, padding: 1, initialiser)
    }

    var members: [(name: String, member: Member)] {
      [("identity", .module(identity)), ("conv_1", .module(first)), ("conv_2", .module(second))]
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      second(first(x).leakyReLU(0.1)).leakyReLU(0.1) + identity(x)
    }
  }

  let first: Unit, second: Unit
  let last: Conv2d

  init(_ inputs: Int, _ outputs: Int, _ initialiser: WeightInitialiser) {
    first = Unit(inputs, 8, initialiser)
    second = Unit(8, 8, initialiser)
    last = Conv2d(inputs + 16, outputs, kernelSize: 3, padding: 1, initialiser)
    // Xavier normal times 0.1, biases 0.
    for (name, parameter) in namedParameters {
      if name.hasSuffix("bias") {
        parameter.assign(.zeros(parameter.shape))
      } else {
        let (out, rest) = (parameter.shape[0], parameter.shape[2] * parameter.shape[3])
        let deviation = 0.1 * (2 / Double((out + parameter.shape[1]) * rest)).squareRoot()
        parameter.assign(initialiser.normal(parameter.shape, deviation: deviation))
      }
    }
  }

  var members: [(name: String, member: Member)] {
    [("conv1", .module(first)), ("conv2", .module(second)), ("conv3", .module(last))]
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let a = first(x).leakyReLU(0.2)
    let b = second(a).leakyReLU(0.2)
    return last(Tensor.concatenated([x, a, b])).leakyReLU(0.2)
  }
}

/// An invertible mixing of two halves. Parity: layers/sgnet_invblock.
package final class SGNetInvertibleBlock: Module {
  let split: Int
  let mix: InvertibleConvolution
  let f: SGNetDenseBlock, g: SGNetDenseBlock, h: SGNetDenseBlock

  package init(_ channels: Int, split: Int, _ initialiser: WeightInitialiser) {
    self.split = split
    let rest = channels - split
    f = SGNetDenseBlock(rest, split, initialiser)
    g = SGNetDenseBlock(split, rest, initialiser)
    h = SGNetDenseBlock(split, rest, initialiser)
    mix = InvertibleConvolution(channels, initialiser)
  }

  package var members: [(name: String, member: Member)] {
    [("F", .module(f)), ("G", .module(g)), ("H", .module(h)), ("invconv", .module(mix))]
  }

  package func callAsFunction(_ x: Tensor) -> Tensor {
    let mixed = mix(x)
    let (x1, x2) = (mixed.channels(0..<split), mixed.channels(split..<mixed.c))
    let y1 = x1 + f(x2)
    let s = h(y1).sigmoid().affine(1.6, -0.8)
    return Tensor.concatenated([y1, x2 * s.exponential() + g(y1)])
  }
}

/// Depth and image features fused by amplitude and phase of their Fourier transforms. Parity: layers/sgnet_sdb.
package final class SGNetFrequencyBlock: Module {
  /// One fusion: of amplitudes or of phases.
  final class Fusion: Module {
    let common: [Conv2d], difference: [Conv2d]
    let post: Conv2d, preImage: Conv2d, preDepth: Conv2d

    init(_ channels: Int, _ imageChannels: Int, _ initialiser: WeightInitialiser) {
      func one(_ inputs: Int, _ outputs: Int) -> Conv2d { Conv2d(inputs, outputs, kernelSize: 1, initialiser) }
      common = [one(channels, channels), one(channels, channels)]
      difference = [one(channels, channels), one(channels, channels)]
      post = one(2 * channels, channels)
      preImage = one(imageChannels, channels)
      preDepth = one(channels, channels)
    }

    var members: [(name: String, member: Member)] {
      [
        ("fuse_c", .module(ModuleList(named: [("0", common[0]), ("2", common[1])]))),
        ("fuse_sub", .module(ModuleList(named: [("0", difference[0]), ("2", difference[1])]))), ("post", .module(post)),
        ("pre_rgb", .module(preImage)), ("pre_dep", .module(preDepth)),
      ]
    }

    func callAsFunction(depth: Tensor, image: Tensor) -> Tensor {
      let d = preDepth(depth)
      let apart = (preImage(image) - d).absolute()
      return post(
        Tensor.concatenated([
          common[1](common[0](d).leakyReLU(0.1)), difference[1](difference[0](apart).leakyReLU(0.1)),
        ]))
    }
  }

  let preDepth: Conv2d, preImage: Conv2d, post: Conv2d
  let amplitudes: Fusion, phases: Fusion

  package init(_ channels: Int, _ imageChannels: Int, _ initialiser: WeightInitialiser) {
    preDepth = Conv2d(channels, channels, kernelSize: 1, initialiser)
    preImage = Conv2d(imageChannels, imageChannels, kernelSize: 1, initialiser)
    amplitudes = Fusion(channels, imageChannels, initialiser)
    phases = Fusion(channels, imageChannels, initialiser)
    post = Conv2d(channels, channels, kernelSize: 1, initialiser)
  }

  package var members: [(name: String, member: Member)] {
    [
      ("pre1", .module(preDepth)), ("pre2", .module(preImage)), ("amp_fuse", .module(amplitudes)),
      ("pha_fuse", .module(phases)), ("post", .module(post)),
    ]
  }

  package func callAsFunction(depth: Tensor, image: Tensor) -> Tensor {
    let d = (preDepth(depth) + Float(1e-8)).realFourier()
    let i = (preImage(image) + Float(1e-8)).realFourier()
    let amplitude = amplitudes(depth: d.amplitude(), image: i.amplitude())
    let phase = phases(depth: d.phase(), image: i.phase())
    // 1e-8 on both parts, and once more on the complex value.
    let fused = Tensor.spectrum(amplitude: amplitude, phase: phase, addingReal: 2e-8, imaginary: 1e-8)
    return post(fused.inverseRealFourier(width: depth.w).absolute())
  }
}

/// A bridge: depth features enlarged, fused with image features in space and frequency, attended, and shrunk again.
final class SGNetBridge: Module {
  let imageProcess: Conv2d, imagePre: Conv2d
  let spaceBlock: SGNetInvertibleBlock, spaceLast: Conv2d
  let frequency: SGNetFrequencyBlock
  /// In the state dictionary of the reference, but never used.
  let unused: [Conv2d]
  let attention: [Conv2d]
  let fuseBlock: SGNetInvertibleBlock, fuseLast: Conv2d
  let down: DenseProjection, up: DenseProjection

  init(_ c: Int, imageChannels r: Int, scale: Int, _ initialiser: WeightInitialiser) {
    func conv(_ inputs: Int, _ outputs: Int, _ kernel: Int) -> Conv2d {
      Conv2d(inputs, outputs, kernelSize: kernel, padding: kernel / 2, initialiser)
    }
    imageProcess = conv(r, r, 3)
    imagePre = conv(r, r, 1)
    spaceBlock = SGNetInvertibleBlock(c + r, split: c, initialiser)
    spaceLast = conv(c + r, c, 1)
    frequency = SGNetFrequencyBlock(c, r, initialiser)
    unused = [conv(c, c / 2, 3), conv(c / 2, c, 3), conv(c, c, 3)]
    attention = [conv(c, c / 2, 1), conv(c / 2, c, 1)]
    fuseBlock = SGNetInvertibleBlock(2 * c, split: c, initialiser)
    fuseLast = conv(2 * c, c, 1)
    down = DenseProjection(c, scale: scale, enlarges: false, initialiser)
    up = DenseProjection(c, scale: scale, enlarges: true, initialiser)
  }

  var members: [(name: String, member: Member)] {
    [
      ("rgbprocess", .module(imageProcess)), ("rgbpre", .module(imagePre)),
      ("spa_process", .module(ModuleList([spaceBlock, spaceLast] as [any Module]))),
      ("fre_process", .module(frequency)),
      ("spa_att", .module(ModuleList(named: [("0", unused[0]), ("2", unused[1])]))),
      ("cha_att", .module(ModuleList(named: [("0", attention[0]), ("2", attention[1])]))), ("post", .module(unused[2])),
      ("fuse_process", .module(ModuleList([fuseBlock, fuseLast] as [any Module]))), ("downBlock", .module(down)),
      ("upBlock", .module(up)),
    ]
  }

  /// The fused depth features at low resolution, and the image features after the first convolution.
  func callAsFunction(depth: Tensor, image: Tensor) -> (depth: Tensor, image: Tensor) {
    let large = up(depth)
    let processed = imageProcess(image)
    let guide = imagePre(processed)
    let space = spaceLast(spaceBlock(Tensor.concatenated([large, guide])))
    let fused = fuseLast(fuseBlock(Tensor.concatenated([space, frequency(depth: large, image: guide)])))
    let statistics = fused.channelDeviation() + fused.globalAverage()
    let weights = attention[1](attention[0](statistics).leakyReLU(0.1)).sigmoid()
    return (down(fused.scaledChannels(weights) + large), processed)
  }
}

/// The gradient branch: predicts a gradient map at high resolution and features that carry it back to low resolution.
final class SGNetGradientBranch: Module {
  let up: DenseProjection, down: DenseProjection
  let fromImage: Conv2d, fromDepth: Conv2d, fuse: Conv2d
  let depthGroup: ResidualGroup
  let imageBlock: ResidualBlock
  let join: Conv2d
  let joinGroups: [ResidualGroup]
  let map: Conv2d
  /// In the state dictionary of the reference, but never used.
  let unused: [Conv2d]
  let direct: Conv2d, directGroup: ResidualGroup
  let attention: ChannelAttention
  let mapConvolutions: [Conv2d]
  let lastGroups: [ResidualGroup]

  init(_ n: Int, scale: Int, _ initialiser: WeightInitialiser) {
    func conv(_ inputs: Int, _ outputs: Int, _ kernel: Int = 3) -> Conv2d {
      Conv2d(inputs, outputs, kernelSize: kernel, padding: kernel / 2, initialiser)
    }
    func group(_ reduction: Int, _ blocks: Int) -> ResidualGroup {
      ResidualGroup(n, reduction: reduction, blocks: blocks, initialiser)
    }
    up = DenseProjection(1, scale: scale, enlarges: true, initialiser)
    down = DenseProjection(n, scale: scale, enlarges: false, initialiser)
    fromImage = conv(3, n)
    fromDepth = conv(1, n)
    fuse = conv(n, n)
    depthGroup = group(16, 4)
    imageBlock = ResidualBlock(n, names: ("body.0", "body.2"), slope: 0.2, initialiser)
    join = conv(2 * n, n, 1)
    joinGroups = [group(8, 4), group(8, 4)]
    map = conv(n, 1)
    unused = [conv(n, 1), conv(1, n)]
    direct = conv(1, n)
    directGroup = group(8, 8)
    attention = ChannelAttention(n, reduction: 4, initialiser)
    mapConvolutions = [conv(1, n), conv(n, n)]
    lastGroups = [group(8, 4), group(8, 4)]
  }

  var members: [(name: String, member: Member)] {
    [
      ("upBlock", .module(up)), ("downBlock", .module(down)), ("c_rgb", .module(fromImage)),
      ("c_d", .module(fromDepth)),
      ("c_fuse", .module(fuse)), ("rg_d", .module(depthGroup)), ("rb_rgbd", .module(imageBlock)),
      ("fuse_process", .module(ModuleList([join] + joinGroups as [any Module]))), ("re_g", .module(map)),
      ("re_d", .module(unused[0])), ("c_sab", .module(unused[1])),
      ("d1", .module(ModuleList([direct, directGroup] as [any Module]))), ("CA", .module(attention)),
      ("grad_conv", .module(ModuleList(named: [("0", mapConvolutions[0]), ("2", mapConvolutions[1])]))),
      ("grad_rg", .module(ModuleList(lastGroups))),
    ]
  }

  func callAsFunction(depth: Tensor, image: Tensor) -> (map: Tensor, features: Tensor) {
    let large = up(depth)
    let imagePart = imageBlock(fromImage(image.gradientMagnitude()))
    let depthPart = fromDepth(large.gradientMagnitude())
    let joined = join(Tensor.concatenated([imagePart, depthGroup(depthPart)]))
    let fused = fuse(depthPart + attention(joinGroups.reduce(joined) { $1($0) }))
    let gradientMap = map(fused)
    let carried =
      mapConvolutions[1](mapConvolutions[0](gradientMap).leakyReLU(0.2)) + directGroup(direct(large))
    return (gradientMap, down(lastGroups.reduce(carried) { $1($0) }))
  }
}
