import Imaging

/// Pictures of depth maps and their errors for panels; 3 channels, values 0...1, to be written as 8-bit PNG.
public enum DepthPictures {
  /// Absolute error as colour: black at zero, pale yellow at `limit` and above; outside the mask a middle grey, which is no
  /// colour of the map.
  /// - Parameters:
  ///   - limit: error shown as the brightest colour, in units of the depth range; the same for all pictures compared.
  ///   - inside: tells whether pixel number `y * width + x` counts; nil for all.
  public static func error(
    prediction: Raster, truth: Raster, limit: Float, inside: ((Int) -> Bool)? = nil
  ) -> Raster {
    precondition(
      prediction.width == truth.width && prediction.height == truth.height && prediction.channels == 1
        && truth.channels == 1,
      "an error map compares two depth maps of one size")
    precondition(limit > 0, "the limit of an error map is positive")
    var picture = Raster(width: truth.width, height: truth.height, channels: 3, repeating: 0.35)
    let table = (0...255).map { ColourRamp.errors(Double($0) / 255) }
    for index in truth.pixels.indices where inside?(index) ?? true {
      let error = abs(prediction.pixels[index] - truth.pixels[index])
      let colour = table[error.isFinite ? Int((min(1, error / limit) * 255).rounded()) : 255]
      picture.pixels[index * 3] = Float(colour.red) / 255
      picture.pixels[index * 3 + 1] = Float(colour.green) / 255
      picture.pixels[index * 3 + 2] = Float(colour.blue) / 255
    }
    return picture
  }
}

/// The colour bar that stands below error maps.
public struct ErrorScale: Chart, Hashable, Sendable {
  /// Error at the right end; nil where each picture has its own.
  public var limit: Double?
  public var unit: String

  public init(limit: Double? = nil, unit: String) {
    self.limit = limit
    self.unit = unit
  }

  public var drawing: Drawing {
    let end = limit.map { "\(Numbers.short($0)) \(unit)" }
    var drawing = Drawing(
      width: 320, height: 50, title: "Colour scale of the error maps",
      description: "Black is no error, pale yellow an error of \(end ?? "the picture's own limit") or more.")
    for step in 0..<64 {
      drawing.rectangle(
        x: 1 + 318 * Double(step) / 64, y: 18, width: 318.0 / 64 + 0.4, height: 12,
        fill: .colour(ColourRamp.errors((Double(step) + 0.5) / 64)))
    }
    drawing.rectangle(x: 1, y: 18, width: 318, height: 12, stroke: .init(.tone(.line)))
    drawing.text("0", x: 1, y: 46, size: 12, paint: .tone(.muted))
    drawing.text(limit == nil ? "Absolute error, \(unit)" : "Absolute error", x: 1, y: 12, size: 12.5)
    drawing.text(
      end.map { "≥ " + $0 } ?? "limit of the sample", x: 319, y: 46, size: 12, anchor: .end, paint: .tone(.muted))
    return drawing
  }
}
