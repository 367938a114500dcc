/// Names as the paper prints them. Whatever is not known is shown as it is written, with `_` as a space.
public enum DisplayNames {
  private static let models = [
    "depth-upres-unet": "UNet", "edsr-light": "EDSR-light", "edsr": "EDSR", "srresnet": "SRResNet",
    "msrresnet": "MSRResNet", "swinir-tiny": "SwinIR-tiny", "swinir": "SwinIR", "sgnet": "SGNet", "dornet": "DORNet",
    "dornet-t": "DORNet-T", "srcnn": "SRCNN", "vdsr": "VDSR", "dsdmsr": "DSDMSR", "nafnet": "NAFNet",
    "fusion-nafnet": "Fusion NAFNet", "nafnet-fusion": "Fusion NAFNet",
  ]

  /// A network by its type in the catalogue: `depth-upres-unet` is `UNet`.
  public static func model(_ type: String) -> String { models[type] ?? plain(type) }

  private static func plain(_ text: String) -> String { text.replacingAll("_", with: " ") }
}
