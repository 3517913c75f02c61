/* Goes before libfaketime in a program that has jemalloc: only the wall clock is asked of libfaketime, and not before the
 * program has begun. jemalloc makes a condition, and asks for the monotonic clock, while it holds its locks; libfaketime
 * allocates when it is asked for either, and the two would wait for each other for ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int (*moved)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  moved = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (moved && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) return moved(clock, time);
  return (int)syscall(SYS_clock_gettime, clock, time);
}

int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes) {
  if (attributes) {
    return ((int (*)(pthread_cond_t *, const pthread_condattr_t *))dlsym(RTLD_NEXT, "pthread_cond_init"))(condition,
                                                                                                        attributes);
  }
  /* PTHREAD_COND_INITIALIZER */
  memset(condition, 0, sizeof *condition);
  return 0;
}
