/* Tasks that use objects, without an engine. */
#include "sync_fixture.h"
#include "../../src/clock.h"
#include "../../src/err.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

/* An action for each barrier and channel, which says who uses them and how. */
static void use_all(struct program *program)
{
    struct template *template = mem_new(1, sizeof *template);
    struct phase *phase = mem_new(1, sizeof *phase);

    phase->actions = mem_new(program->n_objects + 1, sizeof *phase->actions);
    for (uint32_t i = 0; i < program->n_objects; i++) {
        bool is_barrier = program->objects[i].kind == OBJECT_BARRIER;
        if (is_barrier || program->objects[i].kind == OBJECT_CHANNEL)
            phase->actions[phase->n_actions++] = (struct action){
                .kind = is_barrier ? ACTION_BARRIER : ACTION_SEND, .object = i, .how = HOW_PIPE};
    }
    template->name = "worker";
    template->phases = phase;
    template->n_phases = 1;
    program->templates = template;
    program->n_templates = 1;
}

void stage_open(struct stage *stage, const struct object *objects, uint32_t n_objects, bool processes)
{
    struct err err;

    memset(stage, 0, sizeof *stage);
    stage->processes = processes;
    stage->program.objects = mem_new(n_objects, sizeof *objects);
    stage->program.n_objects = n_objects;
    memcpy(stage->program.objects, objects, n_objects * sizeof *objects);
    for (uint32_t i = 0; i < n_objects; i++) {
        if (!stage->program.objects[i].name)
            stage->program.objects[i].name = "object";
    }
    use_all(&stage->program);
    stage->shared = share(sizeof *stage->shared);
    stage->objects = share(objects_size(&stage->program));
    if (!objects_open(stage->objects, &stage->program, &err))
        fail_msg("%s", err.msg);
    objects_init(stage->objects, &stage->program, 0);
    wait_handle_signals();
}

void stage_close(struct stage *stage)
{
    objects_close(stage->objects, &stage->program);
    munmap(stage->objects, objects_size(&stage->program));
    munmap(stage->shared, sizeof *stage->shared);
    free(stage->program.templates->phases->actions);
    free(stage->program.templates->phases);
    free(stage->program.templates);
    free(stage->program.objects);
}

static void run_member(struct member *member)
{
    struct stage_words *shared = member->stage->shared;
    unsigned n = member->number;

    member->waiter = (struct waiter){
        .notes = {.ring = &shared->rings[n], .tid = gettid()}, .seat = n, .stop = &shared->stop[n]};
    member->actor = (struct actor){.objects = member->stage->objects, .waiter = &member->waiter};
    atomic_store(&shared->tids[n], gettid());
    if (sigsetjmp(member->waiter.base, 1) == 0) {
        member->body(member);
    } else {
        wait_recover(&member->waiter);
        atomic_store(&shared->left[n], true);
    }
    atomic_store(&shared->ended[n], true);
}

static void *thread_main(void *arg)
{
    run_member(arg);
    return NULL;
}

struct member *stage_start(struct stage *stage, void (*body)(struct member *))
{
    struct member *member = &stage->members[stage->n_tasks];
    pid_t parent = getpid();

    assert_true(stage->n_tasks < STAGE_MAX_TASKS);
    *member = (struct member){.stage = stage, .number = stage->n_tasks++, .body = body};
    objects_join(stage->objects, 0, member->number);
    if (!stage->processes) {
        assert_int_equal(pthread_create(&member->thread, NULL, thread_main, member), 0);
        return member;
    }
    member->pid = fork();
    assert_true(member->pid >= 0);
    if (member->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            run_member(member);
        _exit(EXIT_SUCCESS);
    }
    return member;
}

static bool is_gone(struct stage *stage, struct member *member)
{
    if (!member->body)
        return true;
    bool gone = member->pid ? waitpid(member->pid, NULL, WNOHANG) == member->pid
                            : pthread_tryjoin_np(member->thread, NULL) == 0;
    if (gone) {
        member->body = NULL;
        objects_leave(stage->objects, 0, member->number);
    }
    return gone;
}

static bool wait_for_all(struct stage *stage, uint64_t end_ns)
{
    for (;;) {
        unsigned n_left = 0;
        for (unsigned i = 0; i < stage->n_tasks; i++)
            n_left += !is_gone(stage, &stage->members[i]);
        if (n_left == 0)
            return true;
        if (clock_now_ns() > end_ns)
            return false;
        usleep(500);
    }
}

bool stage_join(struct stage *stage)
{
    bool in_time = wait_for_all(stage, clock_now_ns() + STAGE_PATIENCE_S * NS_PER_S);

    while (!in_time && !wait_for_all(stage, clock_now_ns() + 20 * NS_PER_MS)) {
        for (unsigned i = 0; i < stage->n_tasks; i++)
            stage_stop(stage, i);
    }
    return in_time;
}

static int tid_of(struct stage *stage, unsigned number)
{
    int tid;

    while ((tid = atomic_load(&stage->shared->tids[number])) == 0)
        usleep(100);
    return tid;
}

void stage_stop(struct stage *stage, unsigned number)
{
    const struct member *member = &stage->members[number];

    atomic_store(&stage->shared->stop[number], true);
    if (member->body)
        syscall(SYS_tgkill, member->pid ? member->pid : getpid(), tid_of(stage, number), PLAY_SIGNAL);
}

void stage_kill(struct stage *stage, unsigned number)
{
    struct member *member = &stage->members[number];

    assert_true(member->pid > 0);
    kill(member->pid, SIGKILL);
    assert_int_equal(waitpid(member->pid, NULL, 0), member->pid);
    member->body = NULL;
    objects_leave(stage->objects, 0, number);
}

static char state_of(int tid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", tid);
    FILE *file = fopen(path, "re");

    if (file) {
        size_t n = fread(line, 1, sizeof line - 1, file);
        line[n] = '\0';
        fclose(file);
    }
    const char *end = strrchr(line, ')');
    return end && end[1] ? end[2] : '?';
}

void stage_wait_asleep(struct stage *stage, unsigned number)
{
    int tid = tid_of(stage, number);

    while (state_of(tid) != 'S')
        usleep(100);
}

struct object_state stage_object(const struct stage *stage, uint32_t object)
{
    struct object_state state;

    objects_read(stage->objects, object, &state);
    return state;
}

void stage_wait_waiting(struct stage *stage, uint32_t object, unsigned n)
{
    while (stage_object(stage, object).n_waiting != n)
        usleep(100);
}

unsigned stage_count_notes(struct stage *stage, unsigned number, int note, int32_t object, struct event *last)
{
    const struct ring *ring = &stage->shared->rings[number];
    uint32_t head = atomic_load(&ring->head);
    unsigned n = 0;

    for (uint32_t i = 0; i < head && i < RING_EVENTS; i++) {
        const struct event *event = &ring->events[i];
        bool is_it = event->kind == EVENT_NOTE && event->detail == note &&
                     (object < 0 || event->u.sync.object == object);
        if (is_it && last)
            *last = *event;
        n += is_it;
    }
    return n;
}
