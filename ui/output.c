/* Where a report goes: a stream that is there already, or a file that takes its name when it is complete. */
#include "output.h"

#include "../src/record/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TRIES 100 /* temporary names that are all taken are no accident */

/* The descriptor that a name stands for, or -1. Opened by name, a file that standard output goes to would be
 * written from its beginning, and a socket could not be opened at all. */
static int descriptor_of(const char *name)
{
    static const char directory[] = "/dev/fd/";
    if (!name || strcmp(name, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(name, "/dev/stderr") == 0)
        return STDERR_FILENO;
    if (strncmp(name, directory, strlen(directory)) != 0)
        return -1;
    char *end;
    errno = 0;
    const char *digits = name + strlen(directory);
    unsigned long fd = strtoul(digits, &end, 10);
    bool number = *digits >= '0' && *digits <= '9' && !*end && !errno && fd <= INT_MAX;
    return number ? (int)fd : -1;
}

/* dir/leaf of the directory that path lies in, for the caller to free. */
static char *beside(const char *path, const char *leaf)
{
    const char *slash = strrchr(path, '/');
    int n = slash ? (int)(slash - path) + 1 : 0;
    char *made = NULL;
    if (asprintf(&made, "%.*s%s", n, path, leaf) < 0)
        err_no_memory();
    return made;
}

/* Where everybody may put links, one that leads to a device is not followed. */
static bool is_shared(int directory)
{
    struct stat at;
    return fstat(directory, &at) != 0 || at.st_mode & S_IWOTH;
}

static bool is_stream_in(int directory, const char *leaf)
{
    struct stat at;
    if (fstatat(directory, leaf, &at, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (S_ISLNK(at.st_mode) && (is_shared(directory) || fstatat(directory, leaf, &at, 0) != 0))
        return false;
    return S_ISCHR(at.st_mode) || S_ISFIFO(at.st_mode) || S_ISSOCK(at.st_mode);
}

bool output_is_stream(const char *name)
{
    const char *leaf;
    if (descriptor_of(name) >= 0)
        return true;
    const int directory = file_directory(name, &leaf, NULL);
    if (directory < 0)
        return false;
    const bool is_stream = is_stream_in(directory, leaf);
    close(directory);
    return is_stream;
}

bool output_exists(const char *name)
{
    struct stat at;
    return lstat(name, &at) == 0;
}

bool output_is_same(const char *name, const char *other)
{
    struct stat directories[2];
    bool known = true;
    for (int i = 0; i < 2; i++) {
        char *directory = beside(i ? other : name, ".");
        known = stat(directory, &directories[i]) == 0 && known;
        free(directory);
    }
    const char *slash = strrchr(name, '/'), *slash2 = strrchr(other, '/');
    const bool same_leaf = strcmp(slash ? slash + 1 : name, slash2 ? slash2 + 1 : other) == 0;
    return known && same_leaf && directories[0].st_dev == directories[1].st_dev &&
           directories[0].st_ino == directories[1].st_ino;
}

static int open_by_name(const char *name)
{
    const char *leaf;
    const int directory = file_directory(name, &leaf, NULL);
    const int fd = openat(directory, leaf, O_WRONLY | O_NOCTTY | O_CLOEXEC), error = errno;
    if (directory >= 0)
        close(directory);
    errno = error;
    return fd;
}

static bool open_stream(struct output *o, struct err *err)
{
    int inherited = descriptor_of(o->name);
    int fd = inherited >= 0 ? fcntl(inherited, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : open_by_name(o->name);
    o->stream = fd < 0 ? NULL : fdopen(fd, "w");
    if (o->stream)
        return true;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (!o->name)
        return err_set(err, "standard output: %s", strerror(error));
    return err_set(err, "%s: %s", o->name, strerror(error));
}

/* In a sticky directory nobody replaces what is another's: rename(2), EPERM. */
static bool may_replace(const struct stat *there, const struct stat *directory)
{
    uid_t uid = geteuid();
    return uid == 0 || !(directory->st_mode & S_ISVTX) || there->st_uid == uid || directory->st_uid == uid;
}

/* Whether a file can take the name; errno-like reasons come from the system's own words. */
static bool check_file(const struct output *o, const char *directory, struct err *err)
{
    struct stat there, around, target;
    if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) != 0 || stat(directory, &around) != 0)
        return err_set(err, "%s: its directory: %s", o->name, strerror(errno));
    if (lstat(o->path, &there) != 0)
        return errno == ENOENT || err_set(err, "%s: %s", o->name, strerror(errno));
    if (S_ISDIR(there.st_mode) || (stat(o->path, &target) == 0 && S_ISDIR(target.st_mode)))
        return err_set(err, "%s: is a directory: name a file in it", o->name);
    if (!S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode))
        return err_set(err, "%s: is a device: name a file", o->name);
    if (!o->force)
        return err_set(err, "%s: exists; --force writes over it", o->name);
    if (!may_replace(&there, &around))
        return err_set(err, "%s: is another user's, in a directory where only they may replace it", o->name);
    return true;
}

/* What proc(5) says of the descriptor, /proc/PID/fd; false and errno. */
static bool path_of(int directory, char path[PATH_MAX])
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    const ssize_t n = readlink(link, path, PATH_MAX);
    if (n == PATH_MAX)
        errno = ENAMETOOLONG;
    if (n < 0 || n == PATH_MAX)
        return false;
    path[n] = '\0';
    return true;
}

static bool choose_file(struct output *o, struct err *err)
{
    const char *leaf;
    char path[PATH_MAX];
    const int directory = file_directory(o->name, &leaf, err);
    if (directory < 0)
        return false;
    const bool known =
        path_of(directory, path) || err_set(err, "%s: its directory: %s", o->name, strerror(errno));
    close(directory);
    if (!known || !*leaf)
        return known && err_set(err, "%s: is a directory: name a file in it", o->name);
    if (asprintf(&o->path, "%s/%s", path, leaf) < 0)
        err_no_memory();
    return check_file(o, path, err);
}

bool output_choose(struct output *o, const char *name, bool force, struct err *err)
{
    *o = (struct output){.name = name, .force = force};
    bool ok = output_is_stream(name) ? open_stream(o, err) : choose_file(o, err);
    if (!ok)
        output_fini(o);
    return ok;
}

/* A new file beside path, with the rights that the user's umask(2) leaves; -1 and errno. */
static int create_beside(const char *path, char **temporary)
{
    int fd = -1;
    for (int i = 0; i < MAX_TRIES && fd < 0 && (i == 0 || errno == EEXIST); i++) {
        uint32_t number;
        char leaf[40];
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
            return -1;
        snprintf(leaf, sizeof leaf, ".schedviz-%08x.tmp", number);
        free(*temporary);
        *temporary = beside(path, leaf);
        fd = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return fd;
}

bool output_begin(struct output *o, struct err *err)
{
    if (!o->path)
        return true;
    signal(SIGXFSZ,
           SIG_IGN); /* a limit of file sizes is an error of write(2) then, and no end without a word */
    int fd = create_beside(o->path, &o->temporary);
    if (fd >= 0 && (o->stream = fdopen(fd, "w")))
        return true;
    int error = errno;
    if (fd >= 0) {
        close(fd);
        unlink(o->temporary);
    }
    free(o->temporary);
    o->temporary = NULL;
    return err_set(err, "%s", strerror(error));
}

/* Without force nothing that came to be meanwhile is replaced, where the file system can tell (rename(2),
 * EINVAL). */
static bool take_name(const struct output *o)
{
    if (o->force)
        return rename(o->temporary, o->path) == 0;
    if (renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path, RENAME_NOREPLACE) == 0)
        return true;
    struct stat there;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (lstat(o->path, &there) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(o->temporary, o->path) == 0;
}

bool output_finish(struct output *o, struct err *err)
{
    if (fflush(o->stream) != 0 || (o->temporary && fsync(fileno(o->stream)) != 0))
        return err_set(err, "%s", strerror(errno));
    FILE *stream = o->stream;
    o->stream = NULL;
    if (fclose(stream) != 0)
        return err_set(err, "%s", strerror(errno));
    if (!o->temporary)
        return true;
    bool taken = take_name(o) || err_set(err, "%s; it is in %s", strerror(errno), o->temporary);
    free(o->temporary);
    o->temporary = NULL;
    return taken;
}

void output_fini(struct output *o)
{
    if (o->stream)
        fclose(o->stream);
    if (o->temporary)
        unlink(o->temporary);
    free(o->temporary);
    free(o->path);
    *o = (struct output){0};
}
