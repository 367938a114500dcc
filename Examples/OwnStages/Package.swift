// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "own-stages",
  dependencies: [
    // In a project of your own: .package(url: "<address of the repository>", from: "0.1.0")
    .package(name: "pipeline", path: "../..")
  ],
  targets: [
    .executableTarget(
      name: "own",
      dependencies: [
        .product(name: "Imaging", package: "pipeline"),
        .product(name: "NN", package: "pipeline"),
        .product(name: "Pipeline", package: "pipeline"),
        .product(name: "PipelineCommandLine", package: "pipeline"),
        .product(name: "Stages", package: "pipeline"),
      ],
      path: "Sources"
    )
  ],
  swiftLanguageModes: [.v6]
)
