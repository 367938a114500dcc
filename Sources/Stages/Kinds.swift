import Pipeline

/// The contents of the artifacts between stages. A port accepts only its own kind, so that a graph that makes no sense is
/// refused before anything runs. Depth is 1 at the nearest point and 0 at the farthest and in the background; normals are
/// in camera axes (x right, y down, z forward), so that they point towards the camera with z < 0, stored as n * 0.5 + 0.5.
extension ArtifactKind {
  /// Samples: `photo.png` (8-bit RGB); record: source, width, height, border_score.
  public static let photos: ArtifactKind = "photos"
  /// Files in the layout of a FaceLift run: `depth_maps/<name>.png`, `rgb_rendered/`, `normal_maps/`, `opacity_maps/`, …
  public static let folder: ArtifactKind = "folder"
  /// Samples: `gaussians.ply`, optional `photo.png`; record: gaussians.
  public static let splats: ArtifactKind = "splats"
  /// Samples: `depth.png` (16-bit grey), `rgb.png`, `normal.png` (8-bit RGB), `opacity.png` (8-bit grey), optional
  /// `photo.png` and `mask.png`. As rendered, nothing mended.
  public static let renders: ArtifactKind = "renders"
  /// Samples: `depth.png` (16-bit grey, normalised, background 0), `normal.png` (16-bit RGB), `foreground.png` (8-bit,
  /// 0 or 255), `rgb.png`, optional `photo.png`; record: consistency, holes_filled_px, …
  public static let maps: ArtifactKind = "maps"
  /// Samples: `normal.png` (16-bit RGB); record: source.
  public static let normals: ArtifactKind = "normals"
  /// Samples: `relative.png` (16-bit grey, 1 = nearest, scaled to 0...1): relative depth made elsewhere.
  public static let relative: ArtifactKind = "relative"
  /// Samples: `mask.png` (8-bit, 0 or 255).
  public static let masks: ArtifactKind = "masks"
  /// Samples: `depth.png`, `mask.png`, optional `photo.png`, `relative.png`, `normal_splat.png`, `normal_<source>.png`; or
  /// `photo.png` alone; record: side.
  public static let dataset: ArtifactKind = "dataset"
  /// Samples: `lr.png` (16-bit grey, or 8-bit where the degradation quantises; RGB of photos); record: kind, scale, and `of`
  /// where the truth is another file of the dataset than `depth.png`.
  public static let pairs: ArtifactKind = "pairs"
  /// Samples: `depth.png`, a high-resolution map predicted elsewhere; record: method, bits.
  public static let predictions: ArtifactKind = "predictions"
  /// Files: `model.json` and `weights.safetensors`.
  public static let model: ArtifactKind = "model"
  /// Files: `history.csv`, `history.json` and a TensorBoard event file.
  public static let log: ArtifactKind = "log"
  /// Files: CSV and JSON tables with the protocol they were measured under, `summary.txt`, `panels/`.
  public static let table: ArtifactKind = "table"
  /// Files: `manifest.csv` and `manifest.json`: every sample, kept or rejected, and why.
  public static let manifest: ArtifactKind = "manifest"
  /// Files: `report.html`, `tables/`, `figures/`.
  public static let report: ArtifactKind = "report"
  /// The files that an external program wrote.
  public static let files: ArtifactKind = "files"
}
