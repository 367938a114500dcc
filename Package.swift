// swift-tools-version: 6.1
import PackageDescription

// Views that cannot outlive their memory (Basics/SharedMemory.swift): `@_lifetime` names what a view depends on.
let lifetimes: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]

// Data flows downwards: a target imports only what stands above it.
let package = Package(
  name: "pipeline",
  products: [
    .executable(name: "pipeline", targets: ["PipelineTool"]),
    // For programs with stages and networks of their own: Examples/OwnStages.
    .library(name: "Basics", targets: ["Basics"]),
    .library(name: "Pipeline", targets: ["Pipeline"]),
    .library(name: "NN", targets: ["NN"]),
    .library(name: "Imaging", targets: ["Imaging"]),
    .library(name: "Splats", targets: ["Splats"]),
    .library(name: "Reporting", targets: ["Reporting"]),
    .library(name: "Stages", targets: ["Stages"]),
    .library(name: "PipelineCommandLine", targets: ["PipelineCommandLine"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    // For `pipeline serve` alone.
    .package(url: "https://github.com/swhitty/FlyingFox", .upToNextMinor(from: "0.27.1")),
  ],
  targets: [
    // System libraries (apt: libyaml-dev libpng-dev libtiff-dev libjpeg-dev libopenblas-dev libssl-dev libcurl4-openssl-dev
    // libzip-dev libcairo2-dev).
    .systemLibrary(name: "CYaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CPng", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CTiff", pkgConfig: "libtiff-4", providers: [.apt(["libtiff-dev"])]),
    .systemLibrary(name: "CJpeg", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"])]),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"])]),

    // SHA-256 of two streams at once, for processors with instructions for it.
    .target(name: "CDigest"),
    // What every layer needs: JSON, digests, seeded random numbers, natural order.
    .target(name: "Basics", dependencies: ["CCrypto", "CDigest"], swiftSettings: lifetimes),
    // HTTP through libcurl, which is loaded when it is first needed.
    .target(name: "CHttp", linkerSettings: [.linkedLibrary("dl")]),
    // Starting processes: spawn, fork, open files in messages.
    .target(name: "CProcess"),
    // The engine: specification, graph, keys, plan, store, execution, gates, runs, events.
    .target(name: "Pipeline", dependencies: ["Basics", "CYaml", "CHttp", "CProcess"]),
    // C with SIMD and run-time dispatch; a plain reference beside each fast kernel.
    .target(name: "CKernels", dependencies: ["COpenBLAS"]),
    // Tensors, autodiff, layers, losses, optimisers, data loading, models, checkpoints.
    .target(name: "NN", dependencies: ["Basics", "CKernels", "CZip"], swiftSettings: lifetimes),
    // Image files through libpng, libjpeg and libtiff; their longjmp error exits stay inside C.
    .target(name: "CImageIO", dependencies: ["CPng", "CTiff", "CJpeg"]),
    // Images and depth maps: files, resampling, filters, morphology, point clouds, metrics.
    .target(name: "Imaging", dependencies: ["Basics", "CImageIO"]),
    // Gaussian splats: PLY files, rasteriser, synthetic heads.
    .target(name: "Splats", dependencies: ["Basics", "Imaging"]),
    // Figures as PDF and PNG through cairo, which is loaded for the first figure.
    .target(name: "CCairo", linkerSettings: [.linkedLibrary("dl"), .linkedLibrary("m")]),
    // Tables, charts, HTML, LaTeX, CSV.
    .target(name: "Reporting", dependencies: ["Basics", "CCairo", "Imaging"]),
    // One file per stage type, and their catalogue.
    .target(name: "Stages", dependencies: ["Basics", "Pipeline", "NN", "Imaging", "Splats", "Reporting"]),
    // The commit of this build, which scripts/build writes into it.
    .target(name: "CVersion"),
    // The command line; one file per subcommand.
    .target(
      name: "PipelineCommandLine",
      dependencies: [
        "Basics", "Pipeline", "Stages", "Imaging", "NN", "Reporting", "CVersion",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "FlyingFox", package: "FlyingFox"),
        .product(name: "FlyingSocks", package: "FlyingFox"),
      ],
      path: "Sources/CLI"
    ),
    // The `pipeline` command: the command line with nothing added.
    .executableTarget(name: "PipelineTool", dependencies: ["PipelineCommandLine"]),

    // Runs the cases of a parity folder; `make parity PARITY_DIR=...` prints them.
    .target(name: "ParityHarness", dependencies: ["Basics", "NN", "Imaging"], path: "Tests/ParityHarness"),
    .executableTarget(name: "parity", dependencies: ["NN", "ParityHarness"], path: "Tests/ParityTool"),
    .testTarget(name: "ParityTests", dependencies: ["Basics", "NN", "ParityHarness", "parity"]),
    .testTarget(name: "WeightsTests", dependencies: ["Basics", "NN"], exclude: ["Fixtures"]),
    // Timings against PyTorch: `make bench`.
    .executableTarget(
      name: "bench", dependencies: ["Basics", "NN"], path: "Benchmarks/Networks", exclude: ["torch_reference.py"]),

    // Whether decoding images ever starves training.
    .executableTarget(
      name: "bench-loading", dependencies: ["Basics", "Imaging", "NN"], path: "Benchmarks/Loading"),

    .testTarget(name: "BasicsTests", dependencies: ["Basics"]),
    .testTarget(name: "NNTests", dependencies: ["Basics", "NN", "ParityHarness"]),
    // Times of the image operations and of nearest neighbours (against scipy with SCIPY_PYTHON=...).
    .executableTarget(name: "bench-imaging", dependencies: ["Basics", "Imaging"], path: "Benchmarks/Imaging"),
    .testTarget(name: "ImagingTests", dependencies: ["Basics", "Imaging"], exclude: ["Fixtures"]),
    .testTarget(
      name: "SpecificationTests", dependencies: ["Basics", "Pipeline", "SchemaHarness"], exclude: ["Corpus", "Good"]),
    // Python's jsonschema as a second opinion on the generated schema.
    .target(name: "SchemaHarness", dependencies: ["Basics"], path: "Tests/SchemaHarness"),
    // Runs the built command, as a user would.
    .testTarget(name: "CLITests", dependencies: ["PipelineTool", "Basics", "Imaging", "NN"], exclude: ["Golden"]),
    .testTarget(
      name: "ReferenceTests", dependencies: ["Basics", "Pipeline", "Stages", "SchemaHarness"]),
    .testTarget(name: "SplatsTests", dependencies: ["Basics", "Imaging", "Splats"]),
    .executableTarget(name: "bench-splats", dependencies: ["Basics", "Splats"], path: "Benchmarks/Splats"),
    // Toy stages, an executable that runs them (the engine's worker in tests), and the tests of the engine.
    .target(name: "EngineToys", dependencies: ["Basics", "Pipeline"], path: "Tests/EngineToys"),
    .executableTarget(
      name: "engine-probe", dependencies: ["Basics", "EngineToys", "Pipeline"], path: "Tests/EngineProbe"),
    .testTarget(
      name: "EngineTests", dependencies: ["Basics", "EngineToys", "Pipeline", "engine-probe"], exclude: ["Golden"]),
    // Times of the engine itself, against ninja where it is installed: `make bench-engine`.
    .executableTarget(
      name: "bench-engine", dependencies: ["Basics", "EngineToys", "Pipeline", "Stages"], path: "Benchmarks/Engine"),
    .testTarget(
      name: "ReportingTests", dependencies: ["Basics", "Reporting", "Stages", "Imaging", "Pipeline"],
      exclude: ["Goldens"]),
    .testTarget(name: "StagesTests", dependencies: ["Basics", "Imaging", "NN", "Pipeline", "Stages"]),
  ],
  swiftLanguageModes: [.v6]
)

// `make fuzz`: one program a parser of outside data, built with libFuzzer. Not part of a normal build, which has no
// sanitizer to link.
if Context.environment["FUZZ"] != nil {
  package.targets.append(.target(name: "CFuzzDriver", path: "Fuzz/CFuzzDriver"))
  let fuzzers: [(name: String, dependencies: [Target.Dependency])] = [
    ("FuzzImages", ["Imaging"]),
    ("FuzzRecords", ["Pipeline"]),
    ("FuzzSpecification", ["Basics", "Pipeline"]),
    ("FuzzSplats", ["Splats"]),
    ("FuzzWeights", ["NN"]),
  ]
  for fuzzer in fuzzers {
    package.targets.append(
      .executableTarget(
        name: fuzzer.name, dependencies: fuzzer.dependencies + ["CFuzzDriver"], path: "Fuzz/\(fuzzer.name)",
        exclude: ["Seeds"]))
  }
}
