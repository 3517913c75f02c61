/* A library to preload: the n-th call that touches a directory fails, or the process dies there.
 *
 * Calls are counted over all threads, by the paths that they name or that their descriptors are: what strace's
 * `inject=…:when=N` can't do, which counts each thread on its own. Environment:
 *   FAULT_DIR    the directory; it and everything below it counts
 *   FAULT_ONLY   `<call> <path below the directory, without digits>`: only such calls are counted; none: all
 *   FAULT_AT     the number of the call, from 1; 0 or none: no call
 *   FAULT_KIND   EIO, ENOSPC, EINTR or KILL
 *   FAULT_TRACE  a file that gets one line a call that touches the directory: name and path; "! " before the one that was
 *                struck
 * A write that meets ENOSPC or KILL writes half of its bytes first, as a full disk does; after ENOSPC the next write
 * fails as well, once.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <dirent.h>
#include <unistd.h>

enum { NONE = 0, KILL = -1 };

static const char *dir;
static size_t dir_length;
static const char *only;
static long at;
static int kind;
static int trace = -1;
static atomic_long calls;
/* ENOSPC after half a write: the next write fails. */
static atomic_int pending;

#define REAL(name)                                                                                                     \
  ({                                                                                                                   \
    static __typeof__(&name) real;                                                                                     \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                                       \
    real;                                                                                                              \
  })

__attribute__((constructor)) static void begin(void) {
  const char *number = getenv("FAULT_AT"), *name = getenv("FAULT_KIND"), *file = getenv("FAULT_TRACE");
  if (number) at = atol(number);
  if (name) {
    kind = !strcmp(name, "EIO") ? EIO : !strcmp(name, "ENOSPC") ? ENOSPC : !strcmp(name, "EINTR") ? EINTR : KILL;
  }
  if (file) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* Out of the way of the program's own descriptors. */
    trace = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, fd);
  }
  only = getenv("FAULT_ONLY");
  dir = getenv("FAULT_DIR");
  if (dir) dir_length = strlen(dir);
}

static int counts(const char *path) {
  return dir_length && path && !strncmp(path, dir, dir_length) && (path[dir_length] == 0 || path[dir_length] == '/');
}

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

/* Is it a call of the kind that is counted? Numbers of files don't matter. */
static int matches(const char *name, const char *path) {
  if (!only) return 1;
  size_t length = strlen(name);
  if (strncmp(only, name, length) || only[length] != ' ') return 0;
  const char *wanted = only + length + 1;
  for (; *path; path++) {
    if (*path >= '0' && *path <= '9') continue;
    if (*path != *wanted++) return 0;
  }
  return *wanted == 0;
}

/* Counts a call; NONE, an error number, or KILL if it is the one to be struck. */
static int count(const char *name, const char *path) {
  if (!counts(path)) return NONE;
  int struck = NONE;
  if (matches(name, path + dir_length)) struck = atomic_fetch_add(&calls, 1) + 1 == at ? kind : NONE;
  if (trace >= 0) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s%s %s\n", struck ? "! " : "", name, path);
    syscall(SYS_write, trace, line, length);
  }
  return struck;
}

static int count_fd(const char *name, int fd) {
  if (!dir_length || fd < 0) return NONE;
  char link[40], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int saved = errno;
  ssize_t length = syscall(SYS_readlink, link, path, sizeof path - 1);
  errno = saved;
  if (length <= 0) return NONE;
  path[length] = 0;
  return count(name, path);
}

static int count_at(const char *name, int fd, const char *path) {
  if (!path || path[0] == '/' || fd == AT_FDCWD) return count(name, path);
  return count_fd(name, fd);
}

#define STRIKE(struck, failed)                                                                                         \
  do {                                                                                                                 \
    int error = (struck);                                                                                              \
    if (error == KILL) die();                                                                                          \
    if (error) {                                                                                                       \
      errno = error;                                                                                                   \
      return failed;                                                                                                   \
    }                                                                                                                  \
  } while (0)

/* What of a write is done although it is struck: half of it, or nothing. */
static size_t half(int struck, size_t length) {
  return (struck == ENOSPC || struck == KILL) && length > 1 ? length / 2 : 0;
}

#define WRITE(name, fd, bytes, length, ...)                                                                            \
  do {                                                                                                                 \
    int struck = count_fd(#name, fd);                                                                                  \
    size_t part = half(struck, length);                                                                                \
    if (!struck) struck = count_pending(fd);                                                                           \
    if (part) {                                                                                                        \
      ssize_t done = REAL(name)(fd, bytes, part, ##__VA_ARGS__);                                                       \
      if (struck == KILL) die();                                                                                       \
      atomic_store(&pending, ENOSPC);                                                                                  \
      return done;                                                                                                     \
    }                                                                                                                  \
    STRIKE(struck, -1);                                                                                                \
    return REAL(name)(fd, bytes, length, ##__VA_ARGS__);                                                               \
  } while (0)

static int count_pending(int fd) {
  if (!atomic_load(&pending)) return NONE;
  char link[40], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = syscall(SYS_readlink, link, path, sizeof path - 1);
  if (length <= 0) return NONE;
  path[length] = 0;
  if (!counts(path)) return NONE;
  return atomic_exchange(&pending, NONE);
}

ssize_t write(int fd, const void *bytes, size_t length) { WRITE(write, fd, bytes, length); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { WRITE(pwrite, fd, bytes, length, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  WRITE(pwrite64, fd, bytes, length, offset);
}
ssize_t writev(int fd, const struct iovec *parts, int number) {
  STRIKE(count_fd("writev", fd), -1);
  return REAL(writev)(fd, parts, number);
}

ssize_t read(int fd, void *bytes, size_t length) {
  STRIKE(count_fd("read", fd), -1);
  return REAL(read)(fd, bytes, length);
}
ssize_t pread(int fd, void *bytes, size_t length, off_t offset) {
  STRIKE(count_fd("pread", fd), -1);
  return REAL(pread)(fd, bytes, length, offset);
}
ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) {
  STRIKE(count_fd("pread64", fd), -1);
  return REAL(pread64)(fd, bytes, length, offset);
}
#undef fread_unlocked
/* RocksDB reads its logs by streams, whose calls are the C library's own. A struck one has read nothing, and says so. */
size_t fread_unlocked(void *bytes, size_t size, size_t number, FILE *stream) {
  int error = count_fd("fread_unlocked", fileno(stream));
  if (error == KILL) die();
  if (error) {
    stream->_flags |= 0x0020; /* _IO_ERR_SEEN: what ferror() looks at */
    errno = error;
    return 0;
  }
  return REAL(fread_unlocked)(bytes, size, number, stream);
}

int fsync(int fd) {
  STRIKE(count_fd("fsync", fd), -1);
  return REAL(fsync)(fd);
}
int fdatasync(int fd) {
  STRIKE(count_fd("fdatasync", fd), -1);
  return REAL(fdatasync)(fd);
}
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) {
  STRIKE(count_fd("sync_file_range", fd), -1);
  return REAL(sync_file_range)(fd, offset, length, flags);
}
int ftruncate(int fd, off_t length) {
  STRIKE(count_fd("ftruncate", fd), -1);
  return REAL(ftruncate)(fd, length);
}
int ftruncate64(int fd, off64_t length) {
  STRIKE(count_fd("ftruncate64", fd), -1);
  return REAL(ftruncate64)(fd, length);
}
int fallocate(int fd, int mode, off_t offset, off_t length) {
  STRIKE(count_fd("fallocate", fd), -1);
  return REAL(fallocate)(fd, mode, offset, length);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  STRIKE(count_fd("fallocate64", fd), -1);
  return REAL(fallocate64)(fd, mode, offset, length);
}
/* The descriptor is gone whatever the call says. */
int close(int fd) {
  int error = count_fd("close", fd);
  if (error == KILL) die();
  int done = REAL(close)(fd);
  STRIKE(error, -1);
  return done;
}
int fcntl(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  STRIKE(count_fd("fcntl", fd), -1);
  return REAL(fcntl)(fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  STRIKE(count_fd("fcntl64", fd), -1);
  return REAL(fcntl64)(fd, command, argument);
}

#define OPEN(name, fd, path, flags, ...)                                                                               \
  do {                                                                                                                 \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                              \
      va_list rest;                                                                                                    \
      va_start(rest, flags);                                                                                           \
      mode = va_arg(rest, mode_t);                                                                                     \
      va_end(rest);                                                                                                    \
    }                                                                                                                  \
    STRIKE(count_at(#name, fd, path), -1);                                                                             \
    return REAL(name)(__VA_ARGS__, mode);                                                                              \
  } while (0)

int open(const char *path, int flags, ...) { OPEN(open, AT_FDCWD, path, flags, path, flags); }
int open64(const char *path, int flags, ...) { OPEN(open64, AT_FDCWD, path, flags, path, flags); }
int openat(int fd, const char *path, int flags, ...) { OPEN(openat, fd, path, flags, fd, path, flags); }
int openat64(int fd, const char *path, int flags, ...) { OPEN(openat64, fd, path, flags, fd, path, flags); }
FILE *fopen(const char *path, const char *mode) {
  STRIKE(count("fopen", path), NULL);
  return REAL(fopen)(path, mode);
}
FILE *fopen64(const char *path, const char *mode) {
  STRIKE(count("fopen64", path), NULL);
  return REAL(fopen64)(path, mode);
}
DIR *opendir(const char *path) {
  STRIKE(count("opendir", path), NULL);
  return REAL(opendir)(path);
}

int rename(const char *from, const char *to) {
  STRIKE(count("rename", to), -1);
  return REAL(rename)(from, to);
}
int renameat(int from_fd, const char *from, int to_fd, const char *to) {
  STRIKE(count_at("renameat", to_fd, to), -1);
  return REAL(renameat)(from_fd, from, to_fd, to);
}
int link(const char *from, const char *to) {
  STRIKE(count("link", to), -1);
  return REAL(link)(from, to);
}
int unlink(const char *path) {
  STRIKE(count("unlink", path), -1);
  return REAL(unlink)(path);
}
int unlinkat(int fd, const char *path, int flags) {
  STRIKE(count_at("unlinkat", fd, path), -1);
  return REAL(unlinkat)(fd, path, flags);
}
int mkdir(const char *path, mode_t mode) {
  STRIKE(count("mkdir", path), -1);
  return REAL(mkdir)(path, mode);
}
int rmdir(const char *path) {
  STRIKE(count("rmdir", path), -1);
  return REAL(rmdir)(path);
}

int access(const char *path, int mode) {
  STRIKE(count("access", path), -1);
  return REAL(access)(path, mode);
}
int stat(const char *path, struct stat *about) {
  STRIKE(count("stat", path), -1);
  return REAL(stat)(path, about);
}
int stat64(const char *path, struct stat64 *about) {
  STRIKE(count("stat64", path), -1);
  return REAL(stat64)(path, about);
}
int fstat(int fd, struct stat *about) {
  STRIKE(count_fd("fstat", fd), -1);
  return REAL(fstat)(fd, about);
}
int fstat64(int fd, struct stat64 *about) {
  STRIKE(count_fd("fstat64", fd), -1);
  return REAL(fstat64)(fd, about);
}
int statx(int fd, const char *path, int flags, unsigned mask, struct statx *about) {
  /* Once the first of these calls has failed, Rust's library asks without a path whether there is such a call at all. The
   * header says that a path is always there, and the compiler would believe that. */
  const char *volatile given = path;
  const char *asked = given;
  STRIKE(asked && asked[0] ? count_at("statx", fd, asked) : count_fd("statx", fd), -1);
  return REAL(statx)(fd, path, flags, mask, about);
}
int fstatfs(int fd, struct statfs *about) {
  STRIKE(count_fd("fstatfs", fd), -1);
  return REAL(fstatfs)(fd, about);
}
int statfs(const char *path, struct statfs *about) {
  STRIKE(count("statfs", path), -1);
  return REAL(statfs)(path, about);
}
