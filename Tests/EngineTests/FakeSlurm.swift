import Basics
import Foundation

/// Stand-ins for the programs of Slurm: one queue, one node, every kind of trouble on demand.
///
/// Jobs really run, as processes of this machine. A file `fault.<program>` says what that program does wrong; `calls` lists
/// every call; `jobs/<id>/` is what the queue knows.
struct FakeSlurm {
  let folder: String
  private var state: String { folder + "/state" }

  init(_ bench: Bench) throws {
    folder = bench.root + "/slurm-programs"
    try FileManager.default.createDirectory(atPath: folder + "/state/jobs", withIntermediateDirectories: true)
    for name in ["sbatch", "squeue", "scontrol", "scancel", "sacct"] {
      try bench.write(Self.program, "\(folder)/\(name)")
      chmod("\(folder)/\(name)", 0o755)
    }
  }

  /// `settings.slurm` of a probe's pipeline.
  func settings(_ extra: [String: JSON] = [:]) -> [String: JSON] {
    let own: [String: JSON] = [
      "commands": .string(folder), "poll": 0.1, "tail": 0.02, "grace": 0.3, "settle": 0.3, "timeout": 2.0,
    ]
    return ["slurm": .object(own.merging(extra) { $1 })]
  }

  func set(_ name: String, _ text: String?) {
    let path = "\(state)/\(name)"
    if let text { try? text.write(toFile: path, atomically: true, encoding: .utf8) } else { unlink(path) }
  }

  func calls(_ program: String) -> [String] {
    text("calls").split(separator: "\n").map(String.init).filter { $0.hasPrefix(program + " ") }
  }

  /// Jobs that came into the queue.
  var jobs: Int { Int(text("last").trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0 }
  /// The most that were in it at once.
  var most: Int { text("counts").split(separator: "\n").compactMap { Int($0) }.max() ?? 0 }
  func jobState(_ id: Int) -> String { text("jobs/\(id)/state").trimmingCharacters(in: .whitespacesAndNewlines) }
  func jobFolder(_ id: Int) -> String { text("jobs/\(id)/folder") }

  /// Ends a job by force, as Slurm would, in this state.
  func end(_ id: Int, as stateName: String) {
    set("jobs/\(id)/forced", stateName)
    if let pid = pid_t(text("jobs/\(id)/pid").trimmingCharacters(in: .whitespacesAndNewlines)) { kill(pid, SIGKILL) }
  }

  /// The queue has never heard of it. Only of a job that has ended.
  func forget(_ id: Int) { try? FileManager.default.removeItem(atPath: "\(state)/jobs/\(id)") }

  private func text(_ name: String) -> String {
    (try? String(contentsOfFile: "\(state)/\(name)", encoding: .utf8)) ?? ""  // not there yet
  }

  private static let program = #"""
    #!/bin/bash
    here=$(cd "$(dirname "$0")" && pwd)
    s=$here/state
    program=${0##*/}
    echo "$program $*" >>"$s/calls"
    fault=$(cat "$s/fault.$program" 2>/dev/null)
    case $fault in
      fail) echo "$program: error: Unable to contact slurm controller (connect failure)" >&2; exit 1 ;;
      once) rm "$s/fault.$program"; echo "$program: error: Socket timed out on send/recv operation" >&2; exit 1 ;;
      refuse) echo "sbatch: error: Batch job submission failed: Invalid partition name specified" >&2; exit 1 ;;
      garbage) printf 'b\x00\xff|a|%s\n' "$RANDOM"; exit 0 ;;
      hang) exec sleep 600 ;;
      slow) rm "$s/fault.$program"; sleep 1 ;;
      empty) exit 0 ;;
    esac
    put() { echo "$2" >"$1.new" && mv "$1.new" "$1"; }
    close_above() { # NUMBER: what the runner's own caller has open, and would wait for
      local file
      for file in /proc/$BASHPID/fd/*; do
        file=${file##*/}
        ((file > $1 && file != 255)) && eval "exec $file>&-" 2>/dev/null
      done
    }
    job() { # FOLDER-OF-QUEUE SCRIPT FOLDER: one start of a job
      local j=$1 code
      while [ -e "$s/hold" ]; do sleep 0.02; done
      cd "$3" || exit
      put "$j/state" RUNNING
      SLURM_JOB_ID=${j##*/} SLURM_RESTART_COUNT=$(cat "$j/restarts") SLURMD_NODENAME=n1 SLURM_CPUS_ON_NODE=1 \
        sh "$2" >>log 2>&1 &
      echo $! >"$j/pid"
      local seconds
      if seconds=$(cat "$s/signal-after" 2>/dev/null); then (sleep "$seconds"; kill -USR2 $!) & fi
      if seconds=$(cat "$s/kill-after" 2>/dev/null); then (sleep "$seconds"; echo TIMEOUT >"$j/forced"; kill -KILL $!) & fi
      wait "$(cat "$j/pid")"
      code=$?
      echo "$code" >"$j/code"
      if [ -e "$j/requeue" ]; then
        rm "$j/requeue"
        put "$j/state" PENDING
        echo $(($(cat "$j/restarts") + 1)) >"$j/restarts"
        job "$@"
      elif [ -e "$j/forced" ]; then put "$j/state" "$(cat "$j/forced")"
      elif [ "$code" = 0 ]; then put "$j/state" COMPLETED
      else put "$j/state" FAILED
      fi
    }
    case $program in
      sbatch)
        if [ "$1" = --version ]; then echo slurm-fake 22.05.8; exit 0; fi
        # The runner dies, and this program goes on for a while.
        if [ "$fault" = orphan ]; then rm "$s/fault.sbatch"; close_above 3; kill -KILL $PPID; sleep 1; fi
        exec 9>"$s/lock"
        flock 9
        id=$(($(cat "$s/last" 2>/dev/null || echo 0) + 1))
        echo $id >"$s/last"
        for word; do
          case $word in --chdir=*) folder=${word#*=} ;; --job-name=*) name=${word#*=} ;; esac
        done
        j=$s/jobs/$id
        mkdir "$j"
        echo 0 >"$j/restarts"
        printf %s "$name" >"$j/name"
        printf %s "$folder" >"$j/folder"
        put "$j/state" PENDING
        grep -lE 'PENDING|RUNNING' "$s"/jobs/*/state | wc -l >>"$s/counts"
        flock -u 9
        (close_above 2; job "$j" "${!#}" "$folder") </dev/null >/dev/null 2>&1 &
        if [ "$fault" = orphaned ]; then rm "$s/fault.sbatch"; kill -KILL $PPID; exit 1; fi
        if [ "$fault" = lost ]; then rm "$s/fault.sbatch"; echo "sbatch: error: Socket timed out" >&2; exit 1; fi
        if [ "$fault" = chatty ]; then echo "Welcome to the cluster"; echo "2 of 3"; echo "$id;fake"; exit 0; fi
        if [ "$fault" = mute ]; then exit 0; fi
        echo $id ;;
      squeue)
        for j in "$s"/jobs/*/; do
          [ -e "${j}state" ] || continue
          id=$(basename "$j")
          echo "$id|$(cat "${j}state")|n1|$(cat "${j}name")|None|$(cat "${j}folder")"
        done ;;
      scontrol)
        j=$s/jobs/${!#}
        [ -d "$j" ] || { echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1; }
        if [ "$1" = requeue ]; then touch "$j/requeue"; exit 0; fi
        code=$(cat "$j/code" 2>/dev/null || echo 0)
        if [ "$code" -gt 128 ]; then code="0:$((code - 128))"; else code="$code:0"; fi
        echo "JobId=${!#} JobName=x Comment=a b JobState=$(cat "$j/state") ExitCode=$code NodeList=n1" ;;
      scancel)
        for id; do
          echo CANCELLED >"$s/jobs/$id/forced"
          kill -KILL "$(cat "$s/jobs/$id/pid")"
        done ;;
      sacct)
        for word; do case $word in --jobs=*) cat "$s/account-${word#*=}" || exit 1 ;; esac; done ;;
    esac
    """#
}
