import Foundation
import Pipeline

/// A real nginx with WebDAV on the loopback interface, as a cache: it keeps what is PUT. `/secret/` wants a password.
final class Nginx: Sendable {
  static let user = "ana"
  static let password = "s3cret/word"

  let port: Int
  let folder: String
  private let pid: pid_t

  /// Whether there is an nginx with the WebDAV module here.
  static let program: String? = {
    guard
      let path = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"].first(where: {
        FileManager.default.isExecutableFile(atPath: $0)
      })
    else { return nil }
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["-V"]
    process.standardError = pipe
    guard (try? process.run()) != nil else { return nil }  // not to be run: as if it were not there
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text.contains("http_dav_module") ? path : nil
  }()

  var address: String { "http://127.0.0.1:\(port)" }
  var data: String { folder + "/data" }

  init(in root: String) throws {
    let folder = root + "/nginx"
    self.folder = folder
    port = try FaultyServer.freePort()
    let manager = FileManager.default
    for name in ["data", "tmp"] {
      try manager.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    try Data("\(Self.user):{PLAIN}\(Self.password)\n".utf8).write(to: URL(fileURLWithPath: folder + "/passwords"))
    let user = getuid() == 0 ? "user root;" : ""
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder)/tmp;" }
    let configuration = """
      daemon off; \(user) pid \(folder)/pid; error_log \(folder)/error.log; worker_processes 2;
      events { worker_connections 256; }
      http {
        access_log \(folder)/access.log; \(temporary.joined(separator: " "))
        server {
          listen 127.0.0.1:\(port); root \(folder)/data; client_max_body_size 0;
          dav_methods PUT; create_full_put_path on;
          location /secret/ { auth_basic "cache"; auth_basic_user_file \(folder)/passwords; }
        }
      }
      """
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder + "/nginx.conf"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.program ?? "")
    process.arguments = ["-p", folder, "-e", folder + "/error.log", "-c", folder + "/nginx.conf"]
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    pid = process.processIdentifier
    for _ in 0..<1000 {
      if FaultyServer.answers(port) { return }
      usleep(10_000)
    }
    throw StageFailure(
      "nginx does not start: \((try? String(contentsOfFile: folder + "/error.log", encoding: .utf8)) ?? "")")
  }

  deinit { kill(pid, SIGTERM) }

  /// Request lines so far, such as `PUT /cas/…`.
  var requests: [String] {
    ((try? String(contentsOfFile: folder + "/access.log", encoding: .utf8)) ?? "").split(separator: "\n").compactMap {
      $0.split(separator: "\"").dropFirst().first.map(String.init)
    }
  }

  /// Files kept below `/ac` or `/cas`.
  func files(_ kind: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(data)/\(kind)").sorted().map { "\(data)/\(kind)/\($0)" }
  }
}
