import NN
import Pipeline

extension HardwareClass {
  /// Of stages that run networks: what the processor under `NN.options` computes with.
  static var ofNetworks: HardwareClass { HardwareClass(rawValue: NN.options.hardwareClass) }
}
