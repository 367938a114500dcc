import Foundation
import Imaging
import Pipeline

/// A page of small pictures with the reason each was rejected, so that a person sees at a glance whether a threshold is
/// right.
enum ContactSheet {
  /// - Parameter rejected: samples with `photo.png`, in order.
  static func html(_ rejected: [(sample: Sample, reason: String)]) throws -> String {
    var text = """
      <!doctype html><html lang="en"><meta charset="utf-8"><title>Rejected photos</title>
      <style>body{font:15px system-ui;margin:2em}figure{display:inline-block;width:160px;margin:8px;vertical-align:top}
      figcaption{overflow-wrap:anywhere}img{width:160px;height:160px;object-fit:contain;background:#ccc}</style>
      <h1>Rejected photos</h1>
      <p>\(rejected.count) photos that could be read were left out. Files that could not be read stand in manifest.csv.</p>

      """
    for (sample, reason) in rejected {
      guard let file = sample.files["photo.png"] else { continue }
      let photo = try SampleImage.colour(file, label: sample.name)
      let side = min(160, photo.width)
      let small = Resize.area(photo, width: side, height: side)
      let picture = try ImageFile.encode(small, as: .jpeg(quality: 80)).base64EncodedString()
      let name = escaped(sample.name)
      text += "<figure><img alt=\"\(name)\" src=\"data:image/jpeg;base64,\(picture)\">"
      text += "<figcaption><b>\(name)</b><br>\(escaped(reason))</figcaption></figure>\n"
    }
    return text + "</html>\n"
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
