/// Where a low-resolution depth map has nothing: 0 is the background by convention.
public enum DepthBackground {
  /// The foreground of a map at another size: where its enlarged silhouette (bilinear) covers at least half of a pixel.
  /// Networks that learned inside a mask write anything outside it, so the silhouette comes from what they were given.
  /// - Parameter map: one channel, 0 in the background.
  public static func foreground(of map: Raster, width: Int, height: Int) -> Mask {
    precondition(map.channels == 1, "a depth map has one channel, not \(map.channels)")
    return Mask(Resize.linear(Mask(map, above: 0).raster, width: width, height: height), above: 0.4999)
  }
}
