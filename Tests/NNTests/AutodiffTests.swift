import NN
import Testing

@Suite struct AutodiffTests {
  @Test func productRule() {
    var dx: Tensor?
    let x = Tensor([1, -2, 3], [3]).variable { dx = $0 }
    (x * x + x * 3).sum().backward()
    #expect(dx?.values == [5, -1, 9])
  }

  /// Joined images are read where they lie; asked for their values they are those of the parts.
  @Test func concatenationKeepsItsParts() {
    let parts = [KernelTests.random([2, 16, 3, 2], 1, "a"), KernelTests.random([2, 32, 3, 2], 1, "b")].map {
      $0.channelsLast()
    }
    let whole = Tensor.concatenated(parts)
    #expect(whole.shape == [2, 48, 3, 2])
    #expect(whole.channels(0..<16).values == parts[0].values)
    #expect(whole.channels(16..<48).values == parts[1].values)
    #expect(Tensor.concatenated([whole, parts[0]]).channels(48..<64).values == parts[0].values)
  }
}
