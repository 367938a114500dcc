import Foundation
import Reporting
import Testing

/// The page in a real browser. Runs where `CHROMIUM` names one: `CHROMIUM=/usr/bin/chromium make test`.
@Suite("Browser", .enabled(if: ProcessInfo.processInfo.environment["CHROMIUM"] != nil), .serialized)
struct BrowserTests {
  /// A page beside the report that looks into it and writes what it finds as JSON into its own title element.
  private static func probe(width: Int) -> String {
    """
    <!DOCTYPE html><meta charset="utf-8"><title>probe</title>
    <iframe id="f" src="report.html" width="\(width)" height="900" style="border:0"></iframe><pre id="out"></pre>
    <script>
    function parse(c){const m=c.match(/[\\d.]+/g).map(Number);return m.length<4?[...m,1]:m}
    function luminance(c){const [r,g,b]=c.map(v=>{v/=255;return v<=.04045?v/12.92:((v+.055)/1.055)**2.4});
      return .2126*r+.7152*g+.0722*b}
    function ground(e){for(;e;e=e.parentElement){const b=parse(e.ownerDocument.defaultView.getComputedStyle(e).backgroundColor);
      if(b[3]>.99)return b}return [255,255,255,1]}
    document.getElementById('f').onload=()=>{setTimeout(()=>{
      const d=document.getElementById('f').contentDocument,w=d.defaultView,found=[];
      for(const e of d.querySelectorAll('details'))e.open=true;
      let texts=0;const walk=d.createTreeWalker(d.body,NodeFilter.SHOW_TEXT);
      while(walk.nextNode()){const n=walk.currentNode,e=n.parentElement;
        if(!n.data.trim()||e.closest('svg')||e.closest('.skip'))continue;texts++;
        const a=luminance(parse(w.getComputedStyle(e).color).slice(0,3)),b=luminance(ground(e).slice(0,3));
        const c=(Math.max(a,b)+.05)/(Math.min(a,b)+.05);
        if(c<4.5)found.push('contrast '+c.toFixed(2)+': '+n.data.trim().slice(0,40))}
      for(const i of d.images)if(!i.complete||!i.naturalWidth)found.push('image not shown: '+i.alt);
      for(const e of d.querySelectorAll('svg')){const r=e.getBoundingClientRect();if(r.width<50)found.push('tiny figure')}
      document.getElementById('out').textContent=JSON.stringify({width:d.documentElement.clientWidth,
        content:d.documentElement.scrollWidth,texts,images:d.images.length,figures:d.querySelectorAll('svg').length,found,
        background:w.getComputedStyle(d.body).backgroundColor});
    },200)}
    </script>
    """
  }

  private struct Finding: Decodable {
    var width: Int
    var content: Int
    var texts: Int
    var images: Int
    var figures: Int
    var found: [String]
    var background: String
  }

  private func browse(_ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: ProcessInfo.processInfo.environment["CHROMIUM"] ?? "")
    process.arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }

  /// The folder of a report with everything in it: pictures, run, nasty names.
  private func report(_ services: FolderServices) async throws -> URL {
    let files = try await ReportRun.run(
      services, tables: [try ReportRun.table(services)], curves: try ReportRun.logs(services))
    let written = try #require(files["report.html"])
    let page = try #require(RunAppendixTests.appendix.extend(written))
    let folder = services.folder.appendingPathComponent("page")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(page.utf8).write(to: folder.appendingPathComponent("report.html"))
    return folder
  }

  @Test(arguments: [(390, false), (768, false), (1280, false), (390, true), (1280, true)])
  func fitsReadsAndShowsEverything(width: Int, dark: Bool) async throws {
    let services = try FolderServices()
    let folder = try await report(services)
    let probe = folder.appendingPathComponent("probe.html")
    try Data(Self.probe(width: width).utf8).write(to: probe)
    let dom = try browse([
      "--allow-file-access-from-files", "--virtual-time-budget=20000", "--window-size=1400,1000",
      "--blink-settings=preferredColorScheme=\(dark ? 0 : 1)", "--dump-dom", probe.absoluteString,
    ])
    let text = try #require(dom.firstMatch(of: /<pre id="out">(\{.*?\})<\/pre>/)).1
    let json = text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
    let finding = try JSONDecoder().decode(Finding.self, from: Data(json.utf8))
    #expect(finding.width == width)
    #expect(finding.content <= width, "the page is \(finding.content) px wide on a screen of \(width)")
    #expect(finding.found == [])
    #expect(finding.texts > 200 && finding.images == 54 && finding.figures > 10)
    #expect(finding.background == (dark ? "rgb(20, 23, 27)" : "rgb(255, 255, 255)"))
  }

  @Test func prints() async throws {
    let services = try FolderServices()
    let folder = try await report(services)
    let pdf = folder.appendingPathComponent("report.pdf")
    _ = try browse([
      "--no-pdf-header-footer", "--print-to-pdf=\(pdf.path)",
      folder.appendingPathComponent("report.html").absoluteString,
    ])
    let data = try Data(contentsOf: pdf)
    #expect(data.starts(with: Data("%PDF".utf8)) && data.count > 50_000)
  }
}
