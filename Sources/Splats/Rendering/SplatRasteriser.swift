import Basics
import Imaging

/// Renders Gaussian splats on the CPU as 3DGS does: projected ellipses with a 0.3-pixel low-pass, blended front to back
/// in 16 x 16 tiles, an opacity below 1/255 left out, a pixel finished once less than 1/10,000 of light would pass.
/// Equal bits for any number of threads.
public struct SplatRasteriser: Sendable {
  /// Added to the variance of every projected Gaussian; square pixels.
  public var lowPass = 0.3
  /// Gaussians nearer than this camera z are left out; world units.
  public var nearest = 0.1
  /// Colour behind everything.
  public var background = SIMD3<Float>(1, 1, 1)

  public init() {}

  /// The smallest and largest camera z among Gaussians beyond `nearest`; nil when there is none.
  public func depthRange(_ cloud: GaussianCloud, camera: SplatCamera) -> ClosedRange<Float>? {
    let projection = SplatProjection(camera: camera, lowPass: lowPass, nearest: nearest)
    var (low, high) = (Float.infinity, -Float.infinity)
    for position in cloud.positions {
      let z = projection.depth(position)
      if z > nearest {
        low = min(low, Float(z))
        high = max(high, Float(z))
      }
    }
    return low <= high ? low...high : nil
  }

  /// Renders one view.
  /// - Parameters:
  ///   - depthRange: camera z of depth 1 and 0; the cloud's own range in this view when nil.
  ///   - threads: how many threads to use.
  public func render(
    _ cloud: GaussianCloud, camera: SplatCamera, depthRange: ClosedRange<Float>? = nil, threads: Int = 1
  ) -> SplatMaps {
    let range = depthRange ?? self.depthRange(cloud, camera: camera) ?? 0...1
    let splats = project(cloud, camera: camera, threads: threads)
    let bins = TileBins(splats: splats, camera: camera, threads: threads)
    return TileBlender(camera: camera, range: range, background: background)
      .blend(splats, bins: bins, threads: threads)
  }

  private func project(_ cloud: GaussianCloud, camera: SplatCamera, threads: Int) -> [ProjectedSplat] {
    let projection = SplatProjection(camera: camera, lowPass: lowPass, nearest: nearest)
    let count = cloud.count
    return [ProjectedSplat](unsafeUninitializedCapacity: count) { buffer, initialised in
      cloud.withPointers { cloud in
        buffer.withWriter { output in
          let chunk = 4096
          parallelFor((count + chunk - 1) / chunk, threads: threads) { block in
            for i in (block * chunk)..<min(count, (block + 1) * chunk) {
              output.initialise(i, to: projection.project(i, of: cloud))
            }
          }
        }
      }
      initialised = count
    }
  }
}
