/* What file capabilities and set-uid give is given up: this program, copied and executed as an ordinary
 * user's. */
#include "../../src/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ORDINARY 65534

enum { OK, WRONG, NOT_GAINED = 77 };

/* ---- as it is executed with privileges ---- */

static bool has(capng_type_t set, unsigned capability)
{
    return capng_have_capability(set, capability);
}

static bool holds_only(bool perfmon)
{
    if (capng_get_caps_process() != 0)
        return false;
    for (unsigned i = 0; i <= CAP_LAST_CAP; i++) {
        const bool wanted = perfmon && i == CAP_PERFMON;
        if (has(CAPNG_PERMITTED, i) != wanted || has(CAPNG_EFFECTIVE, i) != wanted ||
            has(CAPNG_INHERITABLE, i))
            return false;
    }
    return true;
}

static int wrong(const char *what)
{
    printf("# wrong: %s\n", what);
    fflush(stdout);
    return WRONG;
}

/* A child that is to be a command has nothing, and its parent keeps what it has. */
static bool hands_nothing_on(void)
{
    struct err err;
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(privilege_none(&err) && holds_only(false) ? 0 : 1);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool may_watch_own_child(void)
{
    struct err err = {0};
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        privilege_none(NULL);
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(pid, &status, WUNTRACED);
    bool may = privilege_may_watch(pid, &err);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return may;
}

/* argv: SELF begin HAS-PERFMON SOMEBODY'S-PID */
static int begin(bool perfmon, int pid)
{
    struct err err = {0};
    if (getauxval(AT_SECURE) == 0)
        return NOT_GAINED;
    if (!privilege_begin(&err))
        return wrong(err.msg);
    if (getuid() != ORDINARY || geteuid() != ORDINARY || getgid() != ORDINARY || getegid() != ORDINARY)
        return wrong("user or group");
    if (!holds_only(perfmon))
        return wrong("capabilities after the start");
    if (!hands_nothing_on())
        return wrong("capabilities of a command");
    if (privilege_may_watch(pid, &err))
        return wrong("another user's process may be watched");
    printf("# %s\n", err.msg);
    fflush(stdout);
    if (!may_watch_own_child())
        return wrong("an own process may not be watched");
    if (!holds_only(perfmon))
        return wrong("capabilities after a look");
    return OK;
}

/* ---- executing it ---- */

static char directory[32], copy[64];

static bool copy_self(void)
{
    char buf[65536];
    ssize_t n;
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    bool fine = from >= 0 && to >= 0 && fchmod(to, 0755) == 0;
    while (fine && (n = read(from, buf, sizeof buf)) > 0)
        fine = write(to, buf, (size_t)n) == n;
    close(from);
    close(to);
    return fine;
}

static bool give_capabilities(void)
{
    int fd = open(copy, O_RDONLY | O_CLOEXEC);
    capng_clear(CAPNG_SELECT_ALL);
    capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_PERFMON, CAP_DAC_READ_SEARCH,
                  CAP_SYS_PTRACE, CAP_SYS_NICE, -1);
    bool fine = fd >= 0 && capng_apply_caps_fd(fd) == 0;
    close(fd);
    return fine;
}

static int run_as_ordinary(bool perfmon)
{
    char pid_text[16];
    int status = 0;
    snprintf(pid_text, sizeof pid_text, "%d", getpid());
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(ORDINARY) != 0 || setuid(ORDINARY) != 0)
            _exit(2);
        execl(copy, copy, "begin", perfmon ? "1" : "0", pid_text, (char *)NULL);
        _exit(3);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
}

static int set_up(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return 0;
    snprintf(directory, sizeof directory, "/tmp/schedviz-test-XXXXXX");
    if (!mkdtemp(directory) || chmod(directory, 0755) != 0)
        return 1;
    snprintf(copy, sizeof copy, "%s/program", directory);
    return copy_self() ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        unlink(copy);
        rmdir(directory);
    }
    return 0;
}

static void skip_because(const char *reason)
{
    print_message("# %s\n", reason);
    skip();
}

static void check(int verdict)
{
    if (verdict == NOT_GAINED)
        skip_because("this file system, or this container, lets no program gain privileges");
    assert_int_equal(verdict, OK);
}

static void test_file_capabilities(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip_because("only root can give capabilities to a file");
    if (!give_capabilities())
        skip_because("capabilities cannot be given to a file here");
    check(run_as_ordinary(true));
}

static void test_set_uid(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip_because("only root can make a set-uid program that is root's");
    assert_true(chown(copy, 0, 0) == 0 && chmod(copy, 06755) == 0);
    check(run_as_ordinary(true));
}

static void test_set_gid(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip_because("only root can make a set-gid program of another group");
    assert_true(chown(copy, 0, 0) == 0 && chmod(copy, 02755) == 0);
    check(run_as_ordinary(false));
}

/* ---- as it is ---- */

/* Nothing was gained: all stays. */
static void test_nothing_gained(void **state)
{
    (void)state;
    struct err err;
    capng_get_caps_process();
    const bool had = has(CAPNG_EFFECTIVE, CAP_SYS_NICE);
    assert_true(privilege_begin(&err));
    assert_true(privilege_none(&err));
    capng_get_caps_process();
    assert_int_equal(has(CAPNG_EFFECTIVE, CAP_SYS_NICE), had);
}

static void test_may_watch(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(privilege_may_watch(getpid(), &err));
    assert_false(privilege_may_watch(INT32_MAX, &err));
    assert_non_null(strstr(err.msg, "there is no process 2147483647"));
    if (geteuid() == 0)
        skip_because("root may look at any process");
    assert_false(privilege_may_watch(1, &err));
    print_message("# %s\n", err.msg);
}

/* The refusal that an ordinary user sees, without any privilege in play. */
static void test_another_users(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip_because("only root can become somebody else");
    int status;
    pid_t owner = getpid(), pid = fork();
    if (pid == 0) {
        struct err err = {0};
        if (setgid(ORDINARY) != 0 || setuid(ORDINARY) != 0)
            _exit(2);
        bool may = privilege_may_watch(owner, &err);
        _exit(may || !strstr(err.msg, "another user's") || strchr(err.msg, '\n'));
    }
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_capabilities, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_set_uid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_set_gid, set_up, tear_down),
        cmocka_unit_test(test_nothing_gained),
        cmocka_unit_test(test_may_watch),
        cmocka_unit_test(test_another_users),
    };
    if (argc == 4 && strcmp(argv[1], "begin") == 0)
        return begin(argv[2][0] == '1', atoi(argv[3]));
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
