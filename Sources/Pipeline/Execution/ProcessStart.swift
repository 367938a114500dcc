import CProcess
import Foundation

/// A program to start: with signals as a shell would leave them, and with no open file of this process but those named.
package struct ProcessStart {
  /// The program's name first.
  package var arguments: [String]
  /// One without a slash is looked for in this process's PATH.
  package var program: String
  package var environment: [String: String]
  /// Nil for this process's.
  package var folder: String?
  /// Become the program's standard input, output, error and so on; nil is /dev/null.
  package var files: [Int32?]
  /// Whether it gets a process group of its own: a Ctrl-C is not for it then, and it can be ended with all it starts.
  package var leadsGroup: Bool

  package init(
    _ arguments: [String], program: String? = nil, environment: [String: String], folder: String? = nil,
    files: [Int32?], leadsGroup: Bool
  ) {
    self.arguments = arguments
    self.program = program ?? arguments[0]
    self.environment = environment
    self.folder = folder
    self.files = files
    self.leadsGroup = leadsGroup
  }

  /// - Returns: the process id, or the system's error code.
  package func callAsFunction() -> Result<pid_t, StartError> {
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] =
      environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    let (path, place) = (strdup(program), folder.flatMap { strdup($0) })
    defer { (words + variables + [path, place]).forEach { free($0) } }
    let files = self.files.map { $0 ?? -1 }
    var pid: pid_t = 0
    let code = files.withUnsafeBufferPointer { files in
      words.withUnsafeMutableBufferPointer { words in
        variables.withUnsafeMutableBufferPointer { variables in
          var start = process_start(
            program: path, arguments: words.baseAddress, environment: variables.baseAddress, folder: place,
            files: files.baseAddress, files_count: Int32(files.count), leads_group: leadsGroup)
          return process_spawn(&pid, &start)
        }
      }
    }
    return code == 0 ? .success(pid) : .failure(StartError(code: code))
  }
}

/// Why a program could not be started.
package struct StartError: Error {
  /// As `errno`.
  package var code: Int32
  package var text: String { String(cString: strerror(code)) }
}
