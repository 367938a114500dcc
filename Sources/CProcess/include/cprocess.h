#pragma once
// Starting processes: what Swift cannot call, or only at length. Linux.
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PROCESS_MAX_FILES = 8 };

typedef struct {
  const char *program;       // looked for in PATH unless it has a slash
  char *const *arguments;    // the name first, null last
  char *const *environment;  // null last
  const char *folder;        // null: this process's
  const int *files;          // become 0, 1, 2 …; -1 is /dev/null; nothing else of this process stays open
  int files_count;
  bool leads_group;          // a process group of its own
} process_start;

/// Starts a program with signals as a shell would leave them: none blocked, none ignored. 0, or errno.
int process_spawn(pid_t *pid, const process_start *start);

/// A pipe that no program inherits: where to read, where to write. 0, or errno.
int process_pipe(int ends[2]);

/// Sends one message of `size` bytes and copies of `files_count` open files with it. 0, or errno.
int process_send(int socket, const void *bytes, size_t size, const int *files, int files_count);

/// Waits for one message. The files that came with it are close-on-exec and numbered `lowest` or higher.
/// - Returns: its size, cut to `capacity`; 0 when the other end is closed; -1 with errno.
ssize_t process_receive(int socket, void *bytes, size_t capacity, int *files, int *files_count, int lowest);

/// Makes this process the parent of whatever its descendants leave behind. 0, or errno.
int process_adopt_orphans(void);

/// Forks a process in a group of its own whose parent, once this returns, is the nearest ancestor that adopts orphans.
/// - Returns: 0 in the new process; its id in this one; -1 with errno.
pid_t process_fork_orphan(void);

/// How many threads this process has; 0 when that cannot be told.
int process_threads(void);

/// What `top` and `ps -o comm` show, cut to 15 bytes.
void process_set_name(const char *name);
