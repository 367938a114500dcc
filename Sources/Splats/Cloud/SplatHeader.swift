import Basics

/// The header of a PLY file, as far as Gaussian splats need it.
struct SplatHeader {
  enum Scalar: String {
    case int8, uint8, int16, uint16, int32, uint32, float32, float64

    init?(name: some StringProtocol) {
      switch name {
      case "char": self = .int8
      case "uchar": self = .uint8
      case "short": self = .int16
      case "ushort": self = .uint16
      case "int": self = .int32
      case "uint": self = .uint32
      case "float": self = .float32
      case "double": self = .float64
      default: self.init(rawValue: String(name))
      }
    }

    var size: Int {
      switch self {
      case .int8, .uint8: 1
      case .int16, .uint16: 2
      case .int32, .uint32, .float32: 4
      case .float64: 8
      }
    }
  }

  struct Property {
    var name: String
    var type: Scalar
    var offset: Int
  }

  var format: SplatFile.Format
  /// Number of Gaussians promised.
  var count: Int
  var properties: [Property]
  /// Bytes (or lines, for text) of other elements that come before the Gaussians.
  var skippedBytes: Int
  var skippedLines: Int
  /// Bytes of the header itself.
  var length: Int
  /// Degree of the spherical harmonics.
  var degree: Int
  /// For each value that a Gaussian needs, in the order centre, colour, opacity, scale, rotation, rest: which property.
  var slots: [Int]

  /// Bytes of one Gaussian in a binary file.
  var stride: Int { properties.last.map { $0.offset + $0.type.size } ?? 0 }

  static let required =
    ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2"]
    + ["rot_0", "rot_1", "rot_2", "rot_3"]

  /// - Parameter lines: the header's lines with the byte where each starts, `ply` to `end_header`.
  init(lines: [(text: String, offset: Int)], length: Int, file: String) throws {
    func fail(_ reason: SplatFileError.Reason, _ offset: Int, _ detail: String, help: String = exportAgain)
      -> SplatFileError
    {
      SplatFileError(file: file, reason: reason, offset: offset, detail: detail, help: help)
    }
    var format: SplatFile.Format?
    var elements: [(name: String, count: Int, properties: [Property], hasList: Bool, offset: Int)] = []
    for (text, offset) in lines.dropFirst() {
      let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
      switch words.first {
      case nil, "comment", "obj_info", "end_header": continue
      case "format":
        guard words.count == 3, let known = SplatFile.Format(rawValue: String(words[1])), words[2] == "1.0" else {
          throw fail(.unsupported, offset, "`\(text)` is not a known PLY format")
        }
        format = known
      case "element":
        guard words.count == 3, let count = Int(words[2]), count >= 0 else {
          throw fail(.header, offset, "`\(text)` does not say `element <name> <count>`")
        }
        guard count <= InputBudget.Splats.entries else {
          throw fail(
            .header, offset,
            "element `\(words[1])` claims \(count) entries; a file may have \(InputBudget.Splats.entries)")
        }
        elements.append((String(words[1]), count, [], false, offset))
      case "property":
        guard !elements.isEmpty else { throw fail(.header, offset, "`\(text)` belongs to no element") }
        let last = elements.count - 1
        if words.count == 5, words[1] == "list" {
          elements[last].hasList = true
          continue
        }
        guard words.count == 3, let type = Scalar(name: words[1]) else {
          throw fail(.header, offset, "`\(text)` does not say `property <type> <name>`")
        }
        let name = String(words[2])
        guard !elements[last].properties.contains(where: { $0.name == name }) else {
          throw fail(.header, offset, "property `\(name)` is declared twice")
        }
        guard elements[last].properties.count < InputBudget.Splats.properties else {
          throw fail(.header, offset, "more than \(InputBudget.Splats.properties) properties")
        }
        let start = elements[last].properties.last.map { $0.offset + $0.type.size } ?? 0
        elements[last].properties.append(Property(name: name, type: type, offset: start))
      default:
        throw fail(.header, offset, "`\(text.prefix(60))` is not a line of a PLY header")
      }
    }
    guard let format else { throw fail(.header, 0, "the header names no format") }
    guard let vertex = elements.firstIndex(where: { $0.name == "vertex" }) else {
      throw fail(.header, 0, "the header has no `element vertex`")
    }
    guard !elements[vertex].hasList else {
      throw fail(
        .unsupported, elements[vertex].offset, "the vertices have list properties, which Gaussian splats have not")
    }
    skippedBytes = 0
    skippedLines = 0
    for element in elements[..<vertex] {
      guard !element.hasList else {
        throw fail(.unsupported, element.offset, "element `\(element.name)` with a list stands before the vertices")
      }
      let size = element.properties.last.map { $0.offset + $0.type.size } ?? 0
      let (bytes, overflow) = element.count.multipliedReportingOverflow(by: size)
      let (sum, overflow2) = skippedBytes.addingReportingOverflow(bytes)
      guard !overflow, !overflow2 else {
        throw fail(.header, element.offset, "element `\(element.name)` claims \(element.count) entries")
      }
      skippedBytes = sum
      skippedLines += element.count
    }
    self.format = format
    self.length = length
    count = elements[vertex].count
    properties = elements[vertex].properties
    let byName = Dictionary(uniqueKeysWithValues: properties.indices.map { (elements[vertex].properties[$0].name, $0) })
    let missing = Self.required.filter { byName[$0] == nil }
    guard missing.isEmpty else {
      let list = missing.map { "`\($0)`" }.joined(separator: ", ")
      throw fail(
        .missingProperty, elements[vertex].offset,
        "the Gaussians lack \(missing.count == 1 ? "property" : "properties") \(list)")
    }
    let rest = properties.filter { $0.name.hasPrefix("f_rest_") }.count
    guard let degree = (0...3).first(where: { GaussianCloud.restStride(degree: $0) == rest }),
      (0..<rest).allSatisfy({ byName["f_rest_\($0)"] != nil })
    else {
      throw fail(
        .missingProperty, elements[vertex].offset,
        "\(rest) `f_rest_*` properties: spherical harmonics have 0, 9, 24 or 45, numbered from 0")
    }
    self.degree = degree
    slots = (Self.required + (0..<rest).map { "f_rest_\($0)" }).compactMap { byName[$0] }
    guard count > 0 else { throw fail(.empty, elements[vertex].offset, "the file holds no Gaussians") }
  }
}

/// What to do about a file that is damaged.
let exportAgain = "export the splats again"
