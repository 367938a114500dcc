import PipelineCommandLine

await PipelineCommand.main(adding: Additions(stages: [PhotosGamma.self], networks: [CorrectedBicubic.kind]))
