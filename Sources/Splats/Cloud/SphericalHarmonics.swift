/// Real spherical harmonics up to degree 3 in the order and with the signs of 3DGS.
public enum SphericalHarmonics {
  /// The constant of band 0: 1 / (2 sqrt(pi)).
  public static let c0: Float = 0.282_094_79

  /// The 16 basis functions at a unit direction, the first `(degree + 1)^2` of which count.
  public static func basis(_ d: SIMD3<Float>) -> [Float] {
    var values = [Float](repeating: 0, count: 16)
    values.withUnsafeMutableBufferPointer { fill($0, d) }
    return values
  }

  static func fill(_ basis: UnsafeMutableBufferPointer<Float>, _ d: SIMD3<Float>) {
    let (x, y, z) = (d.x, d.y, d.z)
    let (xx, yy, zz) = (x * x, y * y, z * z)
    basis[0] = c0
    // Band 1: sqrt(3 / (4 pi)).
    basis[1] = -0.488_602_51 * y
    basis[2] = 0.488_602_51 * z
    basis[3] = -0.488_602_51 * x
    // Band 2.
    basis[4] = 1.092_548_4 * x * y
    basis[5] = -1.092_548_4 * y * z
    basis[6] = 0.315_391_57 * (2 * zz - xx - yy)
    basis[7] = -1.092_548_4 * x * z
    basis[8] = 0.546_274_2 * (xx - yy)
    // Band 3.
    basis[9] = -0.590_043_6 * y * (3 * xx - yy)
    basis[10] = 2.890_611_4 * x * y * z
    basis[11] = -0.457_045_8 * y * (4 * zz - xx - yy)
    basis[12] = 0.373_176_34 * z * (2 * zz - 3 * xx - 3 * yy)
    basis[13] = -0.457_045_8 * x * (4 * zz - xx - yy)
    basis[14] = 1.445_305_7 * z * (xx - yy)
    basis[15] = -0.590_043_6 * x * (xx - 3 * yy)
  }

  /// The colour of a Gaussian seen along `direction` (from the camera to the Gaussian, unit length): 0.5 + the sum,
  /// cut at 0 from below.
  public static func colour(
    base: SIMD3<Float>, rest: UnsafeBufferPointer<Float>, degree: Int, direction: SIMD3<Float>
  ) -> SIMD3<Float> {
    var colour = base * c0 + 0.5
    if degree > 0 {
      let count = (degree + 1) * (degree + 1) - 1
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { basis in
        fill(basis, direction)
        for i in 0..<count {
          colour += basis[i + 1] * SIMD3(rest[i], rest[count + i], rest[2 * count + i])
        }
      }
    }
    return colour.replacing(with: 0, where: colour .< 0)
  }
}
