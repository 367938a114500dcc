import PipelineCommandLine

await PipelineCommand.main(adding: Additions(stages: [PhotosGamma.self]))
