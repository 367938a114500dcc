#define _GNU_SOURCE
#include "cprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int process_spawn(pid_t *pid, const process_start *start) {
  int count = start->files_count;
  if (count < 0 || count > PROCESS_MAX_FILES) return EINVAL;
  // First out of the way of each other's targets.
  int sources[PROCESS_MAX_FILES], moved = 0, code = 0;
  while (moved < count && code == 0) {
    int file = start->files[moved];
    sources[moved] = file < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : fcntl(file, F_DUPFD_CLOEXEC, count);
    if (sources[moved] >= 0 && sources[moved] < count) {
      int higher = fcntl(sources[moved], F_DUPFD_CLOEXEC, count);
      code = higher < 0 ? errno : 0;
      close(sources[moved]);
      sources[moved] = higher;
    } else if (sources[moved] < 0) {
      code = errno;
    }
    moved++;
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  for (int i = 0; i < count && code == 0; i++) code = posix_spawn_file_actions_adddup2(&actions, sources[i], i);
#if __GLIBC_PREREQ(2, 34)
  // Before that, files without close-on-exec get through.
  if (code == 0) code = posix_spawn_file_actions_addclosefrom_np(&actions, count);
#endif
  if (code == 0 && start->folder) code = posix_spawn_file_actions_addchdir_np(&actions, start->folder);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  posix_spawnattr_setflags(&attributes, start->leads_group ? flags | POSIX_SPAWN_SETPGROUP : flags);
  if (code == 0) code = posix_spawnp(pid, start->program, &actions, &attributes, start->arguments, start->environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  for (int i = 0; i < moved; i++)
    if (sources[i] >= 0) close(sources[i]);
  return code;
}

int process_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno; }

union control {
  char bytes[CMSG_SPACE(PROCESS_MAX_FILES * sizeof(int))];
  struct cmsghdr aligned;
};

int process_send(int socket, const void *bytes, size_t size, const int *files, int files_count) {
  if (files_count < 0 || files_count > PROCESS_MAX_FILES) return EINVAL;
  union control control;
  memset(&control, 0, sizeof control);
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (files_count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(files_count * sizeof(int));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(files_count * sizeof(int));
    memcpy(CMSG_DATA(head), files, files_count * sizeof(int));
  }
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? errno : 0;
}

ssize_t process_receive(int socket, void *bytes, size_t capacity, int *files, int *files_count, int lowest) {
  union control control;
  struct iovec part = {.iov_base = bytes, .iov_len = capacity};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  *files_count = 0;
  ssize_t size;
  do size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size <= 0) return size;
  for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    int count = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < count; i++) {
      int received;
      memcpy(&received, CMSG_DATA(head) + i * sizeof(int), sizeof received);
      int moved = fcntl(received, F_DUPFD_CLOEXEC, lowest);
      int code = errno;
      close(received);
      if (moved < 0) {
        for (int j = 0; j < *files_count; j++) close(files[j]);
        *files_count = 0;
        errno = code;
        return -1;
      }
      files[(*files_count)++] = moved;
    }
  }
  return size;
}

int process_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : errno; }

pid_t process_fork_orphan(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  pid_t between = fork();
  if (between == 0) {
    pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      close(ends[1]);
      setpgid(0, 0);
      return 0;
    }
    int told[2] = {child, errno};
    // Here too: whoever is told of the process may signal its group at once.
    if (child > 0) setpgid(child, child);
    ssize_t written = write(ends[1], told, sizeof told);
    _exit(written == sizeof told ? 0 : 1);
  }
  int told[2] = {-1, errno};
  close(ends[1]);
  if (between > 0) {
    ssize_t size;
    do size = read(ends[0], told, sizeof told);
    while (size < 0 && errno == EINTR);
    if (size != sizeof told) told[0] = -1, told[1] = EAGAIN;
    // Once the process in between is gone, the new one has its new parent.
    while (waitpid(between, NULL, 0) < 0 && errno == EINTR) {
    }
  }
  close(ends[0]);
  errno = told[1];
  return told[0];
}

int process_threads(void) {
  FILE *status = fopen("/proc/self/status", "re");
  if (!status) return 0;
  char line[256];
  int threads = 0;
  while (fgets(line, sizeof line, status))
    if (sscanf(line, "Threads: %d", &threads) == 1) break;
  fclose(status);
  return threads;
}

void process_set_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
