/// Where the workers of a run are started.
public enum ExecutorKind: String, ParameterChoice {
  /// On this machine.
  case local
  /// As jobs of a Slurm cluster that shares the store's file system.
  case slurm
}
