import Basics
import Foundation

/// From the text of a pipeline file to a validated graph of stage instances.
public enum Specification {
  /// Reads a pipeline file with the files it extends and checks everything.
  /// - Parameters:
  ///   - file: as the user wrote it; messages name files relative to the same folder.
  ///   - overrides: `path=value`, applied after everything else.
  ///   - profile: a name under `profiles:`.
  ///   - catalogue: the stage types that the file can use.
  ///   - directory: where a relative `file` and the paths of overrides start.
  /// - Throws: every problem found, in the order of the text.
  public static func load(
    file: String, overrides: [String] = [], profile: String? = nil, catalogue: StageCatalogue,
    directory: String = FileManager.default.currentDirectoryPath
  ) throws(SpecificationErrors) -> ResolvedPipeline {
    var loader = SpecificationLoader(file: file, catalogue: catalogue, directory: directory)
    return try loader.load(overrides: overrides, profile: profile)
  }
}

/// The steps of `Specification.load`.
struct SpecificationLoader {
  private let file: String
  private let catalogue: StageCatalogue
  private let directory: String
  var chain: FileChain
  private var overridesText = ""
  var diagnostics: [Diagnostic] = []
  private var uses: [Mark: Mark] = [:]

  init(file: String, catalogue: StageCatalogue, directory: String) {
    self.file = file
    self.catalogue = catalogue
    self.directory = directory
    chain = FileChain(file: file, directory: directory)
  }

  mutating func load(overrides texts: [String], profile: String?) throws(SpecificationErrors) -> ResolvedPipeline {
    diagnostics = chain.diagnostics
    guard chain.isComplete else { throw errors() }
    FileChecks.keys(chain.document, &diagnostics)
    apply(profile: profile)
    let overrides = Overrides(texts, document: chain.document)
    overridesText = overrides.text
    diagnostics += overrides.diagnostics
    for layer in overrides.layers { chain.apply(layer) }
    FileChecks.stages(chain.document, &diagnostics)
    FileChecks.unusedVariables(chain, overrides.layers, &diagnostics)

    let combinations = variantCombinations()
    let drafted = drafts(combinations, overrides.layers)
    var builder = InstanceBuilder(drafted, combinations: combinations, file: file)
    let (instances, edges) = builder.build()
    diagnostics += builder.diagnostics
    let ordered = order(instances, edges)
    var pipeline = ResolvedPipeline(
      name: name, file: file, description: chain.document["description"]?.json.stringValue,
      seed: UInt64(max(0, chain.document["seed"]?.json.intValue ?? 0)), instances: ordered,
      dimensions: combinations.dimensions, compare: nil, files: chain.files)
    pipeline.targets = targets(pipeline)
    pipeline.compare = comparison(pipeline)
    pipeline.settings = settings()
    guard diagnostics.isEmpty else { throw errors() }
    return pipeline
  }

  /// The file's own `name`, which a file that extends it does not take over.
  private var name: String {
    let own = chain.roots.last?["name"]
    if let name = chain.document["name"]?.json.stringValue,
      own != nil || chain.document["name"]?.mark?.file == Overrides.file
    {
      return name
    }
    return URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
  }

  private mutating func apply(profile: String?) {
    guard let profile else { return }
    let profiles = chain.document["profiles"]
    guard let layer = profiles?[profile] else {
      let names = Overrides.keys(profiles)
      diagnostics.append(
        Diagnostic(
          "there is no profile `\(profile)` in \(file)", at: profiles?.mark,
          help: names.isEmpty ? "define it under `profiles:`" : suggestion(for: profile, among: names)))
      return
    }
    chain.apply(VariantCombinations.expandStages(of: layer, &chain.merge))
  }

  private mutating func variantCombinations() -> VariantCombinations {
    var matrix = chain.document["matrix"]
    if let node = matrix {
      let substitution = Substitution(vars: chain.document["vars"], outer: .init())
      let resolved = substitution.resolve(node, .init())
      let failed = substitution.takeDiagnostics()
      diagnostics += failed
      matrix = failed.isEmpty ? resolved : nil
      uses.merge(substitution.uses) { _, last in last }
    }
    let combinations = VariantCombinations(document: chain.document, matrix: matrix, merge: &chain.merge)
    diagnostics += combinations.diagnostics
    return combinations
  }

  private mutating func drafts(_ combinations: VariantCombinations, _ overrides: [Node]) -> [[(
    stage: String, drafts: [StageDraft]
  )]] {
    var drafting = StageDrafting(catalogue: catalogue, directory: directory)
    var result: [[(stage: String, drafts: [StageDraft])]] = []
    for combination in combinations.all {
      var document = chain.document
      if !combination.layers.isEmpty {
        // Overrides come last: they win over variants and matrix too.
        for layer in combination.layers + overrides { document = chain.merge.mergeDocument(document, layer) }
        FileChecks.stages(document, &diagnostics)
      }
      result.append(drafting.draft(document, combination: combination))
    }
    diagnostics += drafting.diagnostics
    uses.merge(drafting.uses) { _, last in last }
    return result
  }

  /// Topological order; cycles are reported with their path.
  private mutating func order(_ instances: [StageInstance], _ edges: [String: [String: Mark?]]) -> [StageInstance] {
    var upstream = Graph(instances).upstream
    var seen: Set<[String]> = []
    var found = 0
    while true {
      switch Graph(upstream: upstream).topologicalOrder() {
      case .sorted(let order): return order.map { instances[$0] }
      case .cycle(let cycle):
        // Smallest id first, so that one cycle reads the same wherever the search entered it.
        let start = cycle.indices.min { instances[cycle[$0]].id < instances[cycle[$1]].id } ?? 0
        let path = Array(cycle[start...] + cycle[..<start])
        upstream[path[0]].removeAll { $0 == path[path.count == 1 ? 0 : 1] }
        // One message for each set of stages, however many instances they have, and not more than a person reads.
        found += 1
        if found > 100 || seen.count >= 10 { return instances }
        guard seen.insert(path.map { instances[$0].stage }).inserted else { continue }
        report(cycle: path.map { instances[$0] }, edges)
      }
    }
  }

  private mutating func report(cycle: [StageInstance], _ edges: [String: [String: Mark?]]) {
    let ids = cycle.map(\.id)
    if ids.count == 1 {
      diagnostics.append(
        Diagnostic("`\(ids[0])` reads its own output", at: edges[ids[0]]?[ids[0]] ?? cycle[0].mark))
      return
    }
    let steps = zip(ids, ids[1...] + [ids[0]])
    let notes = steps.dropFirst().map { reader, source in
      Diagnostic.Note(mark: edges[reader]?[source] ?? nil, message: "`\(reader)` reads from `\(source)`")
    }
    diagnostics.append(
      Diagnostic(
        "stages read from each other in a circle: \((ids + [ids[0]]).joined(separator: " -> "))",
        at: edges[ids[0]]?[ids[1]] ?? cycle[0].mark, notes: notes))
  }

  // MARK: - Errors

  private func errors() -> SpecificationErrors {
    var sources = Dictionary(chain.files.map { ($0.name, $0.text) }, uniquingKeysWith: { first, _ in first })
    sources[Overrides.file] = overridesText
    let rank = Dictionary(
      chain.files.reversed().enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    var seen: Set<Diagnostic> = []
    var found: [Diagnostic] = []
    for diagnostic in diagnostics {
      let complete = annotated(diagnostic)
      if seen.insert(complete).inserted { found.append(complete) }
    }
    func place(_ diagnostic: Diagnostic) -> (Int, Int, Int) {
      guard let mark = diagnostic.mark else { return (-2, 0, 0) }
      return (rank[mark.file] ?? -1, mark.line, mark.column)
    }
    let sorted = found.enumerated().sorted { a, b in
      let x = place(a.element)
      let y = place(b.element)
      return x == y ? a.offset < b.offset : x < y
    }
    return SpecificationErrors(sorted.map(\.element), sources: sources)
  }

  /// Adds the other places that belong to a value: the base file's value it replaced, the stage that used the variable.
  private func annotated(_ diagnostic: Diagnostic) -> Diagnostic {
    guard let mark = diagnostic.mark else { return diagnostic }
    var result = diagnostic
    if let use = uses[mark] { result.notes.append(.init(mark: use, message: "used here")) }
    if let base = chain.merge.overridden[mark], base.file != mark.file {
      result.notes.append(.init(mark: base, message: "this takes the place of the value here"))
    }
    return result
  }
}
