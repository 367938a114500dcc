import Foundation

/// Cases that end or hold up the process that runs them. No fixture has these kinds; the harness's own tests do.
let selfTestOperations: [ParityOperation] = [
  ParityOperation("harness", "trap") { _, _ in preconditionFailure("a case that ends its process") },
  ParityOperation("harness", "sleep") { _, _ in while true { sleep(60) } },
]
