import NN

let fourierOperations: [ParityOperation] = [
  ParityOperation("layers", "rfft2_amp_phase") { item, check in
    try item.layer(check, periods: ["pha": 2 * Double.pi]) { t in
      let spectrum = (try t.input() + Float(1e-8)).realFourier()
      return ["amp": spectrum.amplitude(), "pha": spectrum.phase()]
    }
  },
  ParityOperation("layers", "irfft2_from_amp_phase") { item, check in
    let size = try item.ints("s")
    try item.layer(check) { t in
      // 1e-8 is added to both parts, and once more to the complex value.
      let spectrum = Tensor.spectrum(
        amplitude: try t.input("amp"), phase: try t.input("pha"), addingReal: 2e-8, imaginary: 1e-8)
      return ["y": spectrum.inverseRealFourier(width: size[1]).absolute()]
    }
  },
  unary("fft_amp_phase_roundtrip") { x in
    let spectrum = (x + Float(1e-8)).realFourier()
    return Tensor.spectrum(amplitude: spectrum.amplitude(), phase: spectrum.phase()).inverseRealFourier(width: x.w)
      .absolute()
  },
]
