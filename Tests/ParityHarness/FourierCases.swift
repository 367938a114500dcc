import NN

let fourierOperations: [ParityOperation] = [
  ParityOperation("layers", "rfft2_amp_phase") { item, check in
    try item.supportsOnly("norm", "backward")
    let added = try item.float("added", default: 1e-8)
    try item.layer(check, periods: ["pha": 2 * Double.pi], shapes: ["in.x": "n c h w"]) { t in
      let spectrum = (try t.input() + added).realFourier()
      return ["amp": spectrum.amplitude(), "pha": spectrum.phase()]
    }
  },
  ParityOperation("layers", "irfft2_from_amp_phase") { item, check in
    try item.supportsOnly("norm", "backward")
    let size = try item.ints("s", count: 2, in: 1...8192)
    // One constant is added to both parts, another to the complex value.
    let parts = try item.float("added_re_im", default: 1e-8)
    let real = try item.float("added_complex_real", default: 1e-8)
    let half = "n c \(size[0]) \(size[1] / 2 + 1)"
    try item.layer(check, shapes: ["in.amp": half, "in.pha": half]) { t in
      let spectrum = Tensor.spectrum(
        amplitude: try t.input("amp"), phase: try t.input("pha"), addingReal: parts + real, imaginary: parts)
      return ["y": spectrum.inverseRealFourier(width: size[1]).absolute()]
    }
  },
  unary("fft_amp_phase_roundtrip", "n c h w") { x, item in
    let added = Float(try item.number(in: "formula", #"x\s*\+\s*"# + numberPattern, default: 1e-8))
    let spectrum = (x + added).realFourier()
    return Tensor.spectrum(amplitude: spectrum.amplitude(), phase: spectrum.phase()).inverseRealFourier(width: x.w)
      .absolute()
  },
]
