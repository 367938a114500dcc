import NN

/// Bicubic enlargement, corrected by two convolutions.
final class CorrectedBicubic: Network {
  static let kind = ModelKind(
    "corrected-bicubic", title: "Corrected bicubic", summary: "Two convolutions correct the enlarged image.",
    options: [
      .int("channels", 16, 1...1024, "Channels between the convolutions."),
      .int("image_channels", 1, among: [1, 3], "1 for depth, 3 for RGB."),
      .int("scale", 4, 1...16, "How many times larger each side becomes."),
    ],
    photos: ["image_channels": 3], onnx: .unavailable("its graph is not written"), source: "this package",
    licence: "Apache-2.0", sizes: [], examples: [[:]],
    make: { options, initialiser in
      CorrectedBicubic(
        channels: options.int("channels"), imageChannels: options.int("image_channels"), scale: options.int("scale"),
        initialiser)
    })

  let scale: Int
  let imageChannels: Int
  let first: Conv2d
  let last: Conv2d

  init(channels: Int, imageChannels: Int, scale: Int, _ initialiser: WeightInitialiser) {
    (self.scale, self.imageChannels) = (scale, imageChannels)
    first = Conv2d(imageChannels, channels, kernelSize: 5, padding: 2, initialiser)
    last = Conv2d(channels, imageChannels, kernelSize: 3, padding: 1, initialiser)
  }

  /// Names in the state dictionary.
  var members: [(name: String, member: Member)] { [("first", .module(first)), ("last", .module(last))] }

  /// [n, c, h, w] becomes [n, c, scale h, scale w].
  func callAsFunction(_ input: NetworkInput) -> NetworkOutput {
    let (height, width) = (input.image.h * scale, input.image.w * scale)
    let enlarged = input.image.resized(height: height, width: width, .bicubic)
    return NetworkOutput(image: enlarged + last(first(enlarged).relu()))
  }
}
