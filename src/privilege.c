/* Capabilities: what was gained is given up, and not used to look where the user may not. */
#include "privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel sets AT_SECURE where execve(2) gave more than the caller had, by the file's capabilities or
 * owner (getauxval(3)). Root has all capabilities as it is. */
static bool is_gained(void)
{
    return getauxval(AT_SECURE) != 0 && getuid() != 0;
}

/* Back to who called. It is done with the old capabilities, so before they go; PR_SET_KEEPCAPS has the
 * permitted ones outlive a change from root (capabilities(7)). */
static bool be_the_caller(void)
{
    const uid_t uid = getuid();
    const gid_t gid = getgid();
    return prctl(PR_SET_KEEPCAPS, 1) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0 &&
           prctl(PR_SET_KEEPCAPS, 0) == 0;
}

static bool keep_only_perfmon(void)
{
    const bool has_it = capng_get_caps_process() == 0 && capng_have_capability(CAPNG_PERMITTED, CAP_PERFMON);
    capng_clear(CAPNG_SELECT_CAPS);
    if (has_it)
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_PERFMON);
    return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

static bool keep_none(void)
{
    capng_clear(CAPNG_SELECT_CAPS);
    return capng_apply(CAPNG_SELECT_CAPS) == 0 &&
           (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 || errno == EINVAL);
}

bool privilege_begin(struct err *err)
{
    if (getauxval(AT_SECURE) == 0)
        return true;
    if (!be_the_caller() || (is_gained() && !keep_only_perfmon()))
        return err_set(err,
                       "what the program's file adds to its user's privileges cannot be given up: %s; "
                       "remove it with setcap -r, or chmod ug-s",
                       strerror(errno));
    /* Such a process and its children may not be looked at, not even by ourselves. They may again: who has
     * less than CAP_PERFMON is kept from tracing us by that (ptrace(2)). */
    prctl(PR_SET_DUMPABLE, 1);
    return true;
}

bool privilege_none(struct err *err)
{
    if (!is_gained() || keep_none())
        return true;
    return err_set(err, "CAP_PERFMON cannot be kept from the command: %s; remove it with setcap -r",
                   strerror(errno));
}

/* ---- other processes ---- */

static bool use_perfmon(bool use)
{
    if (capng_get_caps_process() != 0 || !capng_have_capability(CAPNG_PERMITTED, CAP_PERFMON))
        return true;
    capng_update(use ? CAPNG_ADD : CAPNG_DROP, CAPNG_EFFECTIVE, CAP_PERFMON);
    return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

/* A link that tells of its namespace those who pass this very check (proc(5)). 0 or errno. */
static int try_to_look(int pid)
{
    char path[32], text[64];
    snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);
    return readlink(path, text, sizeof text) < 0 ? errno : 0;
}

static bool is_another_users(int pid)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d", pid);
    return stat(path, &st) == 0 && st.st_uid != geteuid();
}

bool privilege_may_watch(int pid, struct err *err)
{
    const bool lowered = is_gained();
    if (lowered && !use_perfmon(false))
        return err_set(err, "CAP_PERFMON cannot be laid down for a moment: %s", strerror(errno));
    const int error = try_to_look(pid);
    const bool another_users = error && is_another_users(pid);
    if (lowered && !use_perfmon(true))
        return err_set(err, "CAP_PERFMON cannot be taken up again: %s", strerror(errno));
    if (!error)
        return true;
    if (error == ENOENT || error == ESRCH)
        return err_set(err, "there is no process %d here, or the kernel hides it", pid);
    if (another_users)
        return err_set(err,
                       "process %d is another user's, or has more privileges than you: run schedviz as that "
                       "user or as root",
                       pid);
    return err_set(err,
                   "the kernel does not let process %d be looked at: %s; run schedviz as root, outside of a "
                   "container",
                   pid, strerror(error));
}
