/* Lets calls of a program fail that touch files whose path contains a word. Loaded with LD_PRELOAD. The file that
 * FAILING_CALLS names says what is to fail now, in one line: CALL ERRNO SKIP COUNT WORD. Of the calls that fit, the
 * first SKIP succeed, then COUNT fail, and the rest succeed. A byte is added to FAILING_CALLS.hits for each that has failed. A new line is read when
 * the file has changed. An empty file lets nothing fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char line[512];
static int left_to_skip, left_to_fail;

/* The function that this one stands before. */
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static void note_hit(const char *asked) {
    char path[512];
    snprintf(path, sizeof path, "%s.hits", asked);
    int hits = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    ssize_t (*plain)(int, const void *, size_t) = real("write");
    if (hits >= 0 && plain(hits, "x", 1) == 1) close(hits);
}

/* The error with which this call is to fail; 0 for none. */
static int fault(const char *call, const char *path) {
    const char *asked = getenv("FAILING_CALLS");
    char now[512] = {0}, wanted[64], word[256];
    int number = 0, skip = 0, count = 0, result = 0;
    int file = asked ? open(asked, O_RDONLY) : -1;
    if (file < 0) return 0;
    ssize_t length = read(file, now, sizeof now - 1);
    close(file);
    if (length <= 0 || sscanf(now, "%63s %d %d %d %255s", wanted, &number, &skip, &count, word) != 5)
        return 0;
    pthread_mutex_lock(&lock);
    if (strcmp(line, now) != 0) {
        strcpy(line, now);
        left_to_skip = skip;
        left_to_fail = count;
    }
    if (strcmp(wanted, call) == 0 && strstr(path, word)) {
        if (left_to_skip > 0) {
            left_to_skip--;
        } else if (left_to_fail > 0) {
            left_to_fail--;
            result = number;
            note_hit(asked);
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

/* Whether this call on an open file fails; errno is set then. */
static int fails(const char *call, int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || path[0] != '/') return 0;
    path[length] = 0;
    int error = fault(call, path);
    if (error) errno = error;
    return error != 0;
}

int fsync(int file) {
    if (fails("fsync", file)) return -1;
    return ((int (*)(int))real("fsync"))(file);
}

int fdatasync(int file) {
    if (fails("fsync", file)) return -1;
    return ((int (*)(int))real("fdatasync"))(file);
}

ssize_t write(int file, const void *bytes, size_t length) {
    if (fails("write", file)) return -1;
    return ((ssize_t(*)(int, const void *, size_t))real("write"))(file, bytes, length);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    if (fails("write", file)) return -1;
    return ((ssize_t(*)(int, const void *, size_t, off_t))real("pwrite"))(file, bytes, length, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
    if (fails("write", file)) return -1;
    return ((ssize_t(*)(int, const void *, size_t, off64_t))real("pwrite64"))(file, bytes, length, at);
}

int rename(const char *from, const char *to) {
    int error = fault("rename", to);
    if (!error) return ((int (*)(const char *, const char *))real("rename"))(from, to);
    errno = error;
    return -1;
}
