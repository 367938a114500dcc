import Basics

/// Which splats touch which 16 x 16 tile, nearest first. Splats at the same depth keep the order of the file.
struct TileBins: Sendable {
  static let side = 16
  let columns: Int
  let rows: Int
  /// Tile t owns `entries[starts[t]..<starts[t + 1]]`.
  private(set) var starts: [Int]
  private(set) var entries: [UInt32]

  init(splats: [ProjectedSplat], camera: SplatCamera, threads: Int) {
    let side = Self.side
    let columns = (camera.width + side - 1) / side
    let rows = (camera.height + side - 1) / side
    self.columns = columns
    self.rows = rows
    let order = Self.sortedByDepth(splats)
    let visible = order.count
    // Bands of tile rows are filled independently: their entries do not mix.
    let bands = max(1, min(threads, rows))
    var counts = [Int](repeating: 0, count: columns * rows + 1)
    splats.withReader { splats in
      order.withReader { order in
        counts.withWriter { counts in
          parallelFor(bands, threads: threads) { band in
            Self.forEachTile(
              splats, order, count: visible,
              rows: (band * rows / bands)..<((band + 1) * rows / bands), columns: columns
            ) { tile, _ in
              counts[tile + 1] += 1
            }
          }
        }
      }
    }
    for tile in 0..<(columns * rows) { counts[tile + 1] += counts[tile] }
    starts = counts
    let total = counts[columns * rows]
    var next = counts
    entries = [UInt32](unsafeUninitializedCapacity: total) { buffer, initialised in
      splats.withReader { splats in
        order.withReader { order in
          next.withWriter { next in
            buffer.withWriter { output in
              parallelFor(bands, threads: threads) { band in
                Self.forEachTile(
                  splats, order, count: visible,
                  rows: (band * rows / bands)..<((band + 1) * rows / bands), columns: columns
                ) {
                  tile, index in
                  output.initialise(next[tile], to: index)
                  next[tile] += 1
                }
              }
            }
          }
        }
      }
      initialised = total
    }
  }

  /// Calls `body` with every tile in these rows of tiles that a splat touches, in the order of `order`.
  @inline(__always) private static func forEachTile(
    _ splats: borrowing SharedReader<ProjectedSplat>, _ order: borrowing SharedReader<UInt32>,
    count: Int,
    rows: Range<Int>, columns: Int, _ body: (Int, UInt32) -> Void
  ) {
    for place in 0..<count {
      let index = order[place]
      let splat = splats.pointer + Int(index)  // `order` holds indices of `splats`
      let top = max(rows.lowerBound, Int(splat.pointee.top) / side)
      let bottom = min(rows.upperBound - 1, Int(splat.pointee.bottom) / side)
      if top > bottom { continue }
      let left = Int(splat.pointee.left) / side
      let right = Int(splat.pointee.right) / side
      for row in top...bottom { for column in left...right { body(row * columns + column, index) } }
    }
  }

  /// Indices of the visible splats by increasing z: a stable radix sort on the bits of z, which is positive.
  static func sortedByDepth(_ splats: [ProjectedSplat]) -> [UInt32] {
    var keys: [(bits: UInt32, index: UInt32)] = []
    keys.reserveCapacity(splats.count)
    for (index, splat) in splats.enumerated() where splat.isVisible {
      keys.append((splat.z.bitPattern, UInt32(index)))
    }
    var other = keys
    for shift in [UInt32(0), 11, 22] {
      var counts = [Int](repeating: 0, count: 2049)
      for key in keys { counts[Int(key.bits >> shift & 2047) + 1] += 1 }
      for i in 0..<2048 { counts[i + 1] += counts[i] }
      for key in keys {
        let digit = Int(key.bits >> shift & 2047)
        other[counts[digit]] = key
        counts[digit] += 1
      }
      swap(&keys, &other)
    }
    return keys.map(\.index)
  }
}
