import NN
import Testing

@Suite struct AutodiffTests {
  @Test func productRule() {
    var dx: Tensor?
    let x = Tensor([1, -2, 3], [3]).variable { dx = $0 }
    (x * x + x * 3).sum().backward()
    #expect(dx?.values == [5, -1, 9])
  }

  @Test func concatenationSideBySideCopiesNothing() {
    let parts = Tensor.sideBySide([[1, 16, 2, 2], [1, 16, 2, 2]])
    for (i, part) in parts.enumerated() {
      for pixel in 0..<4 { for k in 0..<16 { part.data[pixel * 32 + k] = Float(i * 100 + pixel * 16 + k) } }
    }
    let whole = Tensor.concatenated(parts)
    #expect(whole.data == parts[0].data)
    #expect(whole.channels(16..<32).values == parts[1].values)
  }
}
