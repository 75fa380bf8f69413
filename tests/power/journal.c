/* Writes down what a process does to the files below a folder, in the order in which it happens, and fails on request.
 * Loaded into the server with LD_PRELOAD; every call goes on to the kernel, except syncing: the power cut is only played.
 *
 * JOURNAL_ROOT is the folder, JOURNAL_FILE where the records go. A lock is held over each call and
 * its record, so the order is exact, and a call that has returned has its record. What SQLite maps into memory (its
 * -shm file) is left out: SQLite makes it anew after a crash.
 *
 * JOURNAL_FAULTS, when it is set, is a file that says which call is to fail: how many calls from now (8 bytes, counted
 * down here), with which error (8), and whether only after it was done (8).
 *
 * A record: kind (1 byte), inode (8), offset (8), lengths of two texts (4 each), the texts. Numbers as the machine
 * has them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root;
static size_t root_length;
static int journal = -1, faults = -1;
/* The inode behind each open file below the folder; 0 for all others. */
static uint64_t inodes[FILES_MAX];

__attribute__((constructor)) static void start(void) {
  const char *file = getenv("JOURNAL_FILE"), *folder = getenv("JOURNAL_ROOT");
  if (!file || !folder) return;
  journal = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (journal < 0) abort();
  const char *asked = getenv("JOURNAL_FAULTS");
  if (asked && (faults = syscall(SYS_openat, AT_FDCWD, asked, O_RDWR | O_CLOEXEC)) < 0) abort();
  root_length = strlen(folder);
  root = folder;
}

static int below(const char *path) {
  size_t length = strlen(path);
  if (!root || strncmp(path, root, root_length) || (path[root_length] && path[root_length] != '/')) return 0;
  return length < 4 || strcmp(path + length - 4, "-shm");
}

static int known(int fd) { return fd >= 0 && fd < FILES_MAX && inodes[fd]; }

struct fault {
  int64_t left, error, is_after;
};

/* How the call that has begun is to fail; no error when it is not. */
static struct fault next_fault(void) {
  struct fault asked = {0};
  if (faults < 0 || syscall(SYS_pread64, faults, &asked, sizeof asked, 0) != sizeof asked || asked.left < 1)
    return (struct fault){0};
  asked.left--;
  if (syscall(SYS_pwrite64, faults, &asked.left, 8, 0) != 8) abort();
  if (asked.left) asked.error = 0;
  return asked;
}

/* Does a call that changes something, unless it is to fail before. */
#define UNLESS_IT_FAILS(result, call)                         \
  struct fault fault = next_fault();                          \
  result = fault.error && !fault.is_after ? -1 : (call);      \
  if (fault.error && !fault.is_after) errno = fault.error;

/* Lets a call that was done and recorded look as if it had failed. */
#define FAILED(result) (fault.error && fault.is_after ? (errno = fault.error, -1) : (result))

static void record(char kind, uint64_t inode, uint64_t offset, const void *a, size_t a_length, const char *b) {
  unsigned char head[25];
  uint32_t lengths[2] = {a_length, b ? strlen(b) : 0};
  int before = errno;
  head[0] = kind;
  memcpy(head + 1, &inode, 8);
  memcpy(head + 9, &offset, 8);
  memcpy(head + 17, lengths, 8);
  struct iovec parts[3] = {{head, sizeof head}, {(void *)a, a_length}, {(void *)b, lengths[1]}};
  if (syscall(SYS_writev, journal, parts, 3) != (long)(sizeof head + lengths[0] + lengths[1])) abort();
  errno = before;
}

static void record_path(char kind, uint64_t inode, const char *path, const char *to) {
  record(kind, inode, 0, path, strlen(path), to);
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  if (!below(path)) return syscall(SYS_openat, folder, path, flags, mode);
  struct stat found;
  pthread_mutex_lock(&lock);
  int was_there = stat(path, &found) == 0, fd;
  struct fault fault = flags & O_CREAT && !was_there ? next_fault() : (struct fault){0};
  if (fault.error) { /* never after it was done: nobody would close the file */
    pthread_mutex_unlock(&lock);
    errno = fault.error;
    return -1;
  }
  fd = syscall(SYS_openat, folder, path, flags, mode);
  if (fd >= FILES_MAX) abort();
  if (fd >= 0 && fstat(fd, &found) == 0) {
    inodes[fd] = found.st_ino;
    if (!was_there) record_path('c', found.st_ino, path, NULL);
    else if (flags & O_TRUNC) record('t', found.st_ino, 0, NULL, 0, NULL);
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

#define MODE(flags) ({ va_list rest; va_start(rest, flags); mode_t given = va_arg(rest, mode_t); va_end(rest); given; })

int open(const char *path, int flags, ...) { return open_at(AT_FDCWD, path, flags, MODE(flags)); }
int open64(const char *path, int flags, ...) { return open_at(AT_FDCWD, path, flags, MODE(flags)); }
int openat(int folder, const char *path, int flags, ...) { return open_at(folder, path, flags, MODE(flags)); }
int openat64(int folder, const char *path, int flags, ...) { return open_at(folder, path, flags, MODE(flags)); }

int close(int fd) {
  if (fd >= 0 && fd < FILES_MAX) inodes[fd] = 0;
  return syscall(SYS_close, fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  if (!known(fd)) return syscall(SYS_pwrite64, fd, bytes, count, at);
  pthread_mutex_lock(&lock);
  UNLESS_IT_FAILS(ssize_t written, syscall(SYS_pwrite64, fd, bytes, count, at))
  if (written > 0) record('w', inodes[fd], at, bytes, written, NULL);
  pthread_mutex_unlock(&lock);
  return FAILED(written);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

ssize_t write(int fd, const void *bytes, size_t count) {
  if (!known(fd)) return syscall(SYS_write, fd, bytes, count);
  pthread_mutex_lock(&lock);
  off_t at = lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
  UNLESS_IT_FAILS(ssize_t written, syscall(SYS_write, fd, bytes, count))
  if (written > 0) record('w', inodes[fd], at, bytes, written, NULL);
  pthread_mutex_unlock(&lock);
  return FAILED(written);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (!known(fd)) return syscall(SYS_writev, fd, parts, count);
  for (int part = 0; part < count; part++)
    if (parts[part].iov_len) return write(fd, parts[part].iov_base, parts[part].iov_len);
  return 0;
}

int ftruncate64(int fd, off64_t size) {
  if (!known(fd)) return syscall(SYS_ftruncate, fd, size);
  pthread_mutex_lock(&lock);
  UNLESS_IT_FAILS(int done, syscall(SYS_ftruncate, fd, size))
  if (done == 0) record('t', inodes[fd], size, NULL, 0, NULL);
  pthread_mutex_unlock(&lock);
  return FAILED(done);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fsync(int fd) {
  if (!known(fd)) return syscall(SYS_fsync, fd);
  pthread_mutex_lock(&lock);
  UNLESS_IT_FAILS(int done, 0)
  if (done == 0) record('s', inodes[fd], 0, NULL, 0, NULL);
  pthread_mutex_unlock(&lock);
  return FAILED(done);
}
int fdatasync(int fd) { return fsync(fd); }

int mkdir(const char *path, mode_t mode) {
  struct stat made;
  pthread_mutex_lock(&lock);
  int done = syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  if (done == 0 && below(path) && stat(path, &made) == 0) record_path('d', made.st_ino, path, NULL);
  pthread_mutex_unlock(&lock);
  return done;
}

static int name_call(char kind, const char *path, const char *to, int flags) {
  pthread_mutex_lock(&lock);
  UNLESS_IT_FAILS(int done, kind == 'r'   ? syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, to, flags)
                            : kind == 'l' ? syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, to, flags)
                                          : syscall(SYS_unlinkat, AT_FDCWD, path, flags))
  if (done == 0 && below(path)) record_path(kind, 0, path, to);
  pthread_mutex_unlock(&lock);
  return FAILED(done);
}

int rename(const char *path, const char *to) { return name_call('r', path, to, 0); }
int link(const char *path, const char *to) { return name_call('l', path, to, 0); }
int unlink(const char *path) { return name_call('u', path, NULL, 0); }
int rmdir(const char *path) { return name_call('u', path, NULL, AT_REMOVEDIR); }
