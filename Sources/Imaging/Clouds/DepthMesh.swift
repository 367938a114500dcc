import Foundation

/// A triangle mesh made from a depth map: one vertex for each foreground pixel, two triangles between four neighbours.
public struct DepthMesh: Hashable, Sendable {
  /// Where a depth of 1 (nearest) and of 0 (farthest) lie before the camera, in world units along its axis, and the
  /// camera's horizontal field of view. The defaults are the study's camera, 2.7 units from the head's centre, with a head
  /// that spans one unit of depth.
  public struct Camera: Hashable, Sendable {
    public var near: Double
    public var far: Double
    public var fieldOfView: Double

    public init(near: Double = 2.2, far: Double = 3.2, fieldOfView: Double = 50) {
      self.near = near
      self.far = far
      self.fieldOfView = fieldOfView
    }
  }

  /// x right, y down, z forward (OpenCV axes).
  public var vertices: [SIMD3<Float>]
  /// Vertex numbers of each triangle, counter-clockwise seen from the camera.
  public var triangles: [SIMD3<UInt32>]

  /// - Parameters:
  ///   - depth: one channel, 1 nearest, 0 farthest; pixels of value 0 are background.
  ///   - edge: triangles whose corners differ by more than this in depth are left open, so that a silhouette is not joined
  ///     to what lies behind it.
  public init(_ depth: Raster, camera: Camera = Camera(), edge: Float = 0.03) {
    precondition(depth.channels == 1, "a depth map has one channel, not \(depth.channels)")
    let focal = Double(depth.width) / (2 * tan(camera.fieldOfView * .pi / 360))
    var numbers = [UInt32](repeating: .max, count: depth.pixels.count)
    var vertices: [SIMD3<Float>] = []
    for y in 0..<depth.height {
      for x in 0..<depth.width {
        let value = depth.pixels[y * depth.width + x]
        guard value > 0 else { continue }
        let z = camera.far + (camera.near - camera.far) * Double(value)
        let px = (Double(x) + 0.5 - Double(depth.width) / 2) / focal * z
        let py = (Double(y) + 0.5 - Double(depth.height) / 2) / focal * z
        numbers[y * depth.width + x] = UInt32(vertices.count)
        vertices.append(SIMD3(Float(px), Float(py), Float(z)))
      }
    }
    var triangles: [SIMD3<UInt32>] = []
    func add(_ a: Int, _ b: Int, _ c: Int) {
      guard numbers[a] != .max, numbers[b] != .max, numbers[c] != .max else { return }
      let values = [depth.pixels[a], depth.pixels[b], depth.pixels[c]]
      guard values.max()! - values.min()! <= edge else { return }  // three values always have a largest
      triangles.append(SIMD3(numbers[a], numbers[b], numbers[c]))
    }
    for y in 0..<max(0, depth.height - 1) {
      for x in 0..<max(0, depth.width - 1) {
        let corner = y * depth.width + x
        add(corner, corner + depth.width, corner + 1)
        add(corner + 1, corner + depth.width, corner + depth.width + 1)
      }
    }
    self.vertices = vertices
    self.triangles = triangles
  }

  /// Binary little-endian PLY: float x, y, z and triangles of int indices.
  public var ply: Data {
    var data = Data(
      """
      ply
      format binary_little_endian 1.0
      element vertex \(vertices.count)
      property float x
      property float y
      property float z
      element face \(triangles.count)
      property list uchar int vertex_indices
      end_header

      """.utf8)
    data.reserveCapacity(data.count + vertices.count * 12 + triangles.count * 13)
    for vertex in vertices {
      for axis in 0..<3 { withUnsafeBytes(of: vertex[axis].bitPattern.littleEndian) { data.append(contentsOf: $0) } }
    }
    for triangle in triangles {
      data.append(3)
      for corner in 0..<3 { withUnsafeBytes(of: triangle[corner].littleEndian) { data.append(contentsOf: $0) } }
    }
    return data
  }

  /// Wavefront OBJ text.
  public var obj: Data {
    var text = ""
    for vertex in vertices { text += "v \(vertex.x) \(vertex.y) \(vertex.z)\n" }
    for triangle in triangles { text += "f \(triangle.x + 1) \(triangle.y + 1) \(triangle.z + 1)\n" }
    return Data(text.utf8)
  }
}
