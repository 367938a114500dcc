import Foundation
import Imaging
import Pipeline

/// A bump in front of nothing: depth, normals, opacity and photo of an ellipsoid seen by the camera, with flaws on demand.
struct SyntheticHead {
  var size = 64
  /// Centre and radius of a hole in depth and opacity.
  var hole: (x: Int, y: Int, radius: Int)?
  /// Centre and radius of a detached speck.
  var speck: (x: Int, y: Int, radius: Int)?
  /// Moves the head sideways so that two heads differ.
  var shift = 0.0

  struct Maps {
    var depth: Raster
    var normal: Raster
    var opacity: Raster
    var rgb: Raster
    var photo: Raster
  }

  var maps: Maps {
    var depth = Raster(width: size, height: size)
    var normal = Raster(width: size, height: size, channels: 3, repeating: 0.5)
    var opacity = Raster(width: size, height: size)
    var rgb = Raster(width: size, height: size, channels: 3, repeating: 1)
    let half = Double(size) / 2
    for y in 0..<size {
      for x in 0..<size {
        let u = (Double(x) + 0.5 - half) / (half * 0.7) - shift
        let v = (Double(y) + 0.5 - half) / (half * 0.85)
        let square = u * u + v * v
        guard square < 1 else { continue }
        if let hole, inDisc(x, y, hole) { continue }
        let height = (1 - square).squareRoot()
        depth[x, y] = Float(0.3 + 0.6 * height)
        opacity[x, y] = 1
        // A face that looks at the camera has z < 0; x points right and y down.
        let n = [u / 0.7, v / 0.85, -height]
        let length = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).squareRoot()
        for channel in 0..<3 {
          normal[x, y, channel] = Float(n[channel] / length * 0.5 + 0.5)
          rgb[x, y, channel] = Float(0.2 + 0.5 * height)
        }
      }
    }
    let photo = rgb
    if let speck {
      for y in 0..<size {
        for x in 0..<size where inDisc(x, y, speck) {
          depth[x, y] = 0.8
          opacity[x, y] = 0.9
        }
      }
    }
    return Maps(depth: depth, normal: normal, opacity: opacity, rgb: rgb, photo: photo)
  }

  private func inDisc(_ x: Int, _ y: Int, _ disc: (x: Int, y: Int, radius: Int)) -> Bool {
    (x - disc.x) * (x - disc.x) + (y - disc.y) * (y - disc.y) <= disc.radius * disc.radius
  }
}

extension StageRunner {
  /// One sample of kind `renders`.
  func render(_ name: String, _ head: SyntheticHead = SyntheticHead()) throws -> Sample {
    let maps = head.maps
    return Sample(
      name: name,
      files: [
        "depth.png": try store(maps.depth, .png16), "normal.png": try store(maps.normal, .png8),
        "opacity.png": try store(maps.opacity, .png8), "rgb.png": try store(maps.rgb, .png8),
        "photo.png": try store(maps.photo, .png8),
      ])
  }

  /// One sample of kind `maps`, straight from the shape.
  func cleanMaps(_ name: String, _ head: SyntheticHead = SyntheticHead()) throws -> Sample {
    let maps = head.maps
    return Sample(
      name: name,
      files: [
        "depth.png": try store(maps.depth, .png16), "normal.png": try store(maps.normal, .png16),
        "foreground.png": try store(maps.opacity, .png8), "rgb.png": try store(maps.rgb, .png8),
        "photo.png": try store(maps.photo, .png8),
      ])
  }

  /// One sample of kind `dataset`.
  func datasetSample(_ name: String, side: String, _ head: SyntheticHead = SyntheticHead()) throws -> Sample {
    let maps = head.maps
    return Sample(
      name: name, files: ["depth.png": try store(maps.depth, .png16), "mask.png": try store(maps.opacity, .png8)],
      record: ["side": .string(side)])
  }

  func store(_ raster: Raster, _ encoding: ImageFile.Encoding) throws -> StoredFile {
    try services.store(try ImageFile.encode(raster, as: encoding))
  }

  /// The files of a user's folder as an artifact of layout `.files`.
  func folderArtifact(_ folder: URL) throws -> Artifact {
    var files: [String: StoredFile] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
      let url = folder.appending(path: path)
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue {
        files[path] = try services.store(contentsOf: url)
      }
    }
    return Self.artifact("folder", files: files)
  }

  func temporaryFolder() throws -> URL {
    let folder = services.folder.appending(path: "folder-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }
}

extension StoredFile {
  func image() throws -> DecodedImage { try ImageFile.read(try Data(contentsOf: url), name: url.lastPathComponent) }
}
