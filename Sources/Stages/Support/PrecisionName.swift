import NN
import Pipeline

/// How a network stores the images between its layers, as files name it.
enum PrecisionName: String, ParameterChoice {
  case float32, bf16
  var value: ComputeOptions.Precision { self == .bf16 ? .bf16 : .float32 }
}
