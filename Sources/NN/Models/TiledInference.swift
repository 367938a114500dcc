/// Inference on maps of any size: padded to what the network needs, and tile by tile when the whole would need too much
/// memory.
extension TrainedModel {
  /// Side of a tile in input pixels when nothing else is asked for; with 32 base channels the U-Net then needs about 1 GB.
  public static let defaultTile = 256

  /// Super-resolves a depth map of any size.
  ///
  /// Sides that do not fit the network are padded by repeating the last row and column, and cropped afterwards. A map larger
  /// than `tile` is worked on in tiles that overlap by the network's `reach`, so that there is no seam: each output pixel
  /// comes from a tile that holds all it can see.
  /// - Parameters:
  ///   - depth: height * width values in 0...1, row-major.
  ///   - guide: for guided networks, three planes of the output's size.
  ///   - tile: largest side worked on at once, in input pixels.
  /// - Returns: (height * scale) * (width * scale) values, row-major.
  /// - Throws: `ModelError` when the map is larger than a tile and the network sees the whole image, so that tiles would
  ///   change the result, or when the tile does not hold the overlap.
  public func upscale(
    _ depth: [Float], height: Int, width: Int, guide: [Float]? = nil, tile: Int = defaultTile
  ) throws -> [Float] {
    let scale = network.scale
    // Tiles start on a grid on which pooling and the blocks of the fast convolutions start too.
    let grid = Swift.max(16, network.sizeMultiple)
    if height <= tile && width <= tile {
      return try window(depth, height, width, guide, y: 0, x: 0, rows: height, columns: width)
    }
    guard let reach = network.reach, guide == nil else {
      throw ModelError(
        "this model sees the whole map at once, so a map of \(width)x\(height) cannot be cut into tiles of \(tile); "
          + "raise the tile to \(Swift.max(height, width)) if memory allows")
    }
    let margin = (reach + grid - 1) / grid * grid
    let core = (tile - 2 * margin) / grid * grid
    guard core > 0 else {
      throw ModelError(
        "a tile of \(tile) does not hold the overlap of \(margin) on both sides; use at least \(2 * margin + grid)")
    }
    var result = [Float](repeating: 0, count: height * width * scale * scale)
    for coreY in stride(from: 0, to: height, by: core) {
      for coreX in stride(from: 0, to: width, by: core) {
        let (y, x) = (Swift.max(0, coreY - margin), Swift.max(0, coreX - margin))
        let rows = Swift.min(height, coreY + core + margin) - y
        let columns = Swift.min(width, coreX + core + margin) - x
        let part = try window(depth, height, width, nil, y: y, x: x, rows: rows, columns: columns)
        let lastY = Swift.min(height, coreY + core)
        let lastX = Swift.min(width, coreX + core)
        for row in (coreY * scale)..<(lastY * scale) {
          let source = (row - y * scale) * columns * scale + (coreX - x) * scale
          let target = row * width * scale + coreX * scale
          let count = (lastX - coreX) * scale
          result.replaceSubrange(target..<(target + count), with: part[source..<(source + count)])
        }
      }
    }
    return result
  }

  /// The result for one window of the map, padded to the network's multiple and cropped again.
  private func window(
    _ depth: [Float], _ height: Int, _ width: Int, _ guide: [Float]?, y: Int, x: Int, rows: Int, columns: Int
  ) throws -> [Float] {
    let multiple = network.sizeMultiple
    let paddedRows = (rows + multiple - 1) / multiple * multiple
    let paddedColumns = (columns + multiple - 1) / multiple * multiple
    let scale = network.scale
    var input = [Float](repeating: 0, count: paddedRows * paddedColumns)
    for row in 0..<paddedRows {
      for column in 0..<paddedColumns {
        input[row * paddedColumns + column] =
          depth[(y + Swift.min(row, rows - 1)) * width + x + Swift.min(column, columns - 1)]
      }
    }
    let (outRows, outColumns) = (rows * scale, columns * scale)
    let (wideRows, wideColumns) = (paddedRows * scale, paddedColumns * scale)
    let paddedGuide = guide.map { planes in
      var padded = [Float](repeating: 0, count: 3 * wideRows * wideColumns)
      for plane in 0..<3 {
        for row in 0..<wideRows {
          for column in 0..<wideColumns {
            padded[(plane * wideRows + row) * wideColumns + column] =
              planes[(plane * outRows + Swift.min(row, outRows - 1)) * outColumns + Swift.min(column, outColumns - 1)]
          }
        }
      }
      return padded
    }
    let output = try predict(input, height: paddedRows, width: paddedColumns, guide: paddedGuide).depth
    if wideRows == outRows && wideColumns == outColumns { return output }
    var result: [Float] = []
    result.reserveCapacity(outRows * outColumns)
    for row in 0..<outRows { result += output[(row * wideColumns)..<(row * wideColumns + outColumns)] }
    return result
  }
}
