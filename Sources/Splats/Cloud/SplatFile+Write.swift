import Foundation

/// Files of Gaussian splats: PLY in the layout of 3DGS.
public enum SplatFile {
  public enum Format: String, CaseIterable, Hashable, Sendable {
    case binaryLittleEndian = "binary_little_endian"
    case binaryBigEndian = "binary_big_endian"
    case ascii
  }

  /// Properties of the file that 3DGS writes, in its order: centre, normal (always 0), colour, opacity, scale, rotation.
  static func properties(degree: Int) -> [String] {
    ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
      + (0..<GaussianCloud.restStride(degree: degree)).map { "f_rest_\($0)" }
      + ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
  }

  /// The bytes of a PLY file with the properties of 3DGS, all `float`.
  public static func encode(_ cloud: GaussianCloud, as format: Format = .binaryLittleEndian) -> Data {
    let names = properties(degree: cloud.degree)
    var header = "ply\nformat \(format.rawValue) 1.0\nelement vertex \(cloud.count)\n"
    for name in names { header += "property float \(name)\n" }
    header += "end_header\n"
    var data = Data(header.utf8)
    if format == .ascii {
      for i in 0..<cloud.count {
        // The shortest text that reads back to the same bits.
        data.append(contentsOf: values(of: i, in: cloud).map { "\($0)" }.joined(separator: " ").utf8)
        data.append(UInt8(ascii: "\n"))
      }
      return data
    }
    let start = data.count
    let stride = names.count * MemoryLayout<Float>.size
    data.append(Data(count: cloud.count * stride))
    let swapped = format == .binaryBigEndian
    data.withUnsafeMutableBytes { bytes in
      var values = [Float](repeating: 0, count: names.count)
      for i in 0..<cloud.count {
        fill(&values, with: i, of: cloud)
        for (k, value) in values.enumerated() {
          let bits = swapped ? value.bitPattern.bigEndian : value.bitPattern.littleEndian
          bytes.storeBytes(of: bits, toByteOffset: start + i * stride + k * 4, as: UInt32.self)
        }
      }
    }
    return data
  }

  private static func values(of i: Int, in cloud: GaussianCloud) -> [Float] {
    var values = [Float](repeating: 0, count: properties(degree: cloud.degree).count)
    fill(&values, with: i, of: cloud)
    return values
  }

  /// One Gaussian in the order of `properties`; the places of the normal stay as they are.
  private static func fill(_ values: inout [Float], with i: Int, of cloud: GaussianCloud) {
    let stride = cloud.restStride
    let (p, dc, s, q) = (cloud.positions[i], cloud.baseColours[i], cloud.logScales[i], cloud.rotations[i])
    for c in 0..<3 {
      values[c] = p[c]
      values[6 + c] = dc[c]
      values[10 + stride + c] = s[c]
    }
    for k in 0..<stride { values[9 + k] = cloud.restColours[i * stride + k] }
    values[9 + stride] = cloud.opacityLogits[i]
    for c in 0..<4 { values[13 + stride + c] = q[c] }
  }
}
