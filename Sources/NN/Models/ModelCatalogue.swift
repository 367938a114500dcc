/// All kinds of networks: one row each.
public enum ModelCatalogue {
  public static let kinds: [ModelKind] = [
    DepthUpResUNet.kind
  ]
}
