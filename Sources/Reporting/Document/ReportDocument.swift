import Foundation

/// A report as data: what it says, not how it looks. `ReportPage` makes a web page of it.
public struct ReportDocument: Sendable {
  public var title: String
  /// One sentence under the title.
  public var subtitle: String
  /// The figures a reader should take away, largest first.
  public var facts: [Fact]
  public var sections: [Section]

  public init(title: String, subtitle: String, facts: [Fact] = [], sections: [Section] = []) {
    self.title = title
    self.subtitle = subtitle
    self.facts = facts
    self.sections = sections
  }

  public struct Fact: Hashable, Sendable {
    public var value: String
    public var label: String
    public init(_ value: String, _ label: String) {
      self.value = value
      self.label = label
    }
  }

  public struct Section: Sendable {
    /// Anchor: letters, digits and hyphens.
    public var id: String
    public var title: String
    public var blocks: [Block]
    public init(id: String, title: String, blocks: [Block]) {
      self.id = id
      self.title = title
      self.blocks = blocks
    }
  }

  public enum Block: Sendable {
    case paragraph(String)
    case bullets([String])
    case heading(String)
    /// Something the reader must know before believing the numbers.
    case warning(String)
    case table(id: String, Table)
    /// Figures that stand side by side where there is room.
    case figures([Figure])
    case panels(ImagePanels)
    /// Terms and their values, such as a protocol.
    case definitions([(term: String, value: String)])
    /// Long material behind a line that opens it; always open in print.
    case details(summary: String, [Block])
    case code(String)
    /// Asks for a decision and sends it to the server of the page.
    case form(Form)
    /// The place where `ReportPage.insert` puts sections into a finished page.
    case slot(String)
  }

  public struct Figure: Sendable {
    /// Also the name of the file the figure is exported to.
    public var id: String
    public var chart: any Chart
    public var caption: String
    /// The figure's numbers as a table, for readers who cannot see the figure.
    public var table: Table?
    public init(id: String, chart: any Chart, caption: String, table: Table? = nil) {
      self.id = id
      self.chart = chart
      self.caption = caption
      self.table = table
    }
  }

  /// One text and one button, sent by POST.
  public struct Form: Hashable, Sendable {
    public var action: String
    /// Values sent along, unseen.
    public var hidden: [Hidden]
    /// Name and label of the text.
    public var field: String
    public var label: String
    public var button: String

    public struct Hidden: Hashable, Sendable {
      public var name: String
      public var value: String
      public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
      }
    }

    public init(action: String, hidden: [Hidden], field: String, label: String, button: String) {
      self.action = action
      self.hidden = hidden
      self.field = field
      self.label = label
      self.button = button
    }
  }

  /// Rows of pictures, one row for each sample.
  public struct ImagePanels: Sendable {
    /// Unique in the page.
    public var id: String
    public var rows: [Row]
    public var scale: ErrorScale?
    public init(id: String, rows: [Row], scale: ErrorScale? = nil) {
      self.id = id
      self.rows = rows
      self.scale = scale
    }

    public struct Row: Sendable {
      public var title: String
      public var images: [Picture]
      public init(title: String, images: [Picture]) {
        self.title = title
        self.images = images
      }
    }
  }

  /// A picture embedded in the page.
  public struct Picture: Sendable {
    public var png: Data
    /// Size in pixels.
    public var width: Int
    public var height: Int
    public var caption: String
    /// A description for readers who cannot see the picture.
    public var alt: String
    public init(png: Data, width: Int, height: Int, caption: String, alt: String) {
      self.png = png
      self.width = width
      self.height = height
      self.caption = caption
      self.alt = alt
    }
  }

  /// Every figure with its name, in reading order.
  public var figures: [Figure] { collect(sections.flatMap(\.blocks)).figures }
  /// Every table with its name, in reading order; those of figures included.
  public var tables: [(id: String, table: Table)] { collect(sections.flatMap(\.blocks)).tables }

  private func collect(_ blocks: [Block]) -> (figures: [Figure], tables: [(id: String, table: Table)]) {
    var figures: [Figure] = []
    var tables: [(id: String, table: Table)] = []
    for block in blocks {
      switch block {
      case .table(let id, let table): tables.append((id, table))
      case .figures(let found):
        figures += found
        tables += found.compactMap { figure in figure.table.map { (figure.id, $0) } }
      case .details(_, let inner):
        let found = collect(inner)
        figures += found.figures
        tables += found.tables
      default: continue
      }
    }
    return (figures, tables)
  }
}
