import Foundation

/// How often the kernel has ended a process for memory.
enum OutOfMemory {
  /// The sum over this process's control group (of either version) and the whole machine: it rises with every such end, and
  /// only then. Nil where nothing counts.
  static func count() -> Int? {
    let counts = places.compactMap { path -> Int? in
      guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }  // not on this system
      return text.split(separator: "\n").lazy.filter { $0.hasPrefix("oom_kill ") }.compactMap { Int($0.dropFirst(9)) }
        .first
    }
    return counts.isEmpty ? nil : counts.reduce(0, +)
  }

  private static let places: [String] = {
    var found = ["/proc/vmstat"]
    // `0::/user.slice` of version 2, `4:memory:/job_7` of version 1; in a container the group itself is often mounted as root.
    let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let group = fields[2] == "/" ? "" : String(fields[2])
      if fields[1].isEmpty { found += ["/sys/fs/cgroup\(group)/memory.events", "/sys/fs/cgroup/memory.events"] }
      if fields[1].split(separator: ",").contains("memory") {
        let root = "/sys/fs/cgroup/memory"
        found += ["\(root)\(group)/memory.oom_control", "\(root)/memory.oom_control"]
      }
    }
    var seen: Set<String> = []
    return found.filter { seen.insert($0).inserted }
  }()
}
