/* A library for LD_PRELOAD that stops single threads of a process, for stopped_threads.py.

   A thread that gets SIGUSR2 stays in its signal handler for as long as the first byte of the file
   $NINES_STOPPED_STATE is not 0. That byte is memory which this library shares with the script. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Atomic unsigned char *stopped;

static void stay(int number) {
  (void)number;
  int before = errno;
  struct timespec moment = {0, 20 * 1000 * 1000};
  while (*stopped) nanosleep(&moment, NULL);
  errno = before;
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("NINES_STOPPED_STATE");
  if (!path) return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (page == MAP_FAILED) return;
  stopped = page;
  struct sigaction action = {.sa_handler = stay, .sa_flags = SA_RESTART};
  sigaction(SIGUSR2, &action, NULL);
}
