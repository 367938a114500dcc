import CFuzzDriver
import Foundation
import NN

// Weight files of both kinds: any bytes give tensors or an error, never a crash.
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
  LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
    let data = Data(bytes: bytes!, count: count)  // libFuzzer never passes null
    _ = try? Safetensors.read(data, name: "fuzz.safetensors")  // an error is a good answer here
    _ = try? PyTorchFile.read(data, name: "fuzz.pth")
    return 0
  })
