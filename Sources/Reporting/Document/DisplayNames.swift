/// Names as the paper prints them. Whatever is not known is shown as it is written, with `_` as a space.
public enum DisplayNames {
  private static let models = [
    "depth-upres-unet": "UNet", "edsr-light": "EDSR-light", "edsr": "EDSR", "srresnet": "SRResNet",
    "msrresnet": "MSRResNet", "swinir-tiny": "SwinIR-tiny", "swinir": "SwinIR", "sgnet": "SGNet", "dornet": "DORNet",
    "dornet-t": "DORNet-T", "srcnn": "SRCNN", "vdsr": "VDSR", "dsdmsr": "DSDMSR", "nafnet": "NAFNet",
    "fusion-nafnet": "Fusion NAFNet", "nafnet-fusion": "Fusion NAFNet",
  ]

  private static let degradations = [
    "bicubic": "bicubic", "bicubic_noise": "bicubic + noise", "bicubic_q8": "bicubic + 8-bit", "render": "render",
    "render_q8": "render + 8-bit", "render_splat": "splat render", "second_order": "second order",
  ]

  private static let methods = [
    "nearest": "Nearest", "bilinear": "Bilinear", "bicubic": "Bicubic", "bicubic_q8": "Bicubic 8-bit",
    "bicubic_8bit": "Bicubic 8-bit", "bicubic_16bit": "Bicubic 16-bit",
  ]

  private static let curves = [
    "epoch": "Epoch", "step": "Step", "loss": "Training loss", "train_loss": "Training loss",
    "val_l1": "Validation L1, masked", "val_psnr": "Validation PSNR (dB)", "val_loss": "Validation loss",
    "lr": "Learning rate", "learning_rate": "Learning rate", "seconds": "Seconds",
    "train_l1": "Training L1", "gradient_norm": "Gradient norm",
  ]

  /// A network by its type in the catalogue: `depth-upres-unet` is `UNet`.
  public static func model(_ type: String) -> String { models[type] ?? plain(type) }
  /// A test set by its degradation: `bicubic_q8` is `bicubic + 8-bit`.
  public static func degradation(_ kind: String) -> String { degradations[kind] ?? plain(kind) }
  /// A method without training: `bicubic` is `Bicubic`.
  public static func interpolation(_ id: String) -> String { methods[id] ?? plain(id) }
  /// A column of a training history: `val_l1` is `Validation L1, masked`.
  public static func curve(_ column: String) -> String { curves[column] ?? plain(column) }

  /// How the paper names an aggregation.
  public static func aggregation(_ id: String) -> String {
    switch id {
    case "mean": "mean over samples"
    case "mse", "of_mean_mse": "of mean MSE"
    case "median": "median over samples"
    default: plain(id)
    }
  }

  private static func plain(_ text: String) -> String { text.replacingAll("_", with: " ") }
}
