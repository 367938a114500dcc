import Basics

/// A pipeline's graph, ready to be drawn as text, DOT, Mermaid or SVG.
public struct GraphDrawing: Sendable {
  public struct Box: Hashable, Sendable {
    public var name: String
    /// A second, smaller line: the stage type, or a state.
    public var caption: String
    /// Drawn with a dashed border: the stage waits for a person.
    public var isGate: Bool
  }

  public struct Edge: Hashable, Sendable {
    /// Positions in `boxes`.
    public var from: Int
    public var to: Int
    /// The input port of `to`.
    public var port: String
  }

  public var title: String
  /// In topological order.
  public var boxes: [Box]
  public var edges: [Edge]
  private var stages: [String]

  /// - Parameters:
  ///   - targets: draw only these instances and what they need; nil draws everything.
  ///   - caption: the second line of a box; the stage type when nil.
  public init(
    _ pipeline: ResolvedPipeline, targets: [String]? = nil, caption: ((StageInstance) -> String)? = nil
  ) {
    title = pipeline.name
    var chosen = Array(pipeline.instances.indices)
    if let targets {
      chosen = Graph(pipeline.instances).ancestors(of: targets.compactMap(pipeline.position)).sorted()
    }
    let instances = chosen.map { pipeline.instances[$0] }
    let index = Dictionary(instances.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    boxes = instances.map {
      Box(name: $0.id, caption: caption?($0) ?? $0.type.type.rawValue, isGate: $0.gate != nil)
    }
    stages = instances.map(\.stage)
    var edges: [Edge] = []
    var seen: Set<Edge> = []
    for (position, instance) in instances.enumerated() {
      for (port, references) in instance.inputs.sorted(by: { $0.key < $1.key }) {
        for reference in references {
          guard let from = index[reference.instance] else { continue }
          let edge = Edge(from: from, to: position, port: port)
          if seen.insert(edge).inserted { edges.append(edge) }
        }
      }
    }
    self.edges = edges
  }

  /// One box for each stage; its caption counts the instances.
  public var byStage: GraphDrawing {
    var copy = self
    var index: [String: Int] = [:]
    var counts: [Int] = []
    copy.boxes = []
    copy.stages = []
    for (position, stage) in stages.enumerated() {
      if let known = index[stage] {
        counts[known] += 1
        continue
      }
      index[stage] = copy.boxes.count
      counts.append(1)
      copy.boxes.append(Box(name: stage, caption: boxes[position].caption, isGate: boxes[position].isGate))
      copy.stages.append(stage)
    }
    for position in copy.boxes.indices where counts[position] > 1 {
      copy.boxes[position].caption += " x \(counts[position])"
    }
    var seen: Set<Edge> = []
    copy.edges = edges.compactMap { edge in
      guard let from = index[stages[edge.from]], let to = index[stages[edge.to]], from != to else { return nil }
      let merged = Edge(from: from, to: to, port: edge.port)
      return seen.insert(merged).inserted ? merged : nil
    }
    return copy
  }

  // MARK: - Forms

  /// One line a box, in topological order, with what it reads.
  public var text: String {
    var sources = [[String]](repeating: [], count: boxes.count)
    for edge in edges where !sources[edge.to].contains(boxes[edge.from].name) {
      sources[edge.to].append(boxes[edge.from].name)
    }
    let nameWidth = min(boxes.map(\.name.count).max() ?? 0, 48)
    let captionWidth = boxes.map { $0.caption.count + ($0.isGate ? 7 : 0) }.max() ?? 0
    return boxes.enumerated().map { position, box in
      let caption = box.caption + (box.isGate ? " (gate)" : "")
      var line = GraphDrawing.pad(box.name, nameWidth) + "  " + caption
      if !sources[position].isEmpty {
        line = GraphDrawing.pad(box.name, nameWidth) + "  " + GraphDrawing.pad(caption, captionWidth)
        line += "  <- " + sources[position].joined(separator: ", ")
      }
      return line + "\n"
    }.joined()
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// For Graphviz.
  public var dot: String {
    func quote(_ text: String) -> String {
      "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }
    var lines = ["digraph \(quote(title)) {", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    for (position, box) in boxes.enumerated() {
      let style = box.isGate ? ", style=\"rounded,dashed\"" : ""
      // `\n` between the quoted parts is Graphviz's own line break.
      let label = quote(box.name).dropLast() + "\\n" + quote(box.caption).dropFirst()
      lines.append("  n\(position) [label=\(label)\(style)];")
    }
    for edge in edges { lines.append("  n\(edge.from) -> n\(edge.to) [label=\(quote(edge.port))];") }
    return lines.joined(separator: "\n") + "\n}\n"
  }

  /// For Markdown pages that draw Mermaid.
  public var mermaid: String {
    func quote(_ text: String) -> String {
      text.map { $0 == "\"" ? "#quot;" : $0 == "#" ? "#35;" : String($0) }.joined()
    }
    var lines = ["flowchart LR"]
    for (position, box) in boxes.enumerated() {
      let label = "\"\(quote(box.name))<br/><small>\(quote(box.caption))</small>\""
      lines.append("  n\(position)" + (box.isGate ? "{{\(label)}}" : "[\(label)]"))
    }
    for edge in edges { lines.append("  n\(edge.from) -->|\(edge.port)| n\(edge.to)") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// As data.
  public var json: JSON {
    [
      "schema_version": 1, "name": .string(title),
      "nodes": .array(
        boxes.map { ["id": .string($0.name), "caption": .string($0.caption), "gate": .bool($0.isGate)] }),
      "edges": .array(
        edges.map {
          ["from": .string(boxes[$0.from].name), "to": .string(boxes[$0.to].name), "port": .string($0.port)]
        }),
    ]
  }
}
