import CFuzzDriver
import Foundation
import Splats

// Splat files: any bytes give Gaussians or an error, never a crash; what was read can be rendered and written again.
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
  LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
    let data = Data(bytes: bytes!, count: count)  // libFuzzer never passes null
    guard let cloud = try? SplatFile.read(data, name: "fuzz.ply") else { return 0 }  // an error is a good answer here
    precondition(
      (try? SplatFile.read(SplatFile.encode(cloud), name: "again.ply")) == cloud, "a cloud changed in writing")
    _ = SplatRasteriser().render(cloud, camera: SplatCamera(width: 24, height: 16))
    return 0
  })
