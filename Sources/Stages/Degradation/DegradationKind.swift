import Imaging
import Pipeline

/// A row of the catalogue of depth degradations, as a parameter.
struct DegradationKind: ParameterChoice {
  let row: any DepthDegradation.Type

  init(_ row: any DepthDegradation.Type) { self.row = row }
  init?(rawValue: String) {
    guard let row = DegradationCatalogue.depth.first(where: { $0.id == rawValue }) else { return nil }
    self.row = row
  }

  var rawValue: String { row.id }
  static var allCases: [Self] { DegradationCatalogue.depth.map { Self($0) } }
}

/// A row of the catalogue of photo degradations, as a parameter.
struct PhotoDegradationKind: ParameterChoice {
  let row: any PhotoDegradation.Type

  init(_ row: any PhotoDegradation.Type) { self.row = row }
  init?(rawValue: String) {
    guard let row = DegradationCatalogue.photo.first(where: { $0.id == rawValue }) else { return nil }
    self.row = row
  }

  var rawValue: String { row.id }
  static var allCases: [Self] { DegradationCatalogue.photo.map { Self($0) } }
}
