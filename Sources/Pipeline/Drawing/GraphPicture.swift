/// A layered picture: every box stands right of those it reads from; boxes of a layer are ordered by the middle of their
/// neighbours, which keeps most edges from crossing.
struct GraphPicture {
  private let drawing: GraphDrawing
  /// Boxes by layer, top to bottom.
  private var layers: [[Int]] = []

  private let rowHeight = 58.0
  private let boxHeight = 40.0
  private let gap = 70.0
  private let margin = 16.0

  init(_ drawing: GraphDrawing) {
    self.drawing = drawing
    var sources = [[Int]](repeating: [], count: drawing.boxes.count)
    var readers = sources
    for edge in drawing.edges {
      sources[edge.to].append(edge.from)
      readers[edge.from].append(edge.to)
    }
    var layer = [Int](repeating: 0, count: drawing.boxes.count)
    for box in drawing.boxes.indices { layer[box] = (sources[box].map { layer[$0] }.max() ?? -1) + 1 }
    layers = [[Int]](repeating: [], count: (layer.max() ?? -1) + 1)
    for box in drawing.boxes.indices { layers[layer[box]].append(box) }

    var row = [Double](repeating: 0, count: drawing.boxes.count)
    func place() {
      for boxes in layers {
        for (position, box) in boxes.enumerated() { row[box] = Double(position) - Double(boxes.count) / 2 }
      }
    }
    func order(_ index: Int, by neighbours: [[Int]]) {
      func middle(_ box: Int) -> Double {
        let near = neighbours[box]
        return near.isEmpty ? row[box] : near.reduce(0) { $0 + row[$1] } / Double(near.count)
      }
      let keyed: [(box: Int, middle: Double)] = layers[index].map { ($0, middle($0)) }
      layers[index] = keyed.sorted { a, b in a.middle == b.middle ? a.box < b.box : a.middle < b.middle }.map(\.box)
      place()
    }
    place()
    for _ in 0..<4 {
      for index in layers.indices { order(index, by: sources) }
      for index in layers.indices.reversed() { order(index, by: readers) }
    }
  }

  var svg: String {
    var x = margin
    var corner = [(x: Double, y: Double, width: Double)](repeating: (0, 0, 0), count: drawing.boxes.count)
    let tallest = Double(layers.map(\.count).max() ?? 0)
    for boxes in layers {
      let width = boxes.map { boxWidth(drawing.boxes[$0]) }.max() ?? 0
      let top = margin + (tallest - Double(boxes.count)) * rowHeight / 2
      for (row, box) in boxes.enumerated() { corner[box] = (x, top + Double(row) * rowHeight, width) }
      x += width + gap
    }
    let size = (width: max(x - gap + margin, 2 * margin), height: tallest * rowHeight + 2 * margin)
    var lines = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(text(size.width)) \(text(size.height))" \
      width="\(text(size.width))" height="\(text(size.height))" role="img" aria-label="Graph of \(escape(drawing.title))" \
      font-family="system-ui, sans-serif">
      <style>
      .box { fill: #f6f8fb; stroke: #5b6b82; } .gate { stroke-dasharray: 5 3; stroke: #b45f06; }
      .name { fill: #14202e; font-size: 13px; } .caption { fill: #55657a; font-size: 11px; }
      .edge { fill: none; stroke: #8a97a8; stroke-width: 1.2; } .tip { fill: #8a97a8; }
      @media (prefers-color-scheme: dark) {
      .box { fill: #1c2530; stroke: #8a9bb3; } .gate { stroke: #f0a14a; } .name { fill: #e8eef6; } .caption { fill: #a9b7c9; }
      .edge { stroke: #6d7b8e; } .tip { fill: #6d7b8e; } }
      </style>
      <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
      <path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>
      """
    ]
    var drawn: Set<[Int]> = []
    for edge in drawing.edges where drawn.insert([edge.from, edge.to]).inserted {
      let from = corner[edge.from]
      let to = corner[edge.to]
      let start = (x: from.x + from.width, y: from.y + boxHeight / 2)
      let end = (x: to.x, y: to.y + boxHeight / 2)
      let bend = max(gap * 0.5, (end.x - start.x) * 0.4)
      lines.append(
        "<path class=\"edge\" marker-end=\"url(#tip)\" d=\"M\(text(start.x)) \(text(start.y))C\(text(start.x + bend)) "
          + "\(text(start.y)) \(text(end.x - bend)) \(text(end.y)) \(text(end.x)) \(text(end.y))\"/>")
    }
    for (position, box) in drawing.boxes.enumerated() {
      let place = corner[position]
      let middle = text(place.x + place.width / 2)
      lines.append(
        """
        <rect class="box\(box.isGate ? " gate" : "")" x="\(text(place.x))" y="\(text(place.y))" \
        width="\(text(place.width))" height="\(text(boxHeight))" rx="7"/>\
        <text class="name" text-anchor="middle" x="\(middle)" y="\(text(place.y + 17))">\(escape(box.name))</text>\
        <text class="caption" text-anchor="middle" x="\(middle)" y="\(text(place.y + 32))">\(escape(box.caption))</text>
        """)
    }
    return lines.joined(separator: "\n") + "\n</svg>\n"
  }

  /// Widths of a proportional font are not known here; 7.6 px a character fits the usual ones at 13 px.
  private func boxWidth(_ box: GraphDrawing.Box) -> Double {
    max(90, 24 + 7.6 * Double(box.name.count), 24 + 6.4 * Double(box.caption.count))
  }

  /// A tenth of a pixel is enough, and `12` reads better than `12.0`.
  private func text(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
  }

  private func escape(_ text: String) -> String {
    text.map { character in
      switch character {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      default: String(character)
      }
    }.joined()
  }
}

extension GraphDrawing {
  /// A self-contained picture for light and dark pages.
  public var svg: String { GraphPicture(self).svg }
}
