/* A library for LD_PRELOAD that makes one call to the disk fail, for disk_faults.py.

   It counts the calls of the process and its children to files whose path contains $NINES_FAULT_UNDER. Each
   call has a point: a group (open, write, sync, size, name) and a part of the data directory (ledger, samples,
   rest). $NINES_FAULT_STATE is a page of numbers that this library shares with the script, in the order of
   `struct state`. The script says there which call fails and how, and sets `healed` once the disk works
   again. The first failure is described in $NINES_FAULT_STATE.fired. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum group { OPEN, WRITE, SYNC, SIZE, NAME };
enum part { LEDGER, SAMPLES, REST, PARTS };
static const char *const groups[] = {"open", "write", "sync", "size", "name"};
static const char *const parts[] = {"ledger", "samples", "rest"};

/* Values of `fault` beside the numbers of errors. */
enum { SHORT_WRITE = 1000, KILL = 1001 };

struct state {
  _Atomic uint64_t point;  /* 3 * group + part */
  _Atomic uint64_t nth;    /* the first call is 1; 0 fails none */
  _Atomic uint64_t fault;  /* an error, SHORT_WRITE or KILL */
  _Atomic uint64_t stays;  /* later calls of the part fail too, until healed */
  _Atomic uint64_t healed;
  _Atomic uint64_t fired;  /* failed calls */
  _Atomic uint64_t calls[15];
};

static struct state *state;
static const char *under;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) {
    fprintf(stderr, "disk_faults: %s is missing\n", name);
    abort();
  }
  return found;
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("NINES_FAULT_STATE");
  under = getenv("NINES_FAULT_UNDER");
  if (!path || !under) return;
  int file = REAL(open)(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (page != MAP_FAILED) state = page;
}

/* The script reads this file; its absence means that the fault never came. */
static void mark(enum group group, enum part part, uint64_t call, const char *path) {
  char name[PATH_MAX], text[PATH_MAX + 100];
  snprintf(name, sizeof name, "%s.fired", getenv("NINES_FAULT_STATE"));
  int length = snprintf(text, sizeof text, "%s %s, call %llu: %s\n", groups[group], parts[part],
                        (unsigned long long)call, path);
  int file = REAL(open)(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (REAL(write)(file, text, (size_t)length) < 0) {
    /* There is no better place to say so. */
  }
  close(file);
}

/* The fault of this call, or 0. */
static int fault(enum group group, const char *path) {
  if (!state || !path || !strstr(path, under)) return 0;
  enum part part = strstr(path, "/ledger.sqlite") ? LEDGER : strstr(path, "/samples") ? SAMPLES : REST;
  unsigned point = PARTS * group + part;
  uint64_t call = ++state->calls[point];
  if (state->nth == 0 || state->healed) return 0;
  int now = point == state->point && call == state->nth;
  int later = state->stays && state->fired && part == state->point % PARTS;
  /* A full disk still syncs, cuts, renames and removes files, and opens a file that exists. */
  if (later && state->fault == ENOSPC)
    later = group == WRITE || (group == OPEN && access(path, F_OK) != 0);
  if (!now && !later) return 0;
  /* A short write is a fault of writes alone. */
  if (state->fault == SHORT_WRITE && group != WRITE) return 0;
  if (state->fired++ == 0) mark(group, part, call, path);
  if (state->fault == KILL) kill(getpid(), SIGKILL);
  return (int)state->fault;
}

static int fault_of(enum group group, int file) {
  char link[64], path[PATH_MAX];
  if (!state) return 0;
  int before = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = before;
  if (length < 0) return 0;
  path[length] = 0;
  return fault(group, path);
}

static int fault_at(enum group group, int folder, const char *name) {
  char link[64], path[2 * PATH_MAX];
  if (!state || !name || name[0] == '/') return fault(group, name);
  ssize_t length;
  if (folder == AT_FDCWD) {
    length = readlink("/proc/self/cwd", path, PATH_MAX - 1);
  } else {
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    length = readlink(link, path, PATH_MAX - 1);
  }
  if (length < 0) return 0;
  snprintf(path + length, sizeof path - (size_t)length, "/%s", name);
  return fault(group, path);
}

static int failed(int number) {
  errno = number;
  return -1;
}

/* Only opening to write counts: the other opens change nothing. */
static int writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT); }

#define OPENS(name)                                                    \
  int name(const char *path, int flags, ...) {                         \
    mode_t mode = 0;                                                   \
    if (flags & (O_CREAT | __O_TMPFILE)) {                             \
      va_list more;                                                    \
      va_start(more, flags);                                           \
      mode = va_arg(more, mode_t);                                     \
      va_end(more);                                                    \
    }                                                                  \
    int number = writes(flags) ? fault_at(OPEN, AT_FDCWD, path) : 0;   \
    return number ? failed(number) : REAL(name)(path, flags, mode);    \
  }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                                        \
  int name(int folder, const char *path, int flags, ...) {                    \
    mode_t mode = 0;                                                          \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                    \
      va_list more;                                                           \
      va_start(more, flags);                                                  \
      mode = va_arg(more, mode_t);                                            \
      va_end(more);                                                           \
    }                                                                         \
    int number = writes(flags) ? fault_at(OPEN, folder, path) : 0;            \
    return number ? failed(number) : REAL(name)(folder, path, flags, mode);   \
  }
OPENS_AT(openat)
OPENS_AT(openat64)

#define WRITES(name, more, last)                                              \
  ssize_t name(int file, const void *bytes, size_t count more) {              \
    int number = fault_of(WRITE, file);                                       \
    if (number == SHORT_WRITE) count = count > 1 ? count / 2 : count;         \
    else if (number) return failed(number);                                   \
    return REAL(name)(file, bytes, count last);                               \
  }
#define NOTHING
#define AND ,
WRITES(write, NOTHING, NOTHING)
WRITES(pwrite, AND off_t at, AND at)
WRITES(pwrite64, AND off64_t at, AND at)

ssize_t writev(int file, const struct iovec *lists, int count) {
  int number = fault_of(WRITE, file);
  if (number == SHORT_WRITE && count > 0)
    return REAL(write)(file, lists[0].iov_base,
                       lists[0].iov_len > 1 ? lists[0].iov_len / 2 : lists[0].iov_len);
  return number && number != SHORT_WRITE ? failed(number) : REAL(writev)(file, lists, count);
}

#define ON_FILE(group, name, more, last)                        \
  int name(int file more) {                                     \
    int number = fault_of(group, file);                         \
    return number ? failed(number) : REAL(name)(file last);     \
  }
ON_FILE(SYNC, fsync, NOTHING, NOTHING)
ON_FILE(SYNC, fdatasync, NOTHING, NOTHING)
ON_FILE(SIZE, ftruncate, AND off_t length, AND length)
ON_FILE(SIZE, ftruncate64, AND off64_t length, AND length)
ON_FILE(SIZE, fallocate, AND int mode AND off_t at AND off_t length, AND mode AND at AND length)

int rename(const char *from, const char *to) {
  int number = fault_at(NAME, AT_FDCWD, from);
  return number ? failed(number) : REAL(rename)(from, to);
}

int renameat(int in, const char *from, int into, const char *to) {
  int number = fault_at(NAME, in, from);
  return number ? failed(number) : REAL(renameat)(in, from, into, to);
}

int renameat2(int in, const char *from, int into, const char *to, unsigned flags) {
  int number = fault_at(NAME, in, from);
  return number ? failed(number) : REAL(renameat2)(in, from, into, to, flags);
}

#define ON_NAME(name)                                        \
  int name(const char *path) {                               \
    int number = fault_at(NAME, AT_FDCWD, path);             \
    return number ? failed(number) : REAL(name)(path);       \
  }
ON_NAME(unlink)
ON_NAME(remove)

int unlinkat(int folder, const char *path, int flags) {
  int number = fault_at(NAME, folder, path);
  return number ? failed(number) : REAL(unlinkat)(folder, path, flags);
}
