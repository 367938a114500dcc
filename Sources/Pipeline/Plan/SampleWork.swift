import Basics
import Foundation

/// One sample of a stage, ready to be looked up or run.
struct SampleWork: Sendable {
  var name: String
  var key: Digest
  var preimage: JSON
  var source: SourceFile?
  var external: [String: SourceFile]
  /// Required files that are not there: what was looked for.
  var missing: [String]
  /// Why the sample cannot run at all (two files with the same name).
  var problem: String?
  /// Names the content a person approves: the sample as it came in and the files found for it.
  var content: Digest
}

extension SampleWork {
  /// Why the sample cannot run; nil when it can.
  var reasonNotRunnable: String? {
    problem ?? (missing.isEmpty ? nil : "missing " + missing.joined(separator: "; "))
  }
}

extension SampleWork {
  /// The digest that an approval binds to.
  static func content(of preimage: JSON, missing: Int, stage: String) -> Digest {
    Digest.of(JSON.object(["stage": .string(stage), "sample": preimage, "missing": .int(missing)]))
  }
}

extension Resolver {
  /// The samples of a stage in natural order, with their keys.
  func work(
    _ instance: StageInstance, _ body: any SampledWork, _ group: Digest,
    _ inputs: [String: [KnownInput]], _ sources: [String: SourceListing]
  ) throws -> [SampleWork] {
    // Sample inputs, matched by name.
    var sampleDigests: [String: [String: Digest]] = [:]
    for (port, artifacts) in inputs where instance.arity(of: port) != .many && instance.port(port)?.lookup != true {
      guard let input = artifacts.first, input.reference.layout == .samples else { continue }
      sampleDigests[port] = try contents(input.reference).sampleDigests
    }
    var entries: [(name: String, source: SourceFile?, problem: String?)] = []
    switch body.driver {
    case .input(let port):
      guard let input = inputs[port]?.first else { throw StageFailure("input `\(port)` is not connected") }
      entries = try contents(input.reference).artifact.samples.map { ($0.name, nil, nil) }
    case .source(let name):
      guard let listing = sources[name] else { throw StageFailure("the stage type declares no source `\(name)`") }
      entries = Self.named(listing.files)
    }
    let external = try externalFiles(body, entries.map(\.name), inputs)
    return entries.indices.map { index in
      let (name, source, problem) = entries[index]
      return sampleWork(
        instance, group: group, name: name, samples: sampleDigests.compactMapValues { $0[name] }, source: source,
        problem: problem, external: external[index])
    }
  }

  /// One sample with its key, from the digests of its inputs and the files found for it.
  func sampleWork(
    _ instance: StageInstance, group: Digest, name: String, samples: [String: Digest], source: SourceFile? = nil,
    problem: String? = nil, external: FoundFiles
  ) -> SampleWork {
    let (key, preimage) = KeyBuilder.sample(
      group: group, name: name, samples: samples, source: source.map { ($0.path, $0.stored.digest) },
      external: external.found.mapValues(\.stored.digest))
    return SampleWork(
      name: name, key: key, preimage: preimage, source: source, external: external.found, missing: external.missing,
      problem: problem,
      content: SampleWork.content(of: preimage, missing: external.missing.count, stage: instance.type.type.rawValue))
  }

  /// Names samples by path without extension; those whose name is not unique carry the reason.
  private static func named(_ files: [SourceFile]) -> [(name: String, source: SourceFile?, problem: String?)] {
    let names = files.map { ($0.path as NSString).deletingPathExtension }
    let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
    var taken: [String: Int] = [:]
    return zip(names, files).map { name, file in
      guard counts[name, default: 1] > 1 else { return (name, file, nil) }
      taken[name, default: 0] += 1
      let others = files.filter { ($0.path as NSString).deletingPathExtension == name && $0.path != file.path }
      return (
        file.path, file,
        "\(file.path) and \(others.map(\.path).joined(separator: ", ")) give the same sample name `\(name)`; rename one"
      )
    }
  }

  /// The files of one sample by role, and what was looked for in vain.
  typealias FoundFiles = (found: [String: SourceFile], missing: [String])

  /// The first candidate found of every role, hashed together on all cores.
  func externalFiles(
    _ body: any SampledWork, _ names: [String], _ inputs: [String: [KnownInput]]
  ) throws -> [FoundFiles] {
    guard let files = body.externalFiles else { return Array(repeating: ([:], []), count: names.count) }
    var results: [FoundFiles] = []
    var pending: [(sample: Int, role: String, path: String, status: FileSystem.Status)] = []
    var artifacts: [String: [String: StoredFile]] = [:]
    for (index, name) in names.enumerated() {
      var found: [String: SourceFile] = [:]
      var missing: [String] = []
      for file in files(name) {
        var isThere = false
        for candidate in file.candidates {
          switch candidate {
          case .input(let port, let path):
            if artifacts[port] == nil { artifacts[port] = try self.files(of: port, inputs) }
            guard let stored = artifacts[port]?[path] else { continue }
            found[file.role] = SourceFile(path: candidate.description, stored: stored)
          case .path(let path):
            let status = FileSystem.look(path)
            guard let status, status.isRegular else {
              Observations.current?.add(.status, path, status)
              continue
            }
            pending.append((index, file.role, path, status))
          }
          isThere = true
          break
        }
        if !isThere && file.required {
          missing.append("\(file.role) (looked for \(file.candidates.map(\.description).joined(separator: ", ")))")
        }
      }
      results.append((found, missing))
    }
    let hashed = try store.files.hash(pending.map(\.path), statuses: pending.map(\.status), threads: threads)
    for (item, file) in zip(pending, hashed) {
      results[item.sample].found[item.role] = SourceFile(path: item.path, stored: file.stored, hashed: file)
    }
    return results
  }

  /// The files found for each sample, without paths.
  static func externalText(_ samples: [SampleWork]) -> Data {
    var text = ""
    for sample in samples {
      let files = JSON.object(sample.external.mapValues { .string($0.stored.digest.hex) })
      let line = JSON.object([
        "sample": .string(sample.name), "files": files, "missing": .int(sample.missing.count),
      ])
      text += line.canonical + "\n"
    }
    return Data(text.utf8)
  }
}
