import Basics
import Foundation
import Pipeline
import Testing

/// Trouble with the machine: too few open files, a store that cannot be written, no memory. Told with path and reason,
/// nothing broken, and the same command goes on once it is mended.
@Suite(.serialized) struct LimitTests {
  @Test func tooFewOpenFilesAreToldOrEnough() throws {
    var told = 0
    var worked = 0
    for limit in [8, 10, 12, 16, 24, 32, 48, 55, 56, 57, 64, 80, 128, 200, 256] {
      let bench = try Bench()
      try bench.addPhotos((1...20).map { "face \($0)" })
      let path = try bench.writePipeline(try bench.chain())
      let run = try bench.start(path, shell: "ulimit -n \(limit)").wait()
      if run.status == 0 {
        worked += 1
      } else {
        told += 1
        // Below ten not even the system's libraries start.
        #expect(run.status < 128, "a crash with \(limit) open files: \(run.output)")
        #expect(
          limit < 10 || run.output.lowercased().contains("too many open files"),
          "not told with \(limit) open files: \(run.output)")
      }
      let mended = try bench.start(path).wait()
      #expect(mended.status == 0, "after a run with \(limit) open files: \(mended.output)")
      #expect(try bench.store.verify(threads: 1).isClean)
    }
    #expect(told > 4 && worked > 4)
  }

  @Test(.enabled(if: Bench.canMount, "mounting is not allowed here")) func aReadOnlyStoreIsToldAndGoesOnWhenMended()
    async throws
  {
    let bench = try Bench()
    let place = bench.root + "/.pipeline"
    mkdir(place, 0o755)
    #expect(mount("tmpfs", place, "tmpfs", 0, "size=8m") == 0)
    defer { umount2(place, Int32(MNT_DETACH)) }
    try bench.addPhotos(["a", "b"])
    let path = try bench.writePipeline(try bench.chain())
    #expect(try bench.start(path).wait().status == 0)
    #expect(mount("tmpfs", place, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), "size=8m") == 0)
    // What is up to date needs no writing.
    let same = try bench.start(path).wait()
    #expect(same.status == 0, "\(same.output)")
    #expect(try bench.plan(try bench.chain()).isUpToDate)
    let changed = try bench.writePipeline(try bench.chain(second: "c"), to: "changed.json")
    let refused = try bench.start(changed).wait()
    #expect(refused.status == 1)
    #expect(refused.output.contains(place) && refused.output.contains("Read-only file system"), "\(refused.output)")
    #expect(mount("tmpfs", place, "tmpfs", UInt(MS_REMOUNT), "size=8m") == 0)
    #expect(try bench.start(changed).wait().status == 0)
    #expect(try bench.store.verify(threads: 1).isClean)
  }

  /// A read-only store below, a writable layer of this machine's above it: what the first has is used, what is new stays here.
  @Test(.enabled(if: Bench.canMount, "mounting is not allowed here")) func aLocalLayerOverAReadOnlyStoreWorks() throws {
    let shared = try Bench()
    try shared.addPhotos(["a", "b"])
    let pipeline = try shared.writePipeline(try shared.chain(), ["publish": false])
    #expect(try shared.start(pipeline).wait().status == 0)
    let before = try FileManager.default.subpathsOfDirectory(atPath: shared.root + "/.pipeline").sorted()

    let bench = try Bench()
    try bench.addPhotos(["a", "b"])
    // Overlays cannot stand on every file system; a small one in memory always serves.
    let layer = bench.root + "/layer"
    mkdir(layer, 0o755)
    try #require(mount("tmpfs", layer, "tmpfs", 0, "size=8m") == 0)
    defer { umount2(layer, Int32(MNT_DETACH)) }
    for name in ["upper", "work"] { mkdir(layer + "/" + name, 0o755) }
    let place = bench.root + "/.pipeline"
    mkdir(place, 0o755)
    let options = "lowerdir=\(shared.root)/.pipeline,upperdir=\(layer)/upper,workdir=\(layer)/work"
    guard mount("overlay", place, "overlay", 0, options) == 0 else {
      withKnownIssue("no overlay file system here") { Issue.record("overlay cannot be mounted") }
      return
    }
    defer { umount2(place, Int32(MNT_DETACH)) }
    let same = try bench.writePipeline(try bench.chain(), ["publish": false])
    #expect(try bench.start(same).wait().status == 0)
    #expect(bench.traceLines() == [])
    let changed = try bench.writePipeline(try bench.chain(second: "c"), ["publish": false], to: "changed.json")
    #expect(try bench.start(changed).wait().status == 0)
    #expect(bench.traceLines() == ["join", "mapc a", "mapc b"])
    #expect(try bench.store.verify(threads: 1).isClean)
    #expect(try FileManager.default.subpathsOfDirectory(atPath: shared.root + "/.pipeline").sorted() == before)
  }

  @Test func missingPermissionIsTold() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let path = try bench.writePipeline(try bench.chain())
    let place = bench.root + "/.pipeline"
    mkdir(place, 0o755)
    // Root may write everywhere; then the run is somebody else's.
    let shell = getuid() == 0 ? "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$0\" \"$@\"" : "true"
    chmod(bench.root, 0o777)
    chmod(place, 0o555)
    let refused = try bench.start(path, shell: shell).wait()
    if refused.output.contains("setpriv") || refused.status == 126 || refused.status == 127 {
      withKnownIssue("the probe cannot be run as another user here") { Issue.record("\(refused.output)") }
      return
    }
    #expect(refused.status == 1)
    #expect(refused.output.contains(place) && refused.output.contains("Permission denied"), "\(refused.output)")
    chmod(place, 0o777)
    let mended = try bench.start(path, shell: shell).wait()
    #expect(mended.status == 0, "\(mended.output)")
  }

  /// A control group of 150 MB, of whichever version there is; nil where none can be made. It goes with the last test.
  private static let memoryGroup: String? = {
    for (root, limit, swap) in [
      ("/sys/fs/cgroup", "memory.max", "memory.swap.max"),
      ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    ] where FileManager.default.fileExists(atPath: root + "/cgroup.procs") {
      let group = "\(root)/pipeline-test-\(getpid())"
      guard mkdir(group, 0o755) == 0 else { continue }
      if (try? "150000000".write(toFile: "\(group)/\(limit)", atomically: false, encoding: .utf8)) != nil {
        // There may be no swap to limit.
        try? (swap.contains("memsw") ? "150000000" : "0").write(
          toFile: "\(group)/\(swap)", atomically: false, encoding: .utf8)
        return group
      }
      rmdir(group)
    }
    return nil
  }()

  @Test(.enabled(if: memoryGroup != nil, "no control group with a memory limit can be made here"))
  func theKernelsKillForMemoryIsReportedAsSuch() throws {
    let bench = try Bench()
    try bench.addPhotos(["a"])
    let path = try bench.writePipeline([
      try bench.stage("collect", "toy.collect", ["folder": .string(bench.photos)]),
      try bench.stage("join", "toy.join", ["fail": "memory"], inputs: ["in": ["collect.samples"]]),
    ])
    let group = try #require(Self.memoryGroup)
    defer { rmdir(group) }
    let run = try bench.start(path, shell: "echo $$ > \(group)/cgroup.procs").wait()
    #expect(run.status == 1)
    let failed = try #require(run.events("failed").first, "\(run.output)")
    #expect(
      failed["message"]?.stringValue?.hasPrefix("the kernel ended the worker because memory ran out (it held ") == true)
    #expect(failed["help"]?.stringValue?.contains("resources: { memory:") == true)
  }
}
