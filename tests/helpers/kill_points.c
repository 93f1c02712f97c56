/* Calls that change files below a folder, counted; the n-th kills the process, or fails.

   gcc -shared -fPIC -O1 -o kill_points.so kill_points.c -ldl; LD_PRELOAD=kill_points.so python ...
   arm(folder, n, how) from within; count() says how many there were. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NEVER, BEFORE, AFTER, TORN, ERROR };

static char folder[PATH_MAX];
static size_t length;
static int at, manner;
static atomic_int counted;

void arm(const char *where, int n, int how) {
    strncpy(folder, where, sizeof folder - 1);
    at = n;
    manner = how;
    counted = 0;
    length = strlen(folder);
}

int count(void) { return counted; }

static int below(const char *path) { return length && strncmp(path, folder, length) == 0; }

static int open_below(int handle) {
    char link[64], path[PATH_MAX];
    if (!length) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return below(path);
}

static int path_below(int base, const char *path) {
    char here[PATH_MAX];
    if (!length || !path) return 0;
    if (path[0] == '/') return below(path);
    if (base != AT_FDCWD) return open_below(base);
    return getcwd(here, sizeof here) && below(here);
}

static int strike(int watched) {
    return watched && atomic_fetch_add(&counted, 1) + 1 == at ? manner : NEVER;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* What the n-th call is called instead; `code` is what it fails with. */
#define CALL(type, name, parameters, arguments, watched, code)             \
    type name parameters {                                                \
        static type(*real) parameters;                                    \
        if (!real) real = dlsym(RTLD_NEXT, #name);                        \
        int how = strike(watched);                                        \
        if (how == BEFORE || how == TORN) die();                          \
        if (how == ERROR) return errno = code, -1;                        \
        type result = real arguments;                                     \
        if (how == AFTER) die();                                          \
        return result;                                                    \
    }

/* Of a write, half is done before the end, too. */
#define WRITE(name, parameters, arguments, half)                          \
    ssize_t name parameters {                                             \
        static ssize_t(*real) parameters;                                 \
        if (!real) real = dlsym(RTLD_NEXT, #name);                        \
        int how = strike(open_below(fd));                                 \
        if (how == BEFORE) die();                                         \
        if (how == ERROR) return errno = ENOSPC, -1;                      \
        if (how == TORN) { real half; die(); }                            \
        ssize_t result = real arguments;                                  \
        if (how == AFTER) die();                                          \
        return result;                                                    \
    }

#define OPEN(name, parameters, arguments, base)                           \
    int name parameters {                                                 \
        static int (*real) parameters;                                    \
        if (!real) real = dlsym(RTLD_NEXT, #name);                        \
        mode_t mode = 0;                                                  \
        va_list more;                                                     \
        va_start(more, flags);                                            \
        if (flags & O_CREAT) mode = va_arg(more, mode_t);                 \
        va_end(more);                                                     \
        int how = strike((flags & (O_CREAT | O_TRUNC)) && path_below(base, path)); \
        if (how == BEFORE || how == TORN) die();                          \
        if (how == ERROR) return errno = EACCES, -1;                      \
        int result = real arguments;                                      \
        if (how == AFTER) die();                                          \
        return result;                                                    \
    }

OPEN(open, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPEN(openat, (int base, const char *path, int flags, ...), (base, path, flags, mode), base)
OPEN(openat64, (int base, const char *path, int flags, ...), (base, path, flags, mode), base)

WRITE(write, (int fd, const void *data, size_t n), (fd, data, n), (fd, data, n / 2))
WRITE(pwrite, (int fd, const void *data, size_t n, off_t o), (fd, data, n, o), (fd, data, n / 2, o))
WRITE(pwrite64, (int fd, const void *data, size_t n, off64_t o), (fd, data, n, o), (fd, data, n / 2, o))
WRITE(writev, (int fd, const struct iovec *v, int n), (fd, v, n), (fd, v, n / 2))

CALL(int, rename, (const char *a, const char *b), (a, b), path_below(AT_FDCWD, b), EBUSY)
CALL(int, renameat, (int c, const char *a, int d, const char *b), (c, a, d, b), path_below(d, b), EBUSY)
CALL(int, link, (const char *a, const char *b), (a, b), path_below(AT_FDCWD, b), EPERM)
CALL(int, symlink, (const char *a, const char *b), (a, b), path_below(AT_FDCWD, b), EPERM)
CALL(int, unlink, (const char *a), (a), path_below(AT_FDCWD, a), EPERM)
CALL(int, unlinkat, (int d, const char *a, int f), (d, a, f), path_below(d, a), EPERM)
CALL(int, rmdir, (const char *a), (a), path_below(AT_FDCWD, a), EBUSY)
CALL(int, mkdir, (const char *a, mode_t m), (a, m), path_below(AT_FDCWD, a), EACCES)
CALL(int, mkdirat, (int d, const char *a, mode_t m), (d, a, m), path_below(d, a), EACCES)
CALL(int, fsync, (int fd), (fd), open_below(fd), EIO)
CALL(int, fdatasync, (int fd), (fd), open_below(fd), EIO)
CALL(int, ftruncate, (int fd, off_t n), (fd, n), open_below(fd), EIO)
CALL(int, ftruncate64, (int fd, off64_t n), (fd, n), open_below(fd), EIO)
CALL(int, fchmod, (int fd, mode_t m), (fd, m), open_below(fd), EPERM)
CALL(int, chmod, (const char *a, mode_t m), (a, m), path_below(AT_FDCWD, a), EPERM)
