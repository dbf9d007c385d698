/* pthread_create(3), fork(2), makecontext(3): each with all that it needs, from nothing to nothing. */
#include "create.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_BYTES (64 * 1024)

static void *thread_main(void *arg)
{
    return arg;
}

static int create_thread(void)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, thread_main, NULL);

    return error ? error : pthread_join(thread, NULL);
}

static int create_process(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(EXIT_SUCCESS);
    if (pid < 0)
        return errno;
    while (waitpid(pid, NULL, 0) < 0) {
        if (errno != EINTR)
            return errno == ECHILD ? 0 : errno; /* ECHILD: it ended, and somebody else reaped it */
    }
    return 0;
}

static void green_main(void)
{
}

static int create_green(void)
{
    ucontext_t own, green;
    void *stack = malloc(STACK_BYTES);

    if (!stack)
        return ENOMEM;
    getcontext(&green);
    green.uc_stack.ss_sp = stack;
    green.uc_stack.ss_size = STACK_BYTES;
    green.uc_link = &own;
    makecontext(&green, green_main, 0);
    swapcontext(&own, &green);
    free(stack);
    return 0;
}

bool create_task(enum task_kind kind, struct err *err)
{
    int error = kind == TASK_THREAD    ? create_thread()
                : kind == TASK_PROCESS ? create_process()
                                       : create_green();

    return error == 0 || err_set(err, "%s", strerror(error));
}
