import Basics
import CFuzzDriver
import Foundation
import Pipeline

// Pipeline files: any bytes give a graph or messages with places in the text, never a crash. The stage types cover every
// shape of parameters, inputs and outputs.
let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
  "fuzz-\(ProcessInfo.processInfo.processIdentifier)")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
let file = folder.appendingPathComponent("fuzz.yaml")

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
  LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
    let data = Data(bytes: bytes!, count: count)  // libFuzzer never passes null
    do {
      try data.write(to: file)
      let pipeline = try Specification.load(file: "fuzz.yaml", catalogue: FuzzStages.catalogue, directory: folder.path)
      // What is sound can be frozen, read back and drawn.
      for instance in pipeline.instances {
        let back = try StageInstance(json: JSON(parsing: instance.json.canonical), catalogue: FuzzStages.catalogue)
        guard back.keyParameters == instance.keyParameters, back.json == instance.json else {
          fatalError("\(instance.id) changes when it is frozen: \(instance.json.canonical)")
        }
      }
      _ = GraphDrawing(pipeline).svg
    } catch let errors as SpecificationErrors {
      guard !errors.diagnostics.isEmpty else { fatalError("refused without a reason") }
      _ = DiagnosticRenderer(sources: errors.sources).render(errors.diagnostics)
    } catch {
      fatalError("\(error)")
    }
    return 0
  })
