import Foundation
import Testing

/// The generated completions in the real shells.
@Suite struct CompletionTests {
  static let pipeline = """
    version: 1
    stages:
      portraits: { uses: images.collect, with: { source: a } }
      sharp: { uses: images.collect, matrix: { size: [64, 128] }, with: { source: b, size: "${matrix.size}" } }
    """

  static func shell(_ name: String) -> String? {
    ["/bin/\(name)", "/usr/bin/\(name)", "/usr/local/bin/\(name)"].first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  /// A folder with the program under its own name, its completion script and a pipeline file.
  private func prepare(_ shell: String) throws -> URL {
    let folder = try Program.temporaryFolder()
    try FileManager.default.createSymbolicLink(
      at: folder.appendingPathComponent("pipeline"), withDestinationURL: Program.url)
    try Data(CompletionTests.pipeline.utf8).write(to: folder.appendingPathComponent("some.yaml"))
    let script = try Program.run(["--generate-completion-script", shell])
    #expect(script.code == 0)
    try Data(script.output.utf8).write(to: folder.appendingPathComponent("completion"))
    return folder
  }

  private func complete(_ shell: String, _ program: String, _ script: (URL) -> [String]) throws -> String {
    let folder = try prepare(shell)
    defer { try? FileManager.default.removeItem(at: folder) }  // best effort
    let result = try Program.run(
      script(folder), program: program,
      environment: ["PATH": "\(folder.path):/usr/local/bin:/usr/bin:/bin", "TERM": "dumb"], folder: folder)
    return result.output + result.errors
  }

  @Test(.enabled(if: shell("bash") != nil, "no bash"))
  func bash() throws {
    func words(_ line: [String]) throws -> [String] {
      let array = line.map { "'\($0)'" }.joined(separator: " ")
      return try complete("bash", CompletionTests.shell("bash") ?? "") { _ in
        [
          "-c",
          """
          source completion
          COMP_WORDS=(\(array)); COMP_CWORD=\(line.count - 1); COMP_LINE="\(line.joined(separator: " "))"
          COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; COMP_KEY=9
          _pipeline pipeline "${COMP_WORDS[COMP_CWORD]}" "" 2>/dev/null
          printf '%s\\n' "${COMPREPLY[@]}"
          """,
        ]
      }.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    #expect(try words(["pipeline", "val"]).contains("validate"))
    #expect(try words(["pipeline", "graph", "some.yaml", "port"]) == ["portraits"])
    #expect(Set(try words(["pipeline", "graph", "some.yaml", "sh"])) == ["sharp", "sharp@size=64", "sharp@size=128"])
    #expect(try words(["pipeline", "stages", "images"]).contains("images.collect"))
  }

  @Test(.enabled(if: shell("fish") != nil && shell("script") != nil, "no fish, or no `script` to give it a terminal"))
  func fish() throws {
    // fish knows its command line only in an interactive terminal; `script` gives it one. The shell echoes what it is sent,
    // so only what it adds proves anything.
    let text = try complete("fish", "/bin/sh") { _ in
      [
        "-c",
        """
        { sleep 3; printf 'pipeline graph some.yaml port\\t'; sleep 5; printf '\\025pipeline valid\\t'; sleep 3; printf '\\025exit\\r'
        sleep 1; } | TERM=xterm timeout 60 script -qec "fish --no-config -C 'source completion'" /dev/null
        """,
      ]
    }
    #expect(text.contains("validate") && text.contains("portraits"), "\(text)")
  }

  @Test(.enabled(if: shell("zsh") != nil, "no zsh"))
  func zsh() throws {
    // zsh completes only in an interactive terminal; `zpty` gives it one.
    let text = try complete("zsh", CompletionTests.shell("zsh") ?? "") { folder in
      [
        "-f", "-c",
        """
        zmodload zsh/zpty
        mkdir functions; cp completion functions/_pipeline
        zpty -b shell "TERM=dumb PS1='>' zsh -f -i"
        zpty -w shell "fpath=(\(folder.path)/functions \\$fpath); autoload -Uz compinit; compinit -u -D; setopt no_list_beep"
        sleep 2
        zpty -w -n shell $'pipeline graph some.yaml port\\t'
        sleep 3
        zpty -w -n shell $'\\x15pipeline valid\\t'
        sleep 2
        while zpty -r -t shell line; do print -r -- $line; done
        """,
      ]
    }
    #expect(text.contains("portraits") && text.contains("pipeline validate"))
  }
}
