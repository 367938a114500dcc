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
}
