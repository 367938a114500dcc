import NN

let resizeOperations: [ParityOperation] = [
  ParityOperation("layers", "bicubic", "bilinear", "nearest") { item, check in
    guard let interpolation = Interpolation(rawValue: item.operation) else { return }
    let factor = try item.double("scale_factor")
    let corners = item.attributes["align_corners"]?.boolValue ?? false
    try item.layer(check) { t in
      let x = try t.input()
      let (height, width) = (Int(Double(x.h) * factor), Int(Double(x.w) * factor))
      return ["y": x.resized(height: height, width: width, interpolation, alignCorners: corners)]
    }
  }
]
