/// An error as a person should read it.
func describe(_ error: any Error) -> String {
  return String(describing: error)
}
