import CFuzzDriver
import Foundation
import Pipeline

// Records of the store, manifests, journals, listings, worker events: any bytes give values or an error, never a crash.
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
  LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
    _ = RecordReaders.readAll(Data(bytes: bytes!, count: count))  // libFuzzer never passes null
    return 0
  })
