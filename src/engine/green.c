/* A small cooperative scheduler on makecontext(3). */
#include "green.h"
#include "../clock.h"
#include "../err.h"
#include "gate.h"
#include "words.h"
#include "worker.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)256 * 1024) /* of address space; memory as far as it is used */
#define TURN_NS     (10 * NS_PER_MS)     /* of work, after which a task that only computes yields */

/* The tasks may switch more often than anybody can see. Beyond this many at once and one for each spacing,
 * switches are left out. */
#define TOLD_AT_ONCE    64
#define TOLD_SPACING_NS (NS_PER_S / 2000)

/* How long the carrier sleeps at most where the kernel cannot wake it for a change of each word. */
#define LOOK_EVERY_NS NS_PER_MS

struct green {
    struct scheduler *scheduler;
    struct worker worker;
    struct player player;
    struct green_wait hooks;
    ucontext_t context;
    void *stack;
    struct green *next; /* in the list that it is in */
    bool is_over;

    /* What it waits for, when it is in the list of those who wait. */
    bool is_waiting, is_at_gate;
    uint32_t ticket;
    const _Atomic uint32_t *word;
    uint32_t value;
    uint64_t until_ns;
};

struct list {
    struct green *first, **end;
};

struct scheduler {
    struct carry *carry;
    struct shared *shared;
    struct carrier *carrier; /* what others see of this thread */
    struct watch watch, *watching;
    ucontext_t context;           /* of the thread itself: it takes orders, sleeps, and buries */
    struct green *current, *left; /* whose turn it is; NULL: the thread's own, who gave it the turn */
    struct list ready, waiting;
    struct green *spare; /* ended ones, whose stacks the next ones get */
    unsigned n;          /* tasks that there are */
    int place_error;     /* errno: the thread could not be put on its CPUs */
    uint32_t bell;       /* of the gate, as it was when the orders were looked through */

    /* What was told of the turns. */
    struct green *last; /* whose turn was the last one, told or not; NULL: nobody's */
    struct green *told; /* whose turn it is as far as was told; NULL: nobody's */
    uint64_t n_untold;  /* turns since the last one that was told */
    uint64_t spent_ns;  /* each switch that is told spends a spacing */
};

static _Thread_local struct scheduler *here; /* in a carrier */

/* ---- lists ---- */

static void list_init(struct list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

static void append(struct list *list, struct green *green)
{
    green->next = NULL;
    *list->end = green;
    list->end = &green->next;
}

static struct green *take_first(struct list *list)
{
    struct green *green = list->first;

    if (!green)
        return NULL;
    list->first = green->next;
    if (!list->first)
        list->end = &list->first;
    return green;
}

/* ---- telling ---- */

static void tell(const struct green *green, uint64_t time_ns, enum event_kind kind, unsigned detail)
{
    ring_push(green->player.ring, &(struct event){.time_ns = time_ns,
                                                  .tid = green->player.tid,
                                                  .cpu = -1,
                                                  .kind = (uint8_t)kind,
                                                  .detail = (uint8_t)detail});
}

static void tell_untold(struct scheduler *s, const struct green *green, uint64_t now_ns)
{
    struct event event = {
        .time_ns = now_ns, .tid = green->player.tid, .cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_UNTOLD};

    event.u.lost.n = s->n_untold;
    if (s->n_untold)
        ring_push(green->player.ring, &event);
    s->n_untold = 0;
}

static bool may_tell(struct scheduler *s, uint64_t now_ns)
{
    uint64_t least_ns = now_ns - TOLD_AT_ONCE * TOLD_SPACING_NS;

    if (s->spent_ns < least_ns)
        s->spent_ns = least_ns;
    if (s->spent_ns + TOLD_SPACING_NS > now_ns)
        return false;
    s->spent_ns += TOLD_SPACING_NS;
    return true;
}

static void tell_out(struct scheduler *s, uint64_t now_ns)
{
    if (s->told)
        tell(s->told, now_ns, EVENT_SWITCH_OUT, s->told->is_waiting ? OUT_BLOCKED : OUT_PREEMPTED);
    s->told = NULL;
}

/* The turn is next's; NULL: nobody's. */
static void tell_turn(struct scheduler *s, struct green *next)
{
    if (next == s->last)
        return;
    uint64_t now_ns = clock_now_ns();
    s->last = next;
    if (next == s->told || !may_tell(s, now_ns)) {
        s->n_untold++;
        return;
    }
    tell_out(s, now_ns);
    if (!next)
        return;
    tell_untold(s, next, now_ns);
    tell(next, now_ns, EVENT_SWITCH_IN, IN_SWITCHED);
    s->told = next;
}

/* ---- turns ---- */

static bool is_stopped(const struct green *green)
{
    return atomic_load(&green->player.slot->stop) || atomic_load(&green->player.shared->quit);
}

static bool is_over_waiting(const struct green *green, uint64_t now_ns)
{
    if (is_stopped(green))
        return true;
    if (green->is_at_gate)
        return atomic_load(&green->player.shared->released) != green->ticket;
    return (green->word && atomic_load(green->word) != green->value) ||
           (green->until_ns && now_ns >= green->until_ns);
}

/* Who need not wait any longer is ready, in the order in which they came. */
static void look_at_waiting(struct scheduler *s)
{
    uint64_t now_ns = s->waiting.first ? clock_now_ns() : 0;
    struct green *green = s->waiting.first, *next;

    list_init(&s->waiting);
    for (; green; green = next) {
        next = green->next;
        green->is_waiting = !is_over_waiting(green, now_ns);
        append(green->is_waiting ? &s->waiting : &s->ready, green);
    }
}

/* To the next task, or with NULL to the thread itself. Returns when it is the caller's turn again. */
static void switch_to(struct scheduler *s, struct green *next)
{
    struct green *green = s->current;

    if (next)
        tell_turn(s, next);
    if (next == green)
        return;
    s->current = next;
    s->left = green;
    swapcontext(green ? &green->context : &s->context, next ? &next->context : &s->context);
}

/* The task that calls is in one of the lists. Where there are orders the thread itself looks at them. */
static void give_turn(struct scheduler *s)
{
    look_at_waiting(s);
    switch_to(s, atomic_load(&s->shared->gate_bell) == s->bell ? take_first(&s->ready) : NULL);
}

static void hook_wait(void *context, const _Atomic uint32_t *word, uint32_t value, uint64_t until_ns)
{
    struct green *green = context;

    green->is_at_gate = false;
    green->word = word;
    green->value = value;
    green->until_ns = until_ns;
    if (is_over_waiting(green, until_ns ? clock_now_ns() : 0))
        return;
    green->is_waiting = true;
    append(&green->scheduler->waiting, green);
    give_turn(green->scheduler);
}

static void hook_yield(void *context)
{
    struct green *green = context;

    append(&green->scheduler->ready, green);
    give_turn(green->scheduler);
}

/* ---- one task ---- */

static void compute(struct green *green)
{
    struct slot *slot = green->player.slot;
    uint64_t turn = shared_units_of(TURN_NS, green->player.shared->unit_ps);

    for (;;) {
        uint64_t left = slot->order.n_units - atomic_load(&slot->units);
        worker_loop(slot, green->player.watch, turn < left ? turn : left);
        if (left <= turn || is_stopped(green))
            return;
        hook_yield(green);
    }
}

static void live(struct green *green)
{
    struct slot *slot = green->player.slot;

    if (is_stopped(green))
        return;
    worker_begin(&green->worker, slot);
    if (green->player.program) {
        atomic_store(&slot->finished, play(&green->player));
    } else {
        compute(green);
        atomic_store(&slot->finished, atomic_load(&slot->units) >= slot->order.n_units);
    }
}

/* A context of its own begins here, and never returns. */
static void green_main(void)
{
    struct green *green = here->current;

    live(green);
    green->is_over = true;
    switch_to(here, NULL);
}

static void bury(struct scheduler *s, struct green *green)
{
    struct slot *slot = green->player.slot;
    uint64_t now_ns = clock_now_ns();
    struct event work = worker_work(&green->player);
    struct event end = {.time_ns = now_ns, .tid = green->player.tid, .cpu = -1, .kind = EVENT_EXIT};

    atomic_store(&slot->ended_ns, now_ns);
    if (s->told == green)
        tell_out(s, now_ns);
    if (s->last == green)
        s->last = NULL;
    tell_untold(s, green, now_ns);
    work.time_ns = now_ns;
    ring_push(green->player.ring, &work);
    end.u.exit.known = 1;
    atomic_store(&slot->told_exit, ring_push(green->player.ring, &end));
    shared_finish(s->shared, green->worker.slot, STAGE_GONE, 0, 0);
    eventfd_write(s->carry->schedviz_bell, 1);
    green->next = s->spare;
    s->spare = green;
    s->n--;
}

/* With a page below that is not there, where a stack that is too small would end. */
static void *make_stack(void)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    char *stack = mmap(NULL, STACK_BYTES + guard, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (stack == MAP_FAILED)
        return NULL;
    mprotect(stack, guard, PROT_NONE);
    return stack;
}

static struct green *make_green(struct scheduler *s)
{
    struct green *green = s->spare;

    if (green) {
        s->spare = green->next;
        return green;
    }
    green = mem_new(1, sizeof *green);
    green->stack = make_stack();
    if (green->stack)
        return green;
    free(green);
    return NULL;
}

static void set_context(struct green *green)
{
    getcontext(&green->context);
    green->context.uc_stack.ss_sp = green->stack;
    green->context.uc_stack.ss_size = STACK_BYTES + (size_t)sysconf(_SC_PAGESIZE);
    green->context.uc_link = NULL;
    makecontext(&green->context, green_main, 0);
}

static int new_tid(struct scheduler *s)
{
    return -1 - (int)atomic_fetch_add(&s->shared->n_greens, 1);
}

static void refuse(struct scheduler *s, unsigned i, int error)
{
    shared_finish(s->shared, i, STAGE_FAILED, error, 0);
    eventfd_write(s->carry->schedviz_bell, 1);
}

/* It comes into being and waits at the gate. */
static void take_order(struct scheduler *s, unsigned i)
{
    struct slot *slot = &s->shared->slots[i];

    atomic_store(&slot->pid, getpid());
    slot->created_ns = clock_now_ns();
    if (s->place_error) { /* it was there, and nobody heard of it */
        atomic_store(&slot->tid, new_tid(s));
        atomic_store(&slot->told_exit, true);
        refuse(s, i, s->place_error);
        return;
    }
    struct green *green = make_green(s);
    if (!green) {
        refuse(s, i, ENOMEM);
        return;
    }
    void *stack = green->stack;
    *green = (struct green){.scheduler = s, .stack = stack};
    green->worker = (struct worker){s->shared, i, s->carry->schedviz_bell, s->carry->host_bell, -1};
    green->hooks = (struct green_wait){green, hook_wait, hook_yield};
    green->player = worker_player(&green->worker, s->watching, new_tid(s));
    green->player.green = &green->hooks;
    set_context(green);
    s->n++;

    atomic_store(&slot->tid, green->player.tid);
    worker_introduce(&green->player, gettid());
    if (green->player.program || green->player.settings)
        play_prepare(&green->player);
    if (slot->order.forked) {
        append(&s->ready, green);
        return;
    }
    green->ticket = gate_ticket(s->shared);
    green->is_at_gate = green->is_waiting = true;
    append(&s->waiting, green);
    atomic_store(&slot->stage, STAGE_GATED);
    eventfd_write(s->carry->schedviz_bell, 1);
}

static void take_orders(struct scheduler *s)
{
    unsigned n = atomic_load(&s->shared->n_slots);

    for (unsigned i = 0; i < n; i++) {
        const struct slot *slot = &s->shared->slots[i];
        if (atomic_load(&slot->stage) == STAGE_JOINED && slot->order.kind == TASK_GREEN &&
            slot->order.run == s->carry->run && atomic_load(&slot->pid) == 0)
            take_order(s, i);
    }
}

/* ---- the thread ---- */

/* Where each word is of a futex(2), that is waited for; returns how many words there are, which may be more
 * than fit. */
static unsigned list_words(const struct scheduler *s, struct futex_waitv *words, uint64_t *until_ns)
{
    unsigned n = 1;

    words[0] =
        (struct futex_waitv){.val = s->bell, .uaddr = (uintptr_t)&s->shared->gate_bell, .flags = FUTEX_32};
    *until_ns = 0;
    for (const struct green *green = s->waiting.first; green; green = green->next) {
        if (green->is_at_gate)
            continue;
        if (green->until_ns && (!*until_ns || green->until_ns < *until_ns))
            *until_ns = green->until_ns;
        if (green->word && n < FUTEX_WAITV_MAX)
            words[n] =
                (struct futex_waitv){.val = green->value, .uaddr = (uintptr_t)green->word, .flags = FUTEX_32};
        n += green->word != NULL;
    }
    return n;
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

/* futex_waitv(2) is of Linux 5.16, and a sandbox may refuse it. */
static bool sleep_on_all(struct futex_waitv *words, unsigned n, uint64_t until_ns)
{
    struct timespec until = timespec_of(until_ns);

    return syscall(SYS_futex_waitv, words, n, 0U, until_ns ? &until : NULL, CLOCK_MONOTONIC) >= 0 ||
           (errno != ENOSYS && errno != EPERM);
}

static void sleep_on_bell(const struct scheduler *s, uint64_t until_ns)
{
    struct timespec until = timespec_of(until_ns);

    syscall(SYS_futex, &s->shared->gate_bell, FUTEX_WAIT_BITSET, s->bell, until_ns ? &until : NULL, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

/* Until somebody may be ready. */
static void sleep_all(struct scheduler *s)
{
    struct futex_waitv words[FUTEX_WAITV_MAX];
    uint64_t until_ns;
    unsigned n = list_words(s, words, &until_ns);

    tell_turn(s, NULL);
    if (s->watching)
        watch_block(s->watching);
    if (n > FUTEX_WAITV_MAX || !sleep_on_all(words, n, until_ns)) {
        uint64_t look_ns = clock_now_ns() + LOOK_EVERY_NS;
        if (n > 1 && (!until_ns || look_ns < until_ns))
            until_ns = look_ns;
        sleep_on_bell(s, until_ns);
    }
    if (s->watching)
        watch_unblock(s->watching);
}

static void carry_all(struct scheduler *s)
{
    for (;;) {
        s->bell = atomic_load(&s->shared->gate_bell);
        take_orders(s);
        look_at_waiting(s);
        struct green *green = take_first(&s->ready);
        if (!green && s->n == 0)
            return;
        if (!green) {
            sleep_all(s);
            continue;
        }
        switch_to(s, green);
        green = s->left;
        if (green->is_over)
            bury(s, green);
    }
}

static void introduce(const struct scheduler *s, uint64_t now_ns, int tid)
{
    struct event about = {.time_ns = now_ns, .tid = tid};

    about.u.task.pid = getpid();
    about.u.task.slot = -1;
    about.u.task.run = s->carry->run;
    about.u.task.kind = TASK_THREAD;
    about.u.task.role = ROLE_WORKLOAD;
    words_first(&s->carrier->ring, &about, CARRIER_NAME);
}

static void free_spare(struct scheduler *s)
{
    struct green *next;

    for (struct green *green = s->spare; green; green = next) {
        next = green->next;
        munmap(green->stack, STACK_BYTES + (size_t)sysconf(_SC_PAGESIZE));
        free(green);
    }
}

void green_carry(struct carry *carry)
{
    struct shared *shared = carry->shared;
    struct carrier *carrier = &shared->carriers[carry->set];
    struct scheduler s = {.carry = carry, .shared = shared, .carrier = carrier};
    uint64_t now_ns = clock_now_ns();
    int tid = gettid();

    here = &s;
    list_init(&s.ready);
    list_init(&s.waiting);
    prctl(PR_SET_NAME, CARRIER_NAME);
    introduce(&s, now_ns, tid);
    if (!cpuset_set_affinity(0, &carry->cpus))
        s.place_error = errno;
    atomic_store(&carrier->told_ns, 0);
    atomic_store(&carrier->told_exit, false);
    atomic_store(&carrier->tid, tid);
    if (shared->self_timed) {
        watch_begin(&s.watch, NULL, &carrier->ring, &carrier->told_ns, tid, shared->gap_ns);
        s.watching = &s.watch;
    }
    carry_all(&s);
    free_spare(&s);
    atomic_store(&carry->is_over, true);
    eventfd_write(carry->crew_bell, 1);
    atomic_store(&carrier->told_exit, words_last(&carrier->ring, tid, s.watching, NULL));
    atomic_store(&carrier->told_ns, UINT64_MAX);
}

void green_joined(const struct carry *carry)
{
    struct carrier *carrier = &carry->shared->carriers[carry->set];
    struct event end = {.time_ns = clock_now_ns(), .cpu = -1, .kind = EVENT_EXIT};

    end.tid = atomic_exchange(&carrier->tid, 0);
    end.u.exit.known = 1;
    if (!atomic_load(&carrier->told_exit))
        ring_push(&carrier->ring, &end);
}
