/* Other people's tasks get their names, and the processes that they are threads of. */
#include "others.h"

#include "../clock.h"
#include "state.h"

#include <stdio.h>
#include <string.h>

static FILE *open_of(int tid, const char *leaf)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", tid, leaf);
    return fopen(path, "re");
}

static void tell_name(struct session *s, int tid)
{
    struct event event = {.time_ns = clock_now_ns(), .tid = tid, .cpu = -1, .kind = EVENT_NAME};
    FILE *file = open_of(tid, "comm");
    if (!file)
        return; /* it was quick: its number is its name */
    if (fgets(event.u.name, sizeof event.u.name, file)) {
        event.u.name[strcspn(event.u.name, "\n")] = '\0';
        notes_add(&s->notes, event);
    }
    fclose(file);
}

/* proc_pid_status(5): Tgid. 0: it is gone. */
static int process_of(int tid)
{
    char line[256];
    int pid = 0;
    FILE *file = open_of(tid, "status");
    while (file && !pid && fgets(line, sizeof line, file))
        if (sscanf(line, "Tgid: %d", &pid) != 1)
            pid = 0;
    if (file)
        fclose(file);
    return pid;
}

/* Those that were there before us have told nobody. As of when the timeline knew it to live: what is told of
 * one after its end would be somebody new. */
static void tell_process(struct session *s, int tid)
{
    struct event event = {.time_ns = timeline_now_ns(s->timeline), .tid = tid, .cpu = -1, .kind = EVENT_NEW};
    const int pid = process_of(tid);
    if (!pid)
        return;
    event.u.task.pid = pid;
    event.u.task.slot = -1;
    event.u.task.kind = pid == tid ? TASK_PROCESS : TASK_THREAD;
    notes_add(&s->notes, event);
}

void others_name(struct session *s)
{
    for (; s->n_named < timeline_n_tasks(s->timeline); s->n_named++) {
        struct task task;
        timeline_task(s->timeline, s->n_named, &task);
        if (task.role == ROLE_OTHER && !task.name[0])
            tell_name(s, task.tid);
        if (task.role == ROLE_OTHER && task.kind == TASK_THREAD && task.pid == task.tid && !task.exited &&
            task.state != STATE_GONE)
            tell_process(s, task.tid);
    }
}
