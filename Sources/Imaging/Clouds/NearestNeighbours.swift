import Basics
import Foundation

/// Exact distances from every point of one image-ordered cloud to its nearest neighbour in another.
///
/// The queries of one 8 x 8 pixel tile go down the other cloud's ``GridTree`` together, nearest box first. A box is left out
/// when its lower bound exceeds the largest of the tile's current distances, a leaf for one query when it exceeds that
/// query's. Depth maps of one scene put the answer within a few leaves of the same pixel, so the bounds are tight at once;
/// for other clouds the search only takes longer.
public enum NearestNeighbours {
  /// Summary of the distances from one cloud to another.
  public struct Summary: Hashable, Sendable {
    public let count: Int
    public let mean: Double
    public let meanSquare: Double
    public let maximum: Double
    /// For each threshold the share of the points strictly nearer.
    public let within: [Double]
  }

  static let tileSide = 8

  /// Squared distances, in the order of ``PointCloud/points``. nil when either cloud is empty.
  public static func squaredDistances(from queries: PointCloud, to targets: PointCloud) -> [Double]? {
    let tree = GridTree(targets)
    var grid = [Double](repeating: .infinity, count: queries.valid.count)
    guard !tree.x.isEmpty, queries.count > 0 else { return nil }
    grid.withWriter { grid in
      search(queries, tree) { tile in
        for k in 0..<tile.count { grid[Int(tile.index[k])] = tile.best[k] }
      }
    }
    return (0..<grid.count).filter { queries.valid[$0] != 0 }.map { grid[$0] }
  }

  /// Mean, mean square, maximum and shares below `thresholds`; memory does not grow with the number of distances.
  /// nil when either cloud is empty.
  public static func summary(from queries: PointCloud, to targets: PointCloud, thresholds: [Double]) -> Summary? {
    summary(from: queries, to: GridTree(targets), thresholds: thresholds)
  }

  static func summary(from queries: PointCloud, to tree: GridTree, thresholds: [Double]) -> Summary? {
    if tree.x.isEmpty { return nil }
    struct Part {
      var sum = 0.0
      var squares = 0.0
      var maximum = 0.0
      var count = 0
    }
    let tileRows = (queries.height + tileSide - 1) / tileSide
    let tileColumns = (queries.width + tileSide - 1) / tileSide
    let limits = thresholds.count
    var parts = [Part](repeating: Part(), count: max(1, tileRows * tileColumns))
    var hits = [Int](repeating: 0, count: max(1, tileRows * tileColumns * limits))
    parts.withWriter { parts in
      hits.withWriter { hits in
        search(queries, tree) { tile in
          var part = Part()
          for k in 0..<tile.count {
            let squared = tile.best[k]
            let distance = squared.squareRoot()
            part.sum += distance
            part.squares += squared
            part.maximum = max(part.maximum, distance)
            for t in 0..<limits where distance < thresholds[t] { hits[tile.number * limits + t] += 1 }
          }
          part.count = tile.count
          parts[tile.number] = part
        }
      }
    }
    // Tiles are added in order, so the sums do not depend on which thread did which.
    let total = parts.reduce(into: Part()) {
      $0.sum += $1.sum
      $0.squares += $1.squares
      $0.maximum = max($0.maximum, $1.maximum)
      $0.count += $1.count
    }
    if total.count == 0 { return nil }
    let n = Double(total.count)
    return Summary(
      count: total.count, mean: total.sum / n, meanSquare: total.squares / n, maximum: total.maximum,
      within: (0..<limits).map { t in
        Double(stride(from: t, to: parts.count * limits, by: limits).reduce(0) { $0 + hits[$1] }) / n
      })
  }

  /// The queries of one tile.
  struct Tile {
    let number: Int
    let count: Int
    let index: UnsafePointer<Int32>
    let best: UnsafePointer<Double>
  }

  private static func search(_ queries: PointCloud, _ tree: GridTree, _ finish: @Sendable (Tile) -> Void) {
    let tileRows = (queries.height + tileSide - 1) / tileSide
    let tileColumns = (queries.width + tileSide - 1) / tileSide
    tree.boxes.withReader { boxes in
      tree.starts.withReader { starts in
        tree.x.withReader { tx in
          tree.y.withReader { ty in
            tree.z.withReader { tz in
              forRows(tileRows, work: queries.valid.count * 64) { band in
                var worker = TileSearch(
                  tree: tree, boxes: boxes.pointer, starts: starts.pointer, tx: tx.pointer,
                  ty: ty.pointer, tz: tz.pointer)
                defer { worker.release() }
                for row in band {
                  for column in 0..<tileColumns {
                    let count = worker.load(queries, column: column, row: row)
                    if count == 0 { continue }
                    worker.run(column: column, row: row)
                    finish(
                      Tile(
                        number: row * tileColumns + column, count: count, index: worker.index, best: worker.best))
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}

/// The buffers of one thread and the descent for one tile.
private struct TileSearch {
  let tree: GridTree
  let boxes: UnsafePointer<GridTree.Box>
  let starts: UnsafePointer<Int32>
  let tx: UnsafePointer<Double>
  let ty: UnsafePointer<Double>
  let tz: UnsafePointer<Double>
  let index: UnsafeMutablePointer<Int32>
  let best: UnsafeMutablePointer<Double>
  private let x: UnsafeMutablePointer<Double>
  private let y: UnsafeMutablePointer<Double>
  private let z: UnsafeMutablePointer<Double>
  private var count = 0
  private var box = GridTree.Box.empty
  /// The largest of the tile's squared distances so far.
  private var reach = Double.infinity
  private var stack: [(level: Int32, column: Int32, row: Int32, bound: Double)] = []

  init(
    tree: GridTree, boxes: UnsafePointer<GridTree.Box>, starts: UnsafePointer<Int32>, tx: UnsafePointer<Double>,
    ty: UnsafePointer<Double>, tz: UnsafePointer<Double>
  ) {
    self.tree = tree
    self.boxes = boxes
    self.starts = starts
    (self.tx, self.ty, self.tz) = (tx, ty, tz)
    let capacity = NearestNeighbours.tileSide * NearestNeighbours.tileSide
    index = .allocate(capacity: capacity)
    best = .allocate(capacity: capacity)
    x = .allocate(capacity: capacity)
    y = .allocate(capacity: capacity)
    z = .allocate(capacity: capacity)
    stack.reserveCapacity(64)
  }

  func release() {
    index.deallocate()
    best.deallocate()
    x.deallocate()
    y.deallocate()
    z.deallocate()
  }

  /// Takes the queries of a tile; returns how many there are.
  mutating func load(_ cloud: PointCloud, column: Int, row: Int) -> Int {
    let side = NearestNeighbours.tileSide
    count = 0
    box = .empty
    for py in row * side..<min((row + 1) * side, cloud.height) {
      for px in column * side..<min((column + 1) * side, cloud.width) {
        let i = py * cloud.width + px
        if cloud.valid[i] == 0 { continue }
        let point = SIMD4(cloud.x[i], cloud.y[i], cloud.z[i], 0)
        box.low = pointwiseMin(box.low, point)
        box.high = pointwiseMax(box.high, point)
        index[count] = Int32(i)
        best[count] = .infinity
        (x[count], y[count], z[count]) = (point.x, point.y, point.z)
        count += 1
      }
    }
    return count
  }

  mutating func run(column: Int, row: Int) {
    reach = .infinity
    // The leaves at the same pixels first: for maps of one scene they bound everything.
    let leaves = tree.levels[0]
    let perTile = NearestNeighbours.tileSide / GridTree.leafSide
    let ownColumns = (column * perTile..<(column + 1) * perTile).clamped(to: 0..<leaves.columns)
    let ownRows = (row * perTile..<(row + 1) * perTile).clamped(to: 0..<leaves.rows)
    if !ownColumns.isEmpty && !ownRows.isEmpty {
      for r in ownRows {
        for c in ownColumns { visit(r * leaves.columns + c) }
      }
    }
    let top = tree.levels.count - 1
    stack.removeAll(keepingCapacity: true)
    stack.append((Int32(top), 0, 0, 0))
    while let node = stack.popLast() {
      if node.bound > reach { continue }
      let (level, c, r) = (Int(node.level), Int(node.column), Int(node.row))
      if level == 0 {
        if ownColumns.contains(c) && ownRows.contains(r) { continue }
        visit(r * leaves.columns + c)
        continue
      }
      let below = tree.levels[level - 1]
      let first = stack.count
      for childRow in 2 * r..<min(2 * r + 2, below.rows) {
        for childColumn in 2 * c..<min(2 * c + 2, below.columns) {
          let child = boxes[below.start + childRow * below.columns + childColumn]
          if child.isEmpty { continue }
          let bound = child.squaredDistance(box)
          if bound > reach { continue }
          // Farthest first, so that the nearest is popped first.
          var at = stack.count
          stack.append((Int32(level - 1), Int32(childColumn), Int32(childRow), bound))
          while at > first && stack[at - 1].bound < bound {
            stack.swapAt(at, at - 1)
            at -= 1
          }
        }
      }
    }
  }

  /// Measures every query that the leaf could improve.
  private mutating func visit(_ leaf: Int) {
    let (start, end) = (Int(starts[leaf]), Int(starts[leaf + 1]))
    if start == end { return }
    let bounds = boxes[leaf]
    var farthest = 0.0
    for k in 0..<count {
      var nearest = best[k]
      let (qx, qy, qz) = (x[k], y[k], z[k])
      if bounds.squaredDistance(qx, qy, qz) < nearest {
        let (vx, vy, vz) = (SIMD2(repeating: qx), SIMD2(repeating: qy), SIMD2(repeating: qz))
        var lowest = SIMD2(repeating: nearest)
        var i = start
        while i < end {
          let dx = UnsafeRawPointer(tx + i).loadUnaligned(as: SIMD2<Double>.self) - vx
          let dy = UnsafeRawPointer(ty + i).loadUnaligned(as: SIMD2<Double>.self) - vy
          let dz = UnsafeRawPointer(tz + i).loadUnaligned(as: SIMD2<Double>.self) - vz
          let squared = dx * dx + dy * dy + dz * dz
          lowest.replace(with: squared, where: squared .< lowest)
          i += 2
        }
        nearest = min(lowest.x, lowest.y)
        best[k] = nearest
      }
      farthest = max(farthest, nearest)
    }
    reach = farthest
  }
}
