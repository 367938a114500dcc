extension Graph {
  /// The instances' graph; positions are those in `instances`. References to unknown instances are left out.
  public init(_ instances: [StageInstance]) {
    let index = Dictionary(instances.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    self.init(upstream: instances.map { $0.upstream.compactMap { index[$0] } })
  }
}
