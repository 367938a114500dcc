/// The look of a report page. Colours are the tones of `Theme`, so tests can compute every contrast.
enum StyleSheet {
  static func variables(_ theme: Theme) -> String {
    Tone.allCases.map { "--\($0.rawValue):\(theme[$0].hex)" }.joined(separator: ";")
  }

  static var text: String {
    """
    :root{color-scheme:light dark;\(variables(.light))}
    @media screen and (prefers-color-scheme:dark){:root{\(variables(.dark))}}
    @media print{:root{color-scheme:light}}
    """ + "\n" + rules + "\n"
  }

  private static let rules = """
    *{box-sizing:border-box}
    html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,\
    'Helvetica Neue',Arial,sans-serif}
    a{color:var(--accent)}
    a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
    .skip{position:absolute;left:-999px;top:0;padding:8px 14px;background:var(--paper);z-index:1}
    .skip:focus{left:8px;top:8px}
    .top{padding:40px 24px 18px;max-width:1240px;margin:0 auto}
    h1{font-size:clamp(26px,4vw,36px);line-height:1.15;margin:0 0 6px;letter-spacing:-.015em;overflow-wrap:anywhere}
    .subtitle{margin:0;color:var(--muted);font-size:17px;max-width:75ch;overflow-wrap:anywhere}
    .frame{max-width:1240px;margin:0 auto;padding:0 24px 64px}
    h2{font-size:24px;line-height:1.25;margin:0 0 10px;letter-spacing:-.01em;overflow-wrap:anywhere}
    h3{font-size:17px;margin:22px 0 6px;line-height:1.3;overflow-wrap:anywhere}
    h4{font-size:15px;margin:14px 0 6px;font-weight:600;overflow-wrap:anywhere}
    p{max-width:78ch;margin:8px 0;overflow-wrap:anywhere}
    main{min-width:0}main:focus{outline:none}
    section{padding:30px 0 4px;border-top:1px solid var(--line);margin-top:26px}
    nav ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:2px 18px}
    nav a{display:inline-block;padding:3px 0;text-decoration:none}
    nav a:hover{text-decoration:underline}
    .quiet{font-size:12.5px;text-transform:uppercase;letter-spacing:.07em;color:var(--muted);margin:10px 0 4px}
    .facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px;margin:22px 0 0}
    .facts div{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:14px 16px;\
    display:flex;flex-direction:column-reverse;justify-content:flex-end}
    .facts dt{color:var(--muted);font-size:14px;line-height:1.4}
    .facts dd{margin:0 0 2px;font-size:25px;font-weight:650;letter-spacing:-.01em;line-height:1.25;\
    overflow-wrap:anywhere}
    .findings{padding-left:22px;max-width:78ch}.findings li{margin:5px 0;overflow-wrap:anywhere}
    .warning{border-left:4px solid var(--bad);background:var(--surface);padding:9px 14px;border-radius:0 6px 6px 0}
    .decision{display:flex;flex-wrap:wrap;gap:8px 12px;align-items:end;margin:10px 0}
    .decision label{flex:1 1 240px;color:var(--muted);font-size:14px}
    .decision input[type=text]{display:block;width:100%;font:inherit;color:var(--ink);background:var(--paper);\
    border:1px solid var(--muted);border-radius:6px;padding:7px 10px}
    .decision button{font:inherit;font-weight:600;color:var(--paper);background:var(--accent);border:0;border-radius:6px;\
    padding:8px 18px;min-height:40px;cursor:pointer}
    .decision button:focus-visible,.decision input:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
    .figures{display:grid;gap:26px;margin:16px 0}
    .figures.several{grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr))}
    figure{margin:0;min-width:0}
    figcaption,.legend{color:var(--muted);font-size:14px;line-height:1.45;margin:6px 0 0;max-width:75ch;\
    overflow-wrap:anywhere}
    .scroll{overflow-x:auto}
    svg{display:block;max-width:100%;height:auto;font-family:inherit}
    details{margin:10px 0}summary{cursor:pointer;color:var(--accent);font-size:14.5px;padding:2px 0;width:fit-content}
    .table{margin:16px 0}
    table{border-collapse:collapse;font-size:15px;font-variant-numeric:tabular-nums;border-bottom:2px solid var(--ink)}
    caption{caption-side:top;text-align:left;color:var(--ink);font-size:15px;padding:0 0 8px}
    caption span{display:inline-block;position:sticky;left:0;max-width:min(78ch,calc(100vw - 40px));\
    overflow-wrap:anywhere}
    th,td{padding:6px 0 6px 16px;text-align:left;vertical-align:baseline;font-weight:400;white-space:nowrap}
    th:first-child,td:first-child{padding-left:4px}
    tbody th[scope=row]{white-space:normal;min-width:9em;max-width:26em;overflow-wrap:anywhere}
    thead tr:first-child>*{border-top:2px solid var(--ink)}
    thead tr:last-child>*{border-bottom:1px solid var(--ink)}
    thead th{font-weight:600;vertical-align:bottom;line-height:1.3;white-space:normal}
    thead .n{min-width:5.6em}
    thead th.group{text-align:center;border-bottom:1px solid var(--line)}
    thead .unit{font-weight:400;color:var(--muted)}
    tbody tr:nth-child(even)>*{background:var(--surface)}
    tr.section>*{font-weight:600;padding-top:14px;background:var(--paper)!important;border-bottom:1px solid var(--line)}
    .n{text-align:right}
    strong{font-weight:700}u{text-underline-offset:3px}
    .definitions{margin:12px 0;display:grid;gap:0}
    .definitions div{display:grid;grid-template-columns:minmax(120px,230px) 1fr;gap:4px 20px;padding:6px 0;\
    border-bottom:1px solid var(--line)}
    .definitions dt{color:var(--muted)}.definitions dd{margin:0;overflow-wrap:anywhere}
    p code,li code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
    background:var(--surface);padding:1px 4px;border-radius:4px}
    pre{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:14px 16px;margin:10px 0;\
    font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;width:fit-content;min-width:100%}
    .pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(132px,1fr));gap:10px}
    .nine{grid-template-columns:repeat(5,1fr)}.nine>:first-child{grid-row:span 2}
    .pictures img{display:block;width:100%;height:auto;border-radius:6px;border:1px solid var(--line);background:#595959}
    .pictures figcaption{font-size:13px;margin-top:3px}
    .panel{margin:0 0 18px}.error-scale{margin:6px 0 10px}
    @media (min-width:1080px){.frame{display:grid;grid-template-columns:178px minmax(0,1fr);gap:44px}
    nav{position:sticky;top:20px;align-self:start;max-height:calc(100vh - 40px);overflow:auto}
    nav ul{flex-direction:column;gap:1px}nav a{display:block;line-height:1.35;padding:4px 0}}
    @media (max-width:560px){.top{padding:26px 16px 12px}.frame{padding:0 16px 40px}
    .facts{grid-template-columns:1fr 1fr;gap:8px}.facts div{padding:10px 12px}.facts dd{font-size:20px}
    .definitions div{grid-template-columns:1fr;gap:0}
    .pictures,.nine{grid-template-columns:repeat(3,1fr);gap:6px}.nine>:first-child{grid-row:auto}.pictures figcaption{font-size:12px;line-height:1.3}
    .scroll>svg{min-width:450px}}
    @media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
    @media print{body{font-size:10.5pt}.skip,nav{display:none}.frame{display:block;padding:0;max-width:none}
    .top{padding:0 0 10px;max-width:none}.facts{grid-template-columns:repeat(4,1fr)}
    .facts dd{font-size:14pt}.facts dt{font-size:9pt}
    section{padding-top:16px;margin-top:16px}h2,h3,h4{break-after:avoid}
    figure,.panel,.facts,tr,.definitions div{break-inside:avoid}.scroll{overflow:visible}
    .figures.several{grid-template-columns:1fr 1fr}table{font-size:9pt}caption span{position:static;max-width:none}th,td{padding:3px 0 3px 8px}
    .pictures{grid-template-columns:repeat(7,1fr);gap:6px}.nine{grid-template-columns:repeat(5,1fr)}.pictures figcaption{font-size:7.5pt}
    a{color:inherit;text-decoration:none}pre{white-space:pre-wrap;font-size:8pt;overflow-wrap:anywhere}
    figure details{display:none}details::details-content{content-visibility:visible;height:auto}\
    *{print-color-adjust:exact;-webkit-print-color-adjust:exact}@page{margin:16mm 14mm}}
    """
}
