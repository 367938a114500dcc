/// All kinds of networks: one row each.
public enum ModelCatalogue {
  public static let kinds: [ModelKind] = [
    DepthUpResUNet.kind, EDSRLight.kind, SRResNet.kind, MSRResNet.kind, EDSR.kind, SwinIR.kind, SGNet.kind, DORNet.kind,
    SRCNN.kind, VDSR.kind, DSDMSR.kind, NAFNet.kind, RelativeDepthFusion.kind,
  ]
}
