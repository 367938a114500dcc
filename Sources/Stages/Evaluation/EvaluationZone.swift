import Foundation
import Imaging
import Pipeline

/// The part of what was reconstructed that scores count: splats made from one frontal photo are seen, not guessed, only
/// within some 20 degrees of the front.
struct EvaluationZone: StageParameters {
  var viewYaw: Double?
  var surfaceYaw: Double?

  static let fields: [ParameterField<Self>] = [
    .init(
      "view_yaw", \.viewYaw,
      "Only samples seen by a camera turned at most this far from the front (`yaw` of their record, as `splats.render` "
        + "writes it).", unit: "degrees", type: .optional(.double(0...180))),
    .init(
      "surface_yaw", \.surfaceYaw,
      "Only pixels whose true surface is turned sideways by at most this: |atan2(n_x, n_z)| of the normal of the true depth "
        + "(study formula, blurred by 1.5 px).", unit: "degrees", type: .optional(.double(0...90))),
  ]

  /// Whether a sample's camera lies inside the zone.
  /// - Throws: `StageFailure` when the zone asks for a yaw that the sample does not record.
  func contains(_ sample: Sample) throws -> Bool {
    guard let viewYaw else { return true }
    guard let yaw = sample.record["yaw"]?.doubleValue else {
      throw StageFailure(
        "`zone.view_yaw` is \(viewYaw), but `\(sample.name)` does not record the yaw of its camera",
        help: "render it with `splats.render`, or leave `zone.view_yaw` out")
    }
    return abs(yaw) <= viewYaw
  }

  /// The pixels inside the zone; nil when all are.
  /// - Throws: `StageFailure` when the zone's mask is of another size.
  func pixels(of view: EvaluatedSample) throws -> Mask? {
    var zone = view.zone
    if let surfaceYaw {
      let normals = Normals.fromDepth(view.truth)
      let limit = Float(tan(min(surfaceYaw, 89.999) * .pi / 180))
      var frontal = Mask(width: view.truth.width, height: view.truth.height)
      for pixel in frontal.bits.indices {
        // n_z is positive everywhere, so the tangent orders the angles.
        frontal.bits[pixel] = abs(normals.pixels[3 * pixel]) <= limit * normals.pixels[3 * pixel + 2] ? 1 : 0
      }
      zone = zone.map(frontal.intersection) ?? frontal
    }
    return zone
  }

  func names(zones: String?) -> [String] {
    (viewYaw.map { ["views within \(short($0)) deg"] } ?? [])
      + (surfaceYaw.map { ["surface within \(short($0)) deg"] } ?? [])
      + (zones == nil ? [] : ["zone masks"])
  }

  func sentences(zones: String?) -> [String] {
    (viewYaw.map { ["cameras within \(short($0)) deg of the front"] } ?? [])
      + (surfaceYaw.map { ["surface turned sideways by at most \(short($0)) deg"] } ?? [])
      + (zones == nil ? [] : ["inside the masks of the zone"])
  }

  func fields(zones: String?) -> [ProtocolField] {
    (viewYaw.map { [ProtocolField("zone: yaw of the camera", "at most \(short($0)) deg")] } ?? [])
      + (surfaceYaw.map { [ProtocolField("zone: yaw of the surface", "at most \(short($0)) deg")] } ?? [])
      + (zones.map { [ProtocolField("zone: masks", $0)] } ?? [])
  }

  private func short(_ degrees: Double) -> String { String(format: "%g", degrees) }
}
