/* cgroups(7): version 1 with a cpu hierarchy, or version 2 with threaded groups, since threads of one process
 * may be in several. */
#include "taskgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX   "schedviz."
#define MAX_OPEN 16 /* directories, while a tree is walked */

struct hierarchy {
    char path[PATH_MAX]; /* of the group that we are in */
    bool is_v2;
};

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* Our group in the hierarchy, from /proc/self/cgroup: "4:cpu,cpuacct:/path", or "0::/path" of version 2. */
static bool find_group(bool v2, char group[PATH_MAX])
{
    char line[PATH_MAX + 256];
    bool found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");

    while (file && !found && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        found = v2 ? controllers[1] == '\0' : has_word(controllers + 1, "cpu");
        if (found)
            snprintf(group, PATH_MAX, "%s", path);
    }
    if (file)
        fclose(file);
    return found;
}

static bool find_mount(bool v2, char mount[PATH_MAX])
{
    FILE *file = setmntent("/proc/self/mounts", "re");
    const struct mntent *entry;
    bool found = false;

    while (file && !found && (entry = getmntent(file))) {
        found = v2 ? strcmp(entry->mnt_type, "cgroup2") == 0
                   : strcmp(entry->mnt_type, "cgroup") == 0 && hasmntopt(entry, "cpu");
        if (found)
            snprintf(mount, PATH_MAX, "%s", entry->mnt_dir);
    }
    if (file)
        endmntent(file);
    return found;
}

static bool find_hierarchy(struct hierarchy *hierarchy, struct err *err)
{
    char mount[PATH_MAX], group[PATH_MAX];

    for (int v2 = 0; v2 <= 1; v2++) {
        if (!find_group(v2, group) || !find_mount(v2, mount))
            continue;
        hierarchy->is_v2 = v2;
        size_t length = strlen(mount) + strlen(group);
        if (length >= sizeof hierarchy->path)
            return err_set(err, "the path of our control group is too long");
        strcpy(hierarchy->path, mount);
        if (strcmp(group, "/") != 0)
            strcat(hierarchy->path, group);
        return true;
    }
    return err_set(err, "no control groups with a cpu controller here");
}

static bool write_word(const char *directory, const char *name, const char *word)
{
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool written = write(fd, word, strlen(word)) >= 0;
    int error = errno;
    close(fd);
    errno = error;
    return written;
}

/* The parent becomes a threaded domain by its first threaded child; only then it may hand the controller
 * down while it has processes itself. */
static bool make_group(const char *parent, const char *path, bool is_v2)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return false;
    return !is_v2 || (write_word(path, "cgroup.type", "threaded") &&
                      write_word(parent, "cgroup.subtree_control", "+cpu"));
}

/* The path of ours grows by one name. */
static bool append(char path[PATH_MAX], const char *name, size_t length)
{
    size_t at = strlen(path);

    if (at + 1 + length >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    path[at++] = '/';
    memcpy(path + at, name, length);
    path[at + length] = '\0';
    return true;
}

static bool enter(const struct hierarchy *hierarchy, const char *name)
{
    char path[PATH_MAX], parent[PATH_MAX], own[32];

    snprintf(own, sizeof own, PREFIX "%d", (int)getpgrp());
    strcpy(path, hierarchy->path);
    strcpy(parent, path);
    if (!append(path, own, strlen(own)) || !make_group(parent, path, hierarchy->is_v2))
        return false;
    for (const char *at = name; *at;) {
        size_t length = strcspn(at, "/");
        if (length > 0) {
            strcpy(parent, path);
            if (!append(path, at, length) || !make_group(parent, path, hierarchy->is_v2))
                return false;
        }
        at += length + (at[length] == '/');
    }
    return write_word(path, hierarchy->is_v2 ? "cgroup.threads" : "tasks", "0"); /* 0: who writes */
}

static bool is_safe(const char *name)
{
    for (const char *at = name; *at; at += strcspn(at, "/")) {
        at += *at == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
            return false;
    }
    return true;
}

bool taskgroup_enter(const char *name, struct err *err)
{
    struct hierarchy hierarchy = {.is_v2 = false};

    if (!is_safe(name))
        return err_set(err, "a group cannot be named ..");
    if (!find_hierarchy(&hierarchy, err))
        return false;
    if (enter(&hierarchy, name))
        return true;
    return err_set(err, "no group can be made below %.80s (%s); %s", hierarchy.path, strerror(errno),
                   hierarchy.is_v2 ? "with systemd: systemd-run --user --scope -p Delegate=yes schedviz ..."
                                   : "it must be writable");
}

/* What a group's directory holds besides groups is the kernel's and goes with it. */
static int remove_group(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)place;
    if (kind == FTW_DP)
        rmdir(path);
    return 0;
}

static bool is_left_over(const char *name)
{
    char *end;

    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return false;
    long group = strtol(name + strlen(PREFIX), &end, 10);
    bool is_gone = group > 1 && kill((pid_t)-group, 0) != 0 && errno == ESRCH;
    return *end == '\0' && (group == getpgrp() || is_gone);
}

void taskgroup_clean(void)
{
    struct hierarchy hierarchy = {.is_v2 = false};
    const struct dirent *entry;
    DIR *directory = NULL;

    if (find_hierarchy(&hierarchy, NULL))
        directory = opendir(hierarchy.path);
    while (directory && (entry = readdir(directory))) {
        char path[PATH_MAX];
        strcpy(path, hierarchy.path);
        if (is_left_over(entry->d_name) && append(path, entry->d_name, strlen(entry->d_name)))
            nftw(path, remove_group, MAX_OPEN, FTW_DEPTH | FTW_PHYS);
    }
    if (directory)
        closedir(directory);
}

/* ---- when nobody else is left to do it ---- */

#define CLEANER_NAME "schedviz-clean"
#define GONE_TRIES   100
#define GONE_WAIT_MS 20

/* Its end of the pipe ends with the last process that has the other one. */
static _Noreturn void clean_behind(pid_t group, int pipe)
{
    char nothing;

    setpgid(0, 0);
    prctl(PR_SET_NAME, CLEANER_NAME);
    while (read(pipe, &nothing, 1) < 0 && errno == EINTR) {
    }
    for (int i = 0; i < GONE_TRIES && (kill(-group, 0) == 0 || errno != ESRCH); i++)
        poll(NULL, 0, GONE_WAIT_MS);
    taskgroup_clean();
    _exit(EXIT_SUCCESS);
}

void taskgroup_watch(void)
{
    const pid_t group = getpgrp();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    const pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        clean_behind(group, ends[0]);
    }
    close(ends[0]);
    if (pid < 0)
        close(ends[1]);
}
