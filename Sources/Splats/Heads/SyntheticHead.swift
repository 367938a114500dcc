import Basics
import Imaging

/// One made-up head: shape, colours, pose. The same seed and name give the same head, whatever others exist.
public struct SyntheticHead: Sendable {
  public let shape: HeadShape
  let colours: HeadColours
  let pose: HeadPose
  let field: HeadField
  let seed: UInt64
  let name: String

  public init(seed: UInt64, name: String) {
    self.seed = seed
    self.name = name
    var random = SeededRandom(seed: seed, stream: "head/\(name)")
    shape = HeadShape(random: &random)
    colours = HeadColours(random: &random)
    pose = HeadPose(random: &random)
    field = HeadField(shape)
  }

  /// The photo: `[size, size, 3]`, RGB 0...1 on white, four rays a pixel.
  public func photo(size: Int) -> Raster {
    let camera = SplatCamera(width: size * 2, height: size * 2)
    let tracer = HeadTracer(field: field, pose: pose, camera: camera)
    let shader = HeadShader(field: field, colours: colours, eye: tracer.eye)
    var image = Raster(width: size, height: size, channels: 3, repeating: 4)
    tracer.forEachPacket { x, y, packet in
      let colour = shader.colour(packet.points, field.normals(packet.points))
      for lane in 0..<min(8, camera.width - x) where packet.hit[lane] {
        let rgb = colour[lane]
        for c in 0..<3 { image[(x + lane) / 2, y / 2, c] += rgb[c] - 1 }
      }
    }
    for i in image.pixels.indices { image.pixels[i] *= 0.25 }
    return image
  }

  /// Gaussian splats of the head, about `count`, with the flaws of reconstructed ones.
  public func splats(count: Int) -> GaussianCloud {
    var random = SeededRandom(seed: seed, stream: "splats/\(name)")
    let eye = pose.headPoint(SIMD3<Float>(SplatCamera(width: 64, height: 64).position))
    let shader = HeadShader(field: field, colours: colours, eye: eye)
    let surfels = HeadSampler(field: field, shader: shader).surfels(count, random: &random)
    return HeadSplats(pose: pose).cloud(surfels, eye: eye, random: &random)
  }

  /// The true surface: `1 - (z - near) / (far - near)` where the ray through the pixel's centre meets it, 0 elsewhere.
  public func depth(size: Int, near: Float, far: Float) -> Raster {
    let tracer = HeadTracer(field: field, pose: pose, camera: SplatCamera(width: size, height: size))
    var map = Raster(width: size, height: size)
    tracer.forEachPacket { x, y, packet in
      for lane in 0..<min(8, size - x) where packet.hit[lane] {
        map[x + lane, y] = max(0, min(1, 1 - (packet.depth[lane] - near) / (far - near)))
      }
    }
    return map
  }

  /// A stand-in for what a monocular normal network says of the photo (not the output of one): the true normals, averaged
  /// over cells of about two pixels of a 256-pixel map, all turned by a smooth error of 2 to 4 degrees.
  /// `[size, size, 3]`, n * 0.5 + 0.5 in camera axes; the background faces the camera, up to that error.
  public func pseudoNormals(size: Int) -> Raster {
    var random = SeededRandom(seed: seed, stream: "normals/\(name)")
    let errors = (SmoothField(wavelength: 0.6, random: &random), SmoothField(wavelength: 0.6, random: &random))
    let strength = Float(random.uniform(2, 4) * .pi / 180 * 0.5.squareRoot())
    let cells = max(8, size * 120 / 256)
    let camera = SplatCamera(width: cells * 2, height: cells * 2)
    let tracer = HeadTracer(field: field, pose: pose, camera: camera)
    var fine = Raster(width: cells * 2, height: cells * 2, channels: 3)
    for i in stride(from: 2, to: fine.pixels.count, by: 3) { fine.pixels[i] = -1 }
    tracer.forEachPacket { x, y, packet in
      let n = field.normals(packet.points)
      for lane in 0..<min(8, camera.width - x) where packet.hit[lane] {
        let w = SIMD3<Double>(pose.worldVector(n[lane]))
        fine[x + lane, y, 0] = Float((w * camera.right).sum())
        fine[x + lane, y, 1] = Float((w * camera.down).sum())
        fine[x + lane, y, 2] = Float((w * camera.forward).sum())
      }
    }
    var map = Raster(width: size, height: size, channels: 3)
    for y in 0..<size {
      for x in 0..<size {
        let (u, v) = ((Float(x) + 0.5) / Float(size), (Float(y) + 0.5) / Float(size))
        let place = SIMD3(u, v, 0)
        var n = average(fine, u * Float(cells), v * Float(cells))
        n = unit(n)
        n.x += strength * errors.0.value(place)
        n.y += strength * errors.1.value(place)
        n = unit(n)
        for c in 0..<3 { map[x, y, c] = n[c] * 0.5 + 0.5 }
      }
    }
    return map
  }

  /// Bilinear between the means of 2 x 2 blocks, at (x, y) in blocks.
  private func average(_ fine: Raster, _ x: Float, _ y: Float) -> SIMD3<Float> {
    let cells = fine.width / 2
    func block(_ i: Int, _ j: Int) -> SIMD3<Float> {
      let (i, j) = (2 * max(0, min(cells - 1, i)), 2 * max(0, min(cells - 1, j)))
      var sum = SIMD3<Float>()
      for c in 0..<3 { sum[c] = fine[i, j, c] + fine[i + 1, j, c] + fine[i, j + 1, c] + fine[i + 1, j + 1, c] }
      return sum / 4
    }
    let (left, top) = ((x - 0.5).rounded(.down), (y - 0.5).rounded(.down))
    let (a, b) = (x - 0.5 - left, y - 0.5 - top)
    let (i, j) = (Int(left), Int(top))
    return (block(i, j) * (1 - a) + block(i + 1, j) * a) * (1 - b)
      + (block(i, j + 1) * (1 - a) + block(i + 1, j + 1) * a) * b
  }
}
