/// How results are put where people look for them. Editing a published file never makes a result wrong.
public enum PublishMode: String, ParameterChoice {
  /// A reflink where the file system can; else a hard link, where its write protection protects, which it does not from
  /// root; else a copy.
  case auto
  /// A reflink where the file system can, else a copy: editing a published file never reaches the store.
  case copy
  /// Hard links to the read-only stored files, which take no space; copies across file systems. What somebody damages by
  /// overriding the write protection is found by the next run, and made again.
  case link
  case none
}
