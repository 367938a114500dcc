/// Inference on maps of any size: padded to what the network needs, and tile by tile when the whole would need too much
/// memory.
extension TrainedModel {
  /// Side of a tile in input pixels when nothing else is asked for; with 32 base channels the U-Net then needs about 1 GB.
  public static let defaultTile = 256

  /// Super-resolves a depth map or photo of any size.
  ///
  /// Sides that do not fit the network are padded by repeating the last row and column, and cropped afterwards. A map larger
  /// than `tile` is worked on in tiles that overlap by the network's `reach`, so that there is no seam: each output pixel
  /// comes from a tile that holds all it can see.
  /// - Parameters:
  ///   - depth: planes of height * width values in 0...1, row-major: one for depth, three for photos.
  ///   - guide: for guided networks, three planes (RGB) or one (relative depth) of the output's size.
  ///   - tile: largest side worked on at once, in input pixels.
  /// - Returns: as many planes of (height * scale) * (width * scale) values, row-major.
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
    let channels = network.imageChannels
    let area = height * width * scale * scale
    var result = [Float](repeating: 0, count: channels * area)
    for coreY in stride(from: 0, to: height, by: core) {
      for coreX in stride(from: 0, to: width, by: core) {
        let (y, x) = (Swift.max(0, coreY - margin), Swift.max(0, coreX - margin))
        let rows = Swift.min(height, coreY + core + margin) - y
        let columns = Swift.min(width, coreX + core + margin) - x
        let part = try window(depth, height, width, nil, y: y, x: x, rows: rows, columns: columns)
        let lastY = Swift.min(height, coreY + core)
        let lastX = Swift.min(width, coreX + core)
        for plane in 0..<channels {
          for row in (coreY * scale)..<(lastY * scale) {
            let line = plane * rows * scale + row - y * scale
            let source = line * columns * scale + (coreX - x) * scale
            let target = plane * area + row * width * scale + coreX * scale
            let count = (lastX - coreX) * scale
            result.replaceSubrange(target..<(target + count), with: part[source..<(source + count)])
          }
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
    let (scale, channels) = (network.scale, network.imageChannels)
    guard depth.count == channels * height * width else {
      throw ModelError(
        "this model takes \(channels) channel\(channels == 1 ? "" : "s"), not \(depth.count) values at \(height)x\(width)"
      )
    }
    let (outRows, outColumns) = (rows * scale, columns * scale)
    let (wideRows, wideColumns) = (paddedRows * scale, paddedColumns * scale)
    let input = Self.extended(
      depth, planes: channels, height: height, width: width, y: y, x: x, rows: rows, columns: columns,
      to: (paddedRows, paddedColumns))
    let paddedGuide = network.guideKind.flatMap { kind in
      guide.map { planes in
        Self.extended(
          planes, planes: planes.count / (outRows * outColumns), height: outRows, width: outColumns, y: 0, x: 0,
          rows: outRows, columns: outColumns, to: (wideRows, wideColumns))
      }
    }
    let output = try predict(input, height: paddedRows, width: paddedColumns, guide: paddedGuide).image
    if wideRows == outRows && wideColumns == outColumns { return output }
    return Self.extended(
      output, planes: channels, height: wideRows, width: wideColumns, y: 0, x: 0, rows: outRows, columns: outColumns,
      to: (outRows, outColumns))
  }

  /// A rectangle of each plane, made larger by repeating its last row and column.
  private static func extended(
    _ source: [Float], planes: Int, height: Int, width: Int, y: Int, x: Int, rows: Int, columns: Int,
    to size: (rows: Int, columns: Int)
  ) -> [Float] {
    var result: [Float] = []
    result.reserveCapacity(planes * size.rows * size.columns)
    for plane in 0..<planes {
      for row in 0..<size.rows {
        let start = (plane * height + y + Swift.min(row, rows - 1)) * width + x
        result += source[start..<start + columns]
        if size.columns > columns {
          result += repeatElement(source[start + columns - 1], count: size.columns - columns)
        }
      }
    }
    return result
  }
}
