import ArgumentParser
import Basics
import Foundation
import Pipeline
import Reporting

/// Finds a printed number in the tables of a run: file, row, digest and key.
struct NumberTrace {
  private let text: String
  private let value: Double
  private let decimals: Int
  private let run: RunInfo
  private let store: Store
  private static let most = 40

  /// - Parameter text: as printed, such as `46.20` or `−1.3`.
  /// - Throws: `ValidationError` when it is no number.
  init(_ text: String, run: RunInfo, store: Store) throws {
    let plain = text.replacing("−", with: "-").replacing(",", with: "").trimmingPrefix("+")
    guard let value = Double(plain), value.isFinite else {
      throw ValidationError("--number takes a number as a report prints it, such as 46.20, not \(text)")
    }
    self.text = text
    self.value = value
    decimals = plain.split(separator: ".", maxSplits: 1).dropFirst().first?.count ?? 0
    self.run = run
    self.store = store
  }

  private func matches(_ field: String) -> Bool {
    guard let number = Double(field), number.isFinite else { return false }
    return Numbers.fixed(number, decimals) == Numbers.fixed(value, decimals)
  }

  /// A table that holds the number.
  struct Table {
    var instance: String
    var path: String
    var key: Digest
    var digest: Digest
    /// Where the file lies.
    var file: String
    var rows: [String]
  }

  struct Found {
    var number: String
    var tables: [Table]

    /// Lines for a terminal.
    var text: String {
      tables.map { table in
        var text =
          "\(table.instance) \(table.path)\n  key    \(table.key.hex)\n  digest \(table.digest.hex)\n  file   \(table.file)\n"
        for row in table.rows.prefix(NumberTrace.most) { text += "  \(row)\n" }
        if table.rows.count > NumberTrace.most { text += "  and \(table.rows.count - NumberTrace.most) more rows\n" }
        return text
      }.joined()
    }

    var json: JSON {
      [
        "schema_version": 1, "number": .string(number),
        "tables": .array(
          tables.map { table in
            [
              "stage": .string(table.instance), "path": .string(table.path), "key": .string(table.key.hex),
              "digest": .string(table.digest.hex), "file": .string(table.file),
              "rows": .array(table.rows.map(JSON.string)),
            ]
          }),
      ]
    }
  }

  /// Looks into the tables of `stage` and of what it was made from; of the whole run when nil.
  /// - Throws: `Diagnostic` when no table holds the number.
  func found(below stage: String?) throws -> Found {
    let chain = RunChain(run)
    let instances = stage.map { [$0] + chain.sources(of: $0) } ?? chain.instances
    var tables: [Table] = []
    for instance in instances {
      guard let key = run.keys[instance], let result = try store.result(key) else { continue }
      for reference in result.outputs.values.sorted(by: { $0.kind.rawValue < $1.kind.rawValue })
      where reference.layout == .files && ["table", "log"].contains(reference.kind) {
        let files = try store.artifact(reference).files.filter { $0.key.hasSuffix(".csv") }
        for (path, file) in files.sorted(by: { naturallyPrecedes($0.key, $1.key) }) {
          let rows = try rows(String(decoding: try store.data(file.digest), as: UTF8.self))
          guard !rows.isEmpty else { continue }
          tables.append(
            Table(instance: instance, path: path, key: key, digest: file.digest, file: file.url.path, rows: rows))
        }
      }
    }
    guard !tables.isEmpty else {
      throw Diagnostic(
        "no table of run \(run.id) holds a number that is printed \(text)",
        help: "differences and means over rows are made by the report from the rows that are there")
    }
    return Found(number: text, tables: tables)
  }

  private func rows(_ text: String) throws -> [String] {
    let table = try CSV.decodeRows(text)
    return table.rows.enumerated().filter { $0.element.contains(where: matches) }.map { index, row in
      "row \(index + 1): "
        + zip(table.header, row).filter { !$1.isEmpty }.map { "\($0)=\($1)" }.joined(separator: ", ")
    }
  }
}
