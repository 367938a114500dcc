import Foundation
import Testing

/// Compares text with a file under `Goldens/`. A missing file fails; `RECORD=1` writes it and still fails, so that a recorded
/// run never counts as a passed one.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Goldens/\(name)")
  if ProcessInfo.processInfo.environment["RECORD"] == "1" {
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    Issue.record("recorded \(name); read the difference before committing it", sourceLocation: sourceLocation)
    return
  }
  guard let data = FileManager.default.contents(atPath: file.path) else {
    Issue.record("no golden \(name): run with RECORD=1 and read it", sourceLocation: sourceLocation)
    return
  }
  let expected = String(decoding: data, as: UTF8.self)
  guard expected != text else { return }
  let wanted = expected.split(separator: "\n", omittingEmptySubsequences: false)
  let found = text.split(separator: "\n", omittingEmptySubsequences: false)
  let line = zip(wanted, found).prefix { $0 == $1 }.count
  func show(_ lines: [Substring]) -> String { line < lines.count ? String(lines[line].prefix(300)) : "(end of file)" }
  Issue.record(
    "\(name) differs from line \(line + 1):\n  golden: \(show(wanted))\n  found:  \(show(found))",
    sourceLocation: sourceLocation)
}
