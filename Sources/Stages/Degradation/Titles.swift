import Imaging

/// Printed names: those of the catalogues' rows. An identifier that no row has is shown as it is written, with `_` as a space.
package enum Titles {
  /// A test set by its degradation: `bicubic_q8` is `bicubic + 8-bit`.
  package static func degradation(_ id: String) -> String {
    DegradationCatalogue.title(id) ?? (id == SplatsDegrade.kind ? SplatsDegrade.title : id.replacing("_", with: " "))
  }
}
