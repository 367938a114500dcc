/// A number with its noun in the singular or plural: `1 file`, `3 files`.
public func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
