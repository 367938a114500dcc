/// Examples of one size put together.
public struct Batch {
  public var names: [String]
  public var input: NetworkInput
  public var target: Tensor
  public var mask: Tensor?
  public var normal: Tensor?

  /// - Throws: `TrainingError` when the sizes or the kinds of planes differ.
  public init(_ samples: [TrainingSample]) throws {
    let first = samples[0]
    for sample in samples {
      guard
        (sample.height, sample.width, sample.scale, sample.channels)
          == (first.height, first.width, first.scale, first.channels)
      else {
        throw TrainingError(
          "`\(first.name)` is \(first.height)x\(first.width) and `\(sample.name)` \(sample.height)x\(sample.width): "
            + "whole maps of different sizes need a batch of 1, or train on patches")
      }
      guard (sample.normal == nil) == (first.normal == nil), sample.guideChannels == first.guideChannels else {
        throw TrainingError("`\(first.name)` and `\(sample.name)` do not both have normals or a guide")
      }
    }
    let n = samples.count
    let (h, w) = (first.height, first.width)
    let (oh, ow) = (h * first.scale, w * first.scale)
    names = samples.map(\.name)
    input = NetworkInput(
      image: Tensor(samples.flatMap(\.image), [n, first.channels, h, w]),
      guide: first.guide == nil
        ? nil : Tensor(samples.flatMap { $0.guide ?? [] }, [n, first.guideChannels, oh, ow]))
    target = Tensor(samples.flatMap(\.target), [n, first.channels, oh, ow])
    let ones = [Float](repeating: 1, count: oh * ow)
    mask =
      samples.allSatisfy { $0.mask == nil } ? nil : Tensor(samples.flatMap { $0.mask ?? ones }, [n, 1, oh, ow])
    normal = first.normal == nil ? nil : Tensor(samples.flatMap { $0.normal ?? [] }, [n, 3, oh, ow])
  }

  /// The first example with a value that is not a number or infinite, and where it is; nil when all are finite.
  func firstNonFinite() -> String? {
    let planes: [(String, Tensor?)] = [
      ("input", input.image), ("guide", input.guide), ("target", target), ("mask", mask), ("normals", normal),
    ]
    for (what, tensor) in planes {
      guard let tensor, let index = tensor.values.firstIndex(where: { !$0.isFinite }) else { continue }
      return "the \(what) of `\(names[index / (tensor.count / names.count)])`"
    }
    return nil
  }
}
