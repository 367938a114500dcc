import Basics

/// The JSON Schema (draft 7, which editors' YAML servers read) of pipeline files, made from the catalogue and the file
/// language. Any scalar, list or map may be a `${...}` instead.
public enum JSONSchema {
  public static func schema(of catalogue: StageCatalogue) -> JSON {
    var properties: [String: JSON] = [:]
    for field in FileLanguage.top { properties[field.name] = described(shape(field.shape), field.doc) }
    var layer: [String: JSON] = [:]
    for field in FileLanguage.top where FileLanguage.profileKeys.contains(field.name) {
      layer[field.name] = described(shape(field.shape), field.doc)
    }
    var definitions: [String: JSON] = [
      "substitution": ["type": "string", "pattern": "\\$\\{", "description": "A `${...}` expression."],
      "stage": stage(catalogue),
      "completeStage": completeStage(catalogue),
      "profile": ["type": "object", "properties": .object(layer), "additionalProperties": false],
      "variant": [
        "type": ["object", "null"],
        "description": "Changes, such as `train.with.epochs: 3`; `{}` for none.",
      ],
      "scalar": ["type": ["string", "number", "boolean"]],
      "matrix": matrix,
      "matrixEntries": [
        "anyOf": [
          ["$ref": "#/definitions/substitution"],
          [
            "type": "array",
            "items": ["type": "object", "additionalProperties": ["$ref": "#/definitions/scalar"]],
          ],
        ]
      ],
      "reference": [
        "type": "string", "pattern": "\\.|\\$\\{",
        "description": "`stage.port`, `stage@value.port`, `stage@*.port`.",
      ],
    ]
    for stage in catalogue.stages {
      definitions["with:\(stage.type)"] = JSONSchema.type(OpenedStage.parameterType(stage), isOpen: false)
      definitions["inputs:\(stage.type)"] = inputs(stage)
    }
    return [
      "$schema": "http://json-schema.org/draft-07/schema#", "title": "Pipeline file", "type": "object",
      "properties": .object(properties), "patternProperties": ["^x-": true], "additionalProperties": false,
      "if": ["required": ["extends"]],
      "then": true,
      "else": [
        "required": ["version", "stages"],
        "properties": [
          "stages": ["minProperties": 1, "patternProperties": ["^[^.]+$": ["$ref": "#/definitions/completeStage"]]]
        ],
      ],
      "definitions": .object(definitions),
    ]
  }

  private static func described(_ schema: JSON, _ doc: String) -> JSON {
    guard case .object(var members) = schema else { return schema }
    // Beside `$ref` draft 7 ignores everything else.
    if members["$ref"] != nil { members = ["allOf": [schema]] }
    members["description"] = .string(doc)
    return .object(members)
  }

  private static let name: JSON = "^[A-Za-z0-9][A-Za-z0-9_-]*$"

  private static func shape(_ shape: LanguageField.Shape) -> JSON {
    switch shape {
    case .value(let type): JSONSchema.type(type, isOpen: true)
    case .stages:
      [
        "type": "object",
        "patternProperties": [
          "^[A-Za-z0-9][A-Za-z0-9_-]*$": ["anyOf": [["$ref": "#/definitions/stage"], ["type": "null"]]],
          "^[A-Za-z0-9][A-Za-z0-9_-]*\\..+$": true,
        ],
        "additionalProperties": false,
      ]
    case .variants:
      [
        "type": ["object", "null"], "propertyNames": ["pattern": name],
        "additionalProperties": ["$ref": "#/definitions/variant"],
      ]
    case .profiles:
      ["type": ["object", "null"], "additionalProperties": ["$ref": "#/definitions/profile"]]
    case .matrix: ["$ref": "#/definitions/matrix"]
    case .vars: ["type": ["object", "null"], "propertyNames": ["pattern": name]]
    case .inputs: ["type": ["object", "null"]]
    case .parameters: ["type": ["object", "null", "string"]]
    case .stageType: ["type": "string"]
    case .freeMap: ["type": "object"]
    case .stringOrList:
      ["anyOf": [["type": "null"], ["type": "string"], ["type": "array", "items": ["type": "string"]]]]
    case .gate:
      [
        "anyOf": [
          ["type": "null"], ["const": false], ["enum": .array(GateApproval.allCases.map { .string($0.rawValue) })],
          JSONSchema.type(GateSettings.parameterType, isOpen: true),
        ]
      ]
    }
  }

  private static let matrix: JSON = [
    "anyOf": [
      ["type": "null"], ["$ref": "#/definitions/substitution"],
      [
        "type": "object",
        "properties": [
          "include": ["$ref": "#/definitions/matrixEntries"], "exclude": ["$ref": "#/definitions/matrixEntries"],
        ],
        "additionalProperties": [
          "anyOf": [
            ["$ref": "#/definitions/substitution"],
            [
              "type": "array", "minItems": 1, "uniqueItems": true, "items": ["type": ["string", "number", "boolean"]],
            ],
          ]
        ],
      ],
    ]
  ]

  // MARK: - Stages

  private static func stage(_ catalogue: StageCatalogue) -> JSON {
    var properties: [String: JSON] = [:]
    for field in FileLanguage.stage { properties[field.name] = described(shape(field.shape), field.doc) }
    properties["uses"] = [
      "description": "The stage type.",
      "anyOf": [
        ["$ref": "#/definitions/substitution"],
        ["enum": .array(catalogue.stages.map { .string($0.type.rawValue) })],
      ],
    ]
    return [
      "type": "object", "properties": .object(properties), "additionalProperties": false,
      "allOf": .array(
        catalogue.stages.map { stage in
          [
            "if": uses(stage),
            "then": [
              "description": .string(stage.summary),
              "properties": [
                "with": ["anyOf": [["type": "null"], ["$ref": .string("#/definitions/with:\(stage.type)")]]],
                "inputs": ["anyOf": [["type": "null"], ["$ref": .string("#/definitions/inputs:\(stage.type)")]]],
              ],
            ],
          ]
        }),
    ]
  }

  private static func uses(_ stage: any Stage.Type) -> JSON {
    ["required": ["uses"], "properties": ["uses": ["const": .string(stage.type.rawValue)]]]
  }

  /// Keys that a stage must have in a file that extends nothing.
  private static func completeStage(_ catalogue: StageCatalogue) -> JSON {
    var rules: [JSON] = []
    for stage in catalogue.stages {
      var required: [JSON] = ["uses"]
      var properties: [String: JSON] = [:]
      if case .object(let fields) = OpenedStage.parameterType(stage) {
        let names = fields.filter { $0.defaultValue == nil }.map { JSON.string($0.name) }
        if !names.isEmpty {
          required.append("with")
          properties["with"] = ["required": .array(names)]
        }
      }
      let ports = stage.inputs.filter { $0.arity == .one }.map { JSON.string($0.name) }
      if !ports.isEmpty {
        required.append("inputs")
        properties["inputs"] = ["required": .array(ports)]
      }
      guard required.count > 1 else { continue }
      rules.append(["if": uses(stage), "then": ["required": .array(required), "properties": .object(properties)]])
    }
    let schema: [String: JSON] = ["type": "object", "required": ["uses"]]
    return .object(rules.isEmpty ? schema : schema.merging(["allOf": .array(rules)]) { first, _ in first })
  }

  private static func inputs(_ stage: any Stage.Type) -> JSON {
    let one: JSON = ["anyOf": [["type": "null"], ["$ref": "#/definitions/reference"]]]
    let many: JSON = [
      "anyOf": [
        ["type": "null"], ["$ref": "#/definitions/reference"],
        ["type": "array", "items": ["$ref": "#/definitions/reference"]],
      ]
    ]
    if stage.acceptsAnyInput { return ["type": "object", "additionalProperties": many] }
    var properties: [String: JSON] = [:]
    for port in stage.inputs {
      properties[port.name] = described(port.arity == .many ? many : one, port.doc)
    }
    return ["type": "object", "properties": .object(properties), "additionalProperties": false]
  }

  // MARK: - Parameters

  /// - Parameter isOpen: whether the value itself may be a `${...}`; a stage's whole `with` may not.
  static func type(_ type: ParameterType, isOpen: Bool) -> JSON {
    let schema = plain(type)
    if !isOpen || schema == .bool(true) { return schema }
    switch type {
    case .string, .path: return schema  // a `${...}` is a string already
    default: return ["anyOf": [schema, ["$ref": "#/definitions/substitution"]]]
    }
  }

  private static func plain(_ type: ParameterType) -> JSON {
    switch type {
    case .bool: return ["type": "boolean"]
    case .int(let range):
      return bounded("integer", range.map { (.int($0.lowerBound), .int($0.upperBound)) })
    case .double(let range):
      return bounded("number", range.map { (.double($0.lowerBound), .double($0.upperBound)) })
    case .string: return ["type": "string"]
    case .path: return ["type": "string", "description": "A path, relative to this file."]
    case .choice(let choices): return ["enum": .array(choices.map(JSON.string))]
    case .intChoice(let choices): return ["enum": .array(choices.map(JSON.int))]
    case .list(let element): return ["type": "array", "items": JSONSchema.type(element, isOpen: true)]
    case .map(let value): return ["type": "object", "additionalProperties": JSONSchema.type(value, isOpen: true)]
    case .optional(let inner): return ["anyOf": [["type": "null"], plain(inner)]]
    case .object(let fields):
      return ["type": "object", "properties": .object(properties(fields)), "additionalProperties": false]
    case .tagged(let tagged): return JSONSchema.tagged(tagged)
    case .duration:
      return ["type": "string", "pattern": "^ *([0-9.]+ *(ms|s|min|m|h|d|w) *)+$", "examples": ["90s", "8h"]]
    case .byteCount:
      return ["type": "string", "pattern": "^ *[0-9.]+ *([kKMGT]?B|[KMGT]iB) *$", "examples": ["512MiB", "16GB"]]
    case .any: return true
    }
  }

  private static func properties(_ fields: [ParameterDescription]) -> [String: JSON] {
    var properties: [String: JSON] = [:]
    for field in fields {
      var schema = described(JSONSchema.type(field.type, isOpen: true), doc(field))
      if case .object(var members) = schema, let value = field.defaultValue {
        members["default"] = value
        schema = .object(members)
      }
      properties[field.name] = schema
    }
    return properties
  }

  /// A map whose fields follow from its tag. Without a tag (a file that extends another may leave it out) and with a tag
  /// that is a `${...}`, a field may be that of any case.
  private static func tagged(_ tagged: TaggedParameters) -> JSON {
    let names = JSON.array(tagged.cases.map { .string($0.name) })
    let choice: JSON = ["anyOf": [["enum": names], ["$ref": "#/definitions/substitution"]]]
    func isTag(_ value: JSON) -> JSON {
      ["required": [.string(tagged.tag)], "properties": .object([tagged.tag: value])]
    }
    var anyCase: [String: [JSON]] = [:]
    var rules: [JSON] = []
    for item in tagged.cases {
      var fields = properties(item.fields)
      for (name, schema) in fields where anyCase[name]?.contains(schema) != true {
        anyCase[name, default: []].append(schema)
      }
      fields[tagged.tag] = true
      rules.append(
        [
          "if": isTag(["const": .string(item.name)]),
          "then": [
            "description": .string(item.doc), "properties": .object(fields), "additionalProperties": false,
          ],
        ])
    }
    var open = anyCase.mapValues { $0.count == 1 ? $0[0] : ["anyOf": .array($0)] }
    open[tagged.tag] = true
    rules.append(
      [
        "if": isTag(["enum": names]), "then": true,
        "else": ["properties": .object(open), "additionalProperties": false],
      ])
    let map: JSON = [
      "type": "object", "properties": .object([tagged.tag: described(choice, tagged.doc)]), "allOf": .array(rules),
    ]
    return tagged.isNameEnough ? ["anyOf": [["enum": names], map]] : map
  }

  private static func doc(_ field: ParameterDescription) -> String {
    field.unit.map { "\(field.doc) Unit: \($0)." } ?? field.doc
  }

  private static func bounded(_ type: String, _ range: (low: JSON, high: JSON)?) -> JSON {
    var members: [String: JSON] = ["type": .string(type)]
    // Int.max and greatest finite values stand for "no limit".
    if let range {
      members["minimum"] = range.low
      if range.high != .int(Int.max), range.high != .double(.greatestFiniteMagnitude), range.high != .double(.infinity)
      {
        members["maximum"] = range.high
      }
    }
    return .object(members)
  }
}
