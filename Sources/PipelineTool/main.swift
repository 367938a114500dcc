import PipelineCommandLine

await PipelineCommand.main()
