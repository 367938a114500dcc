import Imaging
import Testing

@Suite struct RankTests {
  @Test func holmByHand() {
    // 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.04 * 1, never falling.
    let adjusted = Statistics.holm([0.04, 0.01, 0.03, 0.02])
    for (found, expected) in zip(adjusted, [0.06, 0.04, 0.06, 0.06]) { #expect(abs(found - expected) < 1e-12) }
    #expect(Statistics.holm([0.5, 0.9]) == [1, 1] && Statistics.holm([]) == [])
  }

  /// Values of scipy.stats.kendalltau (tau-b) and spearmanr.
  @Test func rankCorrelationsOfKnownLists() throws {
    let (a, b) = ([12.0, 2, 1, 12, 2], [1.0, 4, 7, 1, 0])
    #expect(abs(try #require(Statistics.kendall(a, b)) - -0.47140452079103173) < 1e-12)
    #expect(abs(try #require(Statistics.spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])) - 0.8207826816681233) < 1e-12)
    #expect(Statistics.kendall([1, 2, 3], [3, 5, 9]) == 1 && Statistics.kendall([1, 2, 3], [9, 5, 3]) == -1)
    #expect(Statistics.kendall([1], [1]) == nil && Statistics.kendall([1, 1], [1, 2]) == nil)
    #expect(Statistics.spearman([1, 2], [1]) == nil)
    #expect(Statistics.ranks([10, 30, 20, 20]) == [1, 4, 2.5, 2.5])
  }
}
