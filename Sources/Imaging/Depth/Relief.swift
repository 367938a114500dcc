import Foundation

/// Shaded relief of a depth map, for people to look at.
public enum Relief {
  /// Lambert shading with light from the upper left and a little from the front; the shape as grey on white.
  /// - Parameters:
  ///   - depth: 1 near, 0 far.
  ///   - mask: the foreground; nil takes depth > 0.
  ///   - exaggeration: of the slopes.
  /// - Returns: one channel, 0...1.
  public static func shade(
    _ depth: Raster, mask: Mask? = nil, sigma: Double = 0.7, exaggeration: Float = 1, background: Float = 1
  ) -> Raster {
    precondition(depth.channels == 1, "a depth map has one channel, not \(depth.channels)")
    let mask = mask ?? Mask(depth, above: 0)
    // The cliff to the background would shade the rim black: the outside takes the nearest foreground value.
    let filled = Inpaint.nearest(depth, hole: mask.inverted, known: mask)
    let smooth = sigma > 0 ? Filters.gaussian(filled, sigma: sigma) : filled
    let dx = Filters.scharr(smooth, .x)
    let dy = Filters.scharr(smooth, .y)
    // Depth spans about half the width of a head.
    let scale = Float(depth.width) * 0.5 / 32 * exaggeration
    let length = Float(0.45 * 0.45 + 0.6 * 0.6 + 0.75 * 0.75).squareRoot()
    let light: (x: Float, y: Float, z: Float) = (-0.45 / length, -0.6 / length, 0.75 / length)
    var result = Raster(width: depth.width, height: depth.height, repeating: background)
    for i in 0..<result.pixels.count where mask.bits[i] != 0 {
      // The normal towards the viewer: slopes of height (nearness) turned round.
      let (x, y) = (-dx.pixels[i] * scale, -dy.pixels[i] * scale)
      let diffuse = max(0, (x * light.x + y * light.y + light.z) / (x * x + y * y + 1).squareRoot())
      result.pixels[i] = min(1, 0.12 + 0.88 * diffuse)
    }
    return result
  }
}
