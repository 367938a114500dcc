import Foundation

extension Tensor {
  /// Normals of a depth map [n, 1, h, w] to [n, 3, h, w]: (dz/dx f, dz/dy f, 1) to unit length, forward differences with a
  /// zero last column and row, f = w / (2 tan(field of view / 2)), field of view in degrees.
  /// Parity: losses/normal_from_depth_cosine__face.
  public func normalsFromDepth(fieldOfView: Double) -> Tensor {
    precondition(rank == 4 && c == 1, "normals come from one depth channel, not \(shape)")
    let (height, width) = (h, w)
    let focal = Float(Double(width) / (2 * tan(fieldOfView * .pi / 360)))
    func shifted(_ dy: Int, _ dx: Int) -> Tensor {
      let map = GatherMap(height: height, width: width, newHeight: height, newWidth: width) { y, x in
        (min(y + dy, height - 1), min(x + dx, width - 1))
      }
      return gathered(map, planes: n, shape: shape)
    }
    let dx = (shifted(0, 1) - self).affine(focal)
    let dy = (shifted(1, 0) - self).affine(focal)
    return Tensor.concatenated([dx, dy, .filled(shape, 1)]).normalisedOverChannels()
  }
}
