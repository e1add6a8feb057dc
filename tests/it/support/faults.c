/* Makes writes and syncs of the database's files fail at the test's request. Loaded into the program with LD_PRELOAD.
 * The test and the program share the file that CHATGRAPH_TEST_FAULTS names. For each kind of call it has three numbers:
 * the calls that still succeed, those that fail after them, and those that have failed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum kind { WRITE, SYNC };
static struct { volatile int skip, fail, failed; } *shared;

__attribute__((constructor)) static void share(void) {
    const char *path = getenv("CHATGRAPH_TEST_FAULTS");
    int fd = path ? open(path, O_RDWR) : -1;
    void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED) shared = memory;
}

static int fails(enum kind kind, int fd) {
    char link[64], path[512];
    if (!shared || shared[kind].fail <= 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!strstr(path, "chatgraph.db")) return 0;
    if (__sync_fetch_and_sub(&shared[kind].skip, 1) > 0) return 0;
    if (__sync_fetch_and_sub(&shared[kind].fail, 1) <= 0) return 0;
    __sync_fetch_and_add(&shared[kind].failed, 1);
    errno = kind == WRITE ? ENOSPC : EIO;
    return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size) {
    return fails(WRITE, fd) ? -1 : NEXT(write)(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return fails(WRITE, fd) ? -1 : NEXT(pwrite)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return fails(WRITE, fd) ? -1 : NEXT(pwrite64)(fd, data, size, at);
}
int fsync(int fd) { return fails(SYNC, fd) ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return fails(SYNC, fd) ? -1 : NEXT(fdatasync)(fd); }
