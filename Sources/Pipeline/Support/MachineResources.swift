import Foundation

/// Cores and memory of this machine, or of the control group that this process lives in.
public enum MachineResources {
  /// Cores that this process may use.
  public static var cpus: Int {
    var count = ProcessInfo.processInfo.activeProcessorCount
    if let text = try? String(contentsOfFile: "/sys/fs/cgroup/cpu.max", encoding: .utf8) {  // no such limit elsewhere
      let fields = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
      if fields.count == 2, fields[1] > 0 { count = min(count, max(1, Int((fields[0] / fields[1]).rounded(.up)))) }
    }
    return max(1, count)
  }

  /// Bytes of memory.
  public static var memory: Int {
    let physical = Int(ProcessInfo.processInfo.physicalMemory)
    // The file is only there where such a limit can be set.
    guard let text = try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8),
      let limit = Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    else { return physical }
    return min(physical, limit)
  }
}
