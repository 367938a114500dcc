import Basics

/// A weight file that cannot be read, or does not fit the network: names the file and what is wrong with it.
public struct WeightsError: ReadableError, Hashable {
  public var file: String
  public var reason: String
  public var help: String?

  public init(file: String, reason: String, help: String? = nil) {
    self.file = file
    self.reason = reason
    self.help = help
  }

  public var message: String { "\(file): \(reason)" }
}
