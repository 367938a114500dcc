/// A graph of stages in layers from top to bottom, with what each did and how long it took.
public struct GraphChart: Chart, Hashable, Sendable {
  public enum State: String, Hashable, Sendable, CaseIterable {
    case done, cached, failed, waiting, pending, running

    /// A sign and a word: the state is never told by colour alone.
    public var label: String {
      switch self {
      case .done: "✓ ran"
      case .cached: "≡ cached"
      case .failed: "✗ failed"
      case .waiting: "… waiting"
      case .pending: "○ not run"
      case .running: "▶ running"
      }
    }
  }

  public struct Node: Hashable, Sendable {
    public var id: String
    public var title: String
    /// Smaller text below, such as `train ×5`.
    public var detail: String?
    public var state: State
    public var seconds: Double?
    public init(id: String, title: String, detail: String? = nil, state: State, seconds: Double? = nil) {
      self.id = id
      self.title = title
      self.detail = detail
      self.state = state
      self.seconds = seconds
    }
  }

  public struct Edge: Hashable, Sendable {
    public var from: String
    public var to: String
    public init(from: String, to: String) {
      self.from = from
      self.to = to
    }
  }

  public var title: String
  public var nodes: [Node]
  /// Edges to or from unknown nodes, and edges that would close a cycle, are not drawn.
  public var edges: [Edge]

  public init(title: String, nodes: [Node], edges: [Edge]) {
    self.title = title
    self.nodes = nodes
    self.edges = edges
  }

  private static let nodeWidth = 176.0
  private static let nodeHeight = 58.0
  private static let gap = 22.0
  private static let layerStep = 92.0

  public var drawing: Drawing {
    let layout = GraphLayout(nodes: nodes.map(\.id), edges: edges.map { ($0.from, $0.to) })
    func slotWidth(_ item: Int) -> Double { item < nodes.count ? Self.nodeWidth : 26 }
    let layerWidths = layout.layers.map { layer in
      layer.map(slotWidth).reduce(0, +) + Self.gap * Double(max(0, layer.count - 1))
    }
    let width = max(360, (layerWidths.max() ?? 0) + 16)
    let height = Double(max(1, layout.layers.count)) * Self.layerStep - (Self.layerStep - Self.nodeHeight) + 16
    var drawing = Drawing(width: width, height: height, title: title, description: summary)

    var centre: [Int: (x: Double, y: Double)] = [:]
    for (l, layer) in layout.layers.enumerated() {
      var x = (width - layerWidths[l]) / 2
      for item in layer {
        centre[item] = (x + slotWidth(item) / 2, 8 + Double(l) * Self.layerStep + Self.nodeHeight / 2)
        x += slotWidth(item) + Self.gap
      }
    }
    for route in layout.routes {
      let points = route.compactMap { centre[$0] }
      guard points.count == route.count, points.count > 1 else { continue }
      var outline = Outline()
      for (index, pair) in zip(points, points.dropFirst()).enumerated() {
        let from = (x: pair.0.x, y: pair.0.y + Self.nodeHeight / 2)
        let to = (x: pair.1.x, y: pair.1.y - Self.nodeHeight / 2)
        if index == 0 { outline.move(from.x, from.y) } else { outline.line(from.x, from.y) }
        let middle = (from.y + to.y) / 2
        outline.curve(.init(from.x, middle), .init(to.x, middle), to: .init(to.x, to.y))
      }
      drawing.path(outline, stroke: .init(.tone(.muted), width: 1.5))
      let end = (x: points[points.count - 1].x, y: points[points.count - 1].y - Self.nodeHeight / 2)
      drawing.path(
        Outline([(end.x, end.y), (end.x - 4, end.y - 7), (end.x + 4, end.y - 7)], closed: true), fill: .tone(.muted))
    }
    for (index, node) in nodes.enumerated() {
      guard let (x, y) = centre[index] else { continue }
      let left = x - Self.nodeWidth / 2
      let tone: Tone =
        switch node.state {
        case .done: .good
        case .running: .series2
        case .cached: .accent
        case .failed: .bad
        case .waiting, .pending: .muted
        }
      drawing.rectangle(
        x: left, y: y - Self.nodeHeight / 2, width: Self.nodeWidth, height: Self.nodeHeight, radius: 7,
        fill: .tone(.surface),
        stroke: .init(.tone(tone), width: 1.5, dashes: node.state == .cached || node.state == .pending ? [5, 3] : []))
      drawing.text(
        Drawing.fitted(node.title, width: Self.nodeWidth - 20, size: 13.5), x: left + 10, y: y - 10, size: 13.5,
        bold: true)
      if let detail = node.detail {
        drawing.text(
          Drawing.fitted(detail, width: Self.nodeWidth - 20, size: 11.5), x: left + 10, y: y + 5, size: 11.5,
          paint: .tone(.muted))
      }
      let time = node.seconds.map { " · " + Numbers.duration($0) } ?? ""
      drawing.text(node.state.label + time, x: left + 10, y: y + 21, size: 11.5, paint: .tone(tone))
    }
    return drawing
  }

  private var summary: String {
    nodes.map { node in
      let sources = edges.filter { $0.to == node.id }.map(\.from)
      return node.title + " (" + node.state.label.drop { !$0.isLetter }
        + (node.seconds.map { ", " + Numbers.duration($0) } ?? "") + ")"
        + (sources.isEmpty ? "" : " after " + sources.joined(separator: ", "))
    }.joined(separator: ". ") + "."
  }
}

/// Places the nodes of a graph in layers so that edges point down, with a stop in every layer that a long edge crosses.
struct GraphLayout {
  /// Items by layer, left to right: nodes by index, stops of long edges above that.
  private(set) var layers: [[Int]] = []
  /// Each edge as the items it passes.
  private(set) var routes: [[Int]] = []

  init(nodes: [String], edges: [(String, String)]) {
    let index = Dictionary(nodes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var level = [Int](repeating: 0, count: nodes.count)
    let known: [(Int, Int)] = edges.compactMap { edge in
      guard let from = index[edge.0], let to = index[edge.1], from != to else { return nil }
      return (from, to)
    }
    // Longest path from the sources; a cycle would go on rising and is cut at the number of nodes.
    for _ in nodes.indices {
      var changed = false
      for (from, to) in known where level[to] < level[from] + 1 && level[from] + 1 < max(1, nodes.count) {
        level[to] = level[from] + 1
        changed = true
      }
      if !changed { break }
    }
    let used = known.filter { level[$0.0] < level[$0.1] }
    let depth = (level.max() ?? 0) + 1
    layers = [[Int]](repeating: [], count: nodes.isEmpty ? 0 : depth)
    for node in nodes.indices { layers[level[node]].append(node) }
    layers = layers.filter { !$0.isEmpty }
    var next = nodes.count
    for (from, to) in used {
      var route = [from]
      for between in (level[from] + 1)..<level[to] {
        layers[between].append(next)
        route.append(next)
        next += 1
      }
      routes.append(route + [to])
    }
    orderLayers()
  }

  /// Moves each item towards the mean place of its neighbours above, then below; a few sweeps, ties by former order.
  private mutating func orderLayers() {
    var above: [Int: [Int]] = [:]
    var below: [Int: [Int]] = [:]
    for route in routes {
      for (a, b) in zip(route, route.dropFirst()) {
        below[a, default: []].append(b)
        above[b, default: []].append(a)
      }
    }
    for sweep in 0..<6 {
      let down = sweep % 2 == 0
      var place: [Int: Double] = [:]
      for layer in layers {
        for (x, item) in layer.enumerated() { place[item] = Double(x) - Double(layer.count - 1) / 2 }
      }
      for l in down ? Array(layers.indices) : layers.indices.reversed() {
        let wanted = layers[l].enumerated().map { x, item -> (item: Int, key: Double, x: Int) in
          let neighbours = ((down ? above : below)[item] ?? []).compactMap { place[$0] }
          let key = neighbours.isEmpty ? place[item] ?? 0 : neighbours.reduce(0, +) / Double(neighbours.count)
          return (item, key, x)
        }
        layers[l] = wanted.sorted { ($0.key, $0.x) < ($1.key, $1.x) }.map(\.item)
        for (x, item) in layers[l].enumerated() { place[item] = Double(x) - Double(layers[l].count - 1) / 2 }
      }
    }
  }
}
