/// A scene of 3D Gaussians as 3DGS files store it (Kerbl et al., "3D Gaussian splatting", 2023): parameters before their
/// activation functions, so that reading and writing a file loses nothing.
public struct GaussianCloud: Hashable, Sendable {
  /// Centres, world units.
  public var positions: [SIMD3<Float>]
  /// Opacity before the sigmoid.
  public var opacityLogits: [Float]
  /// Natural logarithm of the standard deviations along the Gaussian's own axes.
  public var logScales: [SIMD3<Float>]
  /// Quaternions in the order w, x, y, z (lane 0 is w); not necessarily of unit length.
  public var rotations: [SIMD4<Float>]
  /// Spherical-harmonics coefficients of band 0 (`f_dc`): colour = 0.5 + 0.2820948 * value.
  public var baseColours: [SIMD3<Float>]
  /// Coefficients of the higher bands as files order them (`f_rest`): for each Gaussian all of red, then green, then
  /// blue; `3 * ((degree + 1)^2 - 1)` values a Gaussian. Empty at degree 0.
  public var restColours: [Float]
  /// Degree of the spherical harmonics, 0...3.
  public var degree: Int

  public var count: Int { positions.count }

  /// Values of `restColours` for one Gaussian.
  public var restStride: Int { Self.restStride(degree: degree) }

  /// `3 * ((degree + 1)^2 - 1)`.
  public static func restStride(degree: Int) -> Int { 3 * ((degree + 1) * (degree + 1) - 1) }

  /// An empty cloud with room for `capacity` Gaussians.
  public init(degree: Int = 0, capacity: Int = 0) {
    precondition((0...3).contains(degree), "spherical harmonics of degree \(degree): 0...3 are supported")
    self.degree = degree
    positions = []
    opacityLogits = []
    logScales = []
    rotations = []
    baseColours = []
    restColours = []
    positions.reserveCapacity(capacity)
    opacityLogits.reserveCapacity(capacity)
    logScales.reserveCapacity(capacity)
    rotations.reserveCapacity(capacity)
    baseColours.reserveCapacity(capacity)
    restColours.reserveCapacity(capacity * restStride)
  }

  /// Adds one Gaussian; `rest` must have `restStride` values.
  public mutating func append(
    position: SIMD3<Float>, opacityLogit: Float, logScale: SIMD3<Float>, rotation: SIMD4<Float>,
    baseColour: SIMD3<Float>, rest: [Float] = []
  ) {
    precondition(
      rest.count == restStride, "degree \(degree) needs \(restStride) higher coefficients, not \(rest.count)")
    positions.append(position)
    opacityLogits.append(opacityLogit)
    logScales.append(logScale)
    rotations.append(rotation)
    baseColours.append(baseColour)
    restColours += rest
  }
}
