import CFuzzDriver
import Foundation
import Imaging

// Image files of every kind: any bytes give an image or an error, never a crash.
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
  LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
    let data = Data(bytes: bytes!, count: count)  // libFuzzer never passes null
    _ = try? ImageFile.read(data, name: "fuzz", pixelLimit: 1 << 20)  // an error is a good answer here
    return 0
  })
