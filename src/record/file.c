/* A new file to record into: never a name that leads elsewhere, never over what is not ours. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MAX_TRIES  100 /* temporary names that are all taken are no accident */
#define NEW_FLAGS  (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
#define FILE_MODE  0600
#define NAME_BYTES 40
#define MAX_LINKS  40 /* as the kernel: path_resolution(7) */
#define PART_FLAGS (O_PATH | O_NOFOLLOW | O_CLOEXEC)

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

/* ---- the directory ---- */

struct walk {
    const char *path; /* all of it, for messages */
    int at;           /* where it stands */
    unsigned n_links;
    struct err *err;
};

static bool walk(struct walk *w, const char *path, size_t length);

static bool fail(const struct walk *w, int error)
{
    return err_set(w->err, "%s: its directory: %s", w->path, strerror(error));
}

static bool stand_at(struct walk *w, int directory)
{
    if (directory < 0)
        return fail(w, errno);
    close(w->at);
    w->at = directory;
    return true;
}

/* proc_sys_fs(5), protected_symlinks. */
static bool may_follow(const struct stat *link, const struct stat *around)
{
    const mode_t shared = S_ISVTX | S_IWOTH;
    return link->st_uid == geteuid() || (around->st_mode & shared) != shared ||
           link->st_uid == around->st_uid;
}

/* A link of the kernel's own: its text may name what is elsewhere here (proc(5), /proc/PID/root). */
static bool is_of_proc(int link)
{
    struct statfs at;
    return fstatfs(link, &at) == 0 && at.f_type == PROC_SUPER_MAGIC;
}

static bool follow(struct walk *w, int link, const char *name)
{
    struct stat it, around;
    char target[PATH_MAX];
    if (fstat(link, &it) != 0 || fstat(w->at, &around) != 0)
        return fail(w, errno);
    if (!S_ISLNK(it.st_mode))
        return fail(w, ENOTDIR);
    if (++w->n_links > MAX_LINKS)
        return fail(w, ELOOP);
    if (!may_follow(&it, &around))
        return err_set(
            w->err,
            "%.120s: %.60s is another user's link in a shared directory: name the directory behind it",
            w->path, name);
    if (is_of_proc(link))
        return stand_at(w, openat(w->at, name, O_PATH | O_DIRECTORY | O_CLOEXEC));
    const ssize_t n = readlinkat(link, "", target, sizeof target);
    if (n < 0 || n == sizeof target)
        return fail(w, n < 0 ? errno : ENAMETOOLONG);
    return walk(w, target, (size_t)n);
}

static bool enter(struct walk *w, const char *name)
{
    const int directory = openat(w->at, name, PART_FLAGS | O_DIRECTORY);
    if (directory >= 0 || (errno != ENOTDIR && errno != ELOOP))
        return stand_at(w, directory);
    const int link = openat(w->at, name, PART_FLAGS);
    if (link < 0)
        return fail(w, errno);
    const bool good = follow(w, link, name);
    close(link);
    return good;
}

/* Part by part; the depth is that of links in links. */
static bool walk(struct walk *w, const char *path, size_t length)
{
    const char *end = path + length;
    char name[NAME_MAX + 1];
    if (length > 0 && *path == '/' && !stand_at(w, open("/", PART_FLAGS)))
        return false;
    while (path < end) {
        const char *slash = memchr(path, '/', (size_t)(end - path));
        const size_t n = (size_t)((slash ? slash : end) - path);
        if (n > NAME_MAX)
            return fail(w, ENAMETOOLONG);
        memcpy(name, path, n);
        name[n] = '\0';
        if (n > 0 && !enter(w, name))
            return false;
        path += slash ? n + 1 : n;
    }
    return true;
}

/* The directory stays the same one from here on, whatever its name leads to later. */
int file_directory(const char *path, const char **leaf, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct walk w = {.path = path, .err = err, .at = open(*path == '/' ? "/" : ".", PART_FLAGS)};
    *leaf = slash ? slash + 1 : path;
    if (w.at < 0)
        fail(&w, errno);
    else if (walk(&w, path, (size_t)(*leaf - path)))
        return w.at;
    if (w.at >= 0)
        close(w.at);
    return -1;
}

/* ---- the file ---- */

static enum file_name refuse(struct err *err, const char *path, const char *why)
{
    err_set(err, "%s: %s", path, why);
    return FILE_REFUSED;
}

static enum file_name look(int directory, const char *path, const char *leaf, struct err *err)
{
    struct stat there;
    if (!*leaf)
        return refuse(err, path, "is a directory: name a file in it");
    if (fstatat(directory, leaf, &there, AT_SYMLINK_NOFOLLOW) != 0)
        return FILE_FREE; /* or a name that cannot be: making it tells */
    if (S_ISDIR(there.st_mode))
        return refuse(err, path, "is a directory: name a file in it");
    if (!S_ISREG(there.st_mode))
        return refuse(err, path, "is no regular file: name a new one");
    if (there.st_uid != geteuid())
        return refuse(err, path, "is another user's: name a new one");
    return FILE_TAKEN;
}

enum file_name file_look(const char *path, struct err *err)
{
    const char *leaf;
    const int directory = file_directory(path, &leaf, err);
    if (directory < 0)
        return FILE_REFUSED;
    const enum file_name there = look(directory, path, leaf, err);
    close(directory);
    return there;
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
    const enum file_name there = look(directory, path, leaf, err);
    if (there == FILE_TAKEN && !force)
        err_set(err, "%s exists: --force writes over it", path);
    if (there == FILE_REFUSED || (there == FILE_TAKEN && !force))
        return -1;
    const int fd =
        there == FILE_TAKEN ? replace(directory, leaf, first, n) : create(directory, leaf, first, n);
    if (fd < 0)
        err_set(err, "%s: %s", path, strerror(errno));
    return fd;
}

int file_create(const char *path, bool force, const void *first, size_t n, struct err *err)
{
    const char *leaf;
    const int directory = file_directory(path, &leaf, err);
    if (directory < 0)
        return -1;
    const int fd = make_in(directory, path, leaf, force, first, n, err);
    close(directory);
    return fd;
}
