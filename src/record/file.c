/* A new file to record into: never a name that leads elsewhere, never over what is not ours. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TRIES  100 /* temporary names that are all taken are no accident */
#define NEW_FLAGS  (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
#define FILE_MODE  0600
#define NAME_BYTES 40

bool file_write(int fd, const void *bytes, size_t n)
{
    const char *from = bytes;
    while (n > 0) {
        const ssize_t written = write(fd, from, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? EIO : errno;
            return false;
        }
        from += written;
        n -= (size_t)written;
    }
    return true;
}

/* The directory stays the same one from here on, whatever its name leads to later. */
static int open_directory(const char *path, const char *leaf, struct err *err)
{
    char directory[4096] = ".";
    const size_t n = (size_t)(leaf - path);
    if (n >= sizeof directory) {
        err_set(err, "%s: %s", path, strerror(ENAMETOOLONG));
        return -1;
    }
    if (n > 0) {
        memcpy(directory, path, n);
        directory[n] = '\0';
    }
    const int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        err_set(err, "%s: its directory: %s", path, strerror(errno));
    return fd;
}

static bool may_replace(const char *path, const struct stat *there, bool force, struct err *err)
{
    if (S_ISDIR(there->st_mode))
        return err_set(err, "%s: is a directory: name a file in it", path);
    if (!force)
        return err_set(err, "%s exists: --force writes over it", path);
    if (!S_ISREG(there->st_mode))
        return err_set(err, "%s: is no regular file: name a new one", path);
    if (there->st_uid != geteuid())
        return err_set(err, "%s: is another user's: name a new one", path);
    return true;
}

static int create_temporary(int directory, char name[NAME_BYTES])
{
    int fd = -1;
    for (int i = 0; i < MAX_TRIES && fd < 0 && (i == 0 || errno == EEXIST); i++) {
        uint32_t number;
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
            return -1;
        snprintf(name, NAME_BYTES, ".schedviz-%08x.tmp", number);
        fd = openat(directory, name, NEW_FLAGS, FILE_MODE);
    }
    return fd;
}

/* rename(2) takes the place of what has the name then, be it a link: where that leads is not touched. */
static int replace(int directory, const char *leaf, const void *first, size_t n)
{
    char name[NAME_BYTES];
    const int fd = create_temporary(directory, name);
    if (fd < 0)
        return -1;
    if (file_write(fd, first, n) && renameat(directory, name, directory, leaf) == 0)
        return fd;
    const int error = errno;
    unlinkat(directory, name, 0);
    close(fd);
    errno = error;
    return -1;
}

static int create(int directory, const char *leaf, const void *first, size_t n)
{
    const int fd = openat(directory, leaf, NEW_FLAGS, FILE_MODE);
    if (fd < 0 || file_write(fd, first, n))
        return fd;
    const int error = errno;
    unlinkat(directory, leaf, 0);
    close(fd);
    errno = error;
    return -1;
}

static int make_in(int directory, const char *path, const char *leaf, bool force, const void *first, size_t n,
                   struct err *err)
{
    struct stat there;
    if (!*leaf) {
        err_set(err, "%s: is a directory: name a file in it", path);
        return -1;
    }
    const bool exists = fstatat(directory, leaf, &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && !may_replace(path, &there, force, err))
        return -1;
    const int fd = exists ? replace(directory, leaf, first, n) : create(directory, leaf, first, n);
    if (fd < 0)
        err_set(err, "%s: %s", path, strerror(errno));
    return fd;
}

int file_create(const char *path, bool force, const void *first, size_t n, struct err *err)
{
    const char *slash = strrchr(path, '/'), *leaf = slash ? slash + 1 : path;
    const int directory = open_directory(path, leaf, err);
    if (directory < 0)
        return -1;
    const int fd = make_in(directory, path, leaf, force, first, n, err);
    close(directory);
    return fd;
}
