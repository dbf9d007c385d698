/* The engine on the real kernel, as several unit tests drive it. A failure ends the test. */
#ifndef SCHEDVIZ_ENGINE_FIXTURE_H
#define SCHEDVIZ_ENGINE_FIXTURE_H

#include "../../src/engine/engine.h"
#include "../../src/engine/feed.h"

#define PATIENCE_MS 20000 /* before a test gives up; never waited for when all is well */
#define MAX_STREAMS (FEED_SLOTS + WORKLOAD_MAX_TASKS)

struct collector {
    struct event *events; /* in the order of each stream */
    size_t n, size;
    uint64_t last_ns[MAX_STREAMS];
};

/* All that the source has now is added; each stream is held to be in order. */
void collect(struct collector *c, struct engine *engine);
unsigned count(const struct collector *c, int tid, enum event_kind kind);
unsigned count_out(const struct collector *c, int tid, enum event_out out);
unsigned count_in(const struct collector *c, int tid, enum event_in in);
/* The last one of its sort, or NULL. */
const struct event *find(const struct collector *c, int tid, enum event_kind kind, int detail);
/* Holds what a self-timed task told against what the kernel counted for it, from NOTE_BASE to its last words.
 */
void check_own_account(const struct collector *c, int tid);

struct engine *start(bool self_timed);
struct engine *start_program(bool self_timed, const struct program *program);
/* Frees, and holds that nothing is left: no child, running or zombie. */
void free_and_check(struct engine *engine);

struct cpuset all_cpus(void);
struct cpuset one_cpu(unsigned i);

/* A task of run 1 that only computes. */
void spawn(struct engine *engine, unsigned slot, enum task_kind kind, const struct cpuset *cpus,
           uint64_t work_ns);
bool try_spawn(struct engine *engine, unsigned slot, enum task_kind kind, const struct cpuset *cpus,
               struct err *err);

void wait_gated(struct engine *engine);
bool wait_state(struct engine *engine, unsigned slot, enum engine_state state);
bool wait_work(struct engine *engine, unsigned slot, uint64_t done_ns);
void stop_all(struct engine *engine);
void nap_ms(int ms);

unsigned long long stolen_ticks(void); /* all in all, by the hypervisor */
bool exists(int pid);
bool vanishes(int pid);
void read_file(const char *path, char *text, size_t size);
unsigned long status_field(int tid, const char *field); /* of /proc/TID/status */

/* Programs made by hand: an action, a phase of actions, a template of one phase (loop -1: for ever), all. */
#define ACTION(what, ...)                                                                                    \
    {                                                                                                        \
        .kind = (what), .by = 1, __VA_ARGS__                                                                 \
    }
#define N_OF(array) ((unsigned)(sizeof(array) / sizeof *(array)))

struct phase phase_of(struct action *actions, unsigned n);
struct template template_of(const char *name, int loop, struct phase *phase);
struct program program_of(struct template *templates, unsigned n, struct object *objects, unsigned n_objects);

/* A task of a program on all CPUs. */
struct engine_order order_of(enum task_kind kind, uint16_t run, uint32_t template);
void spawn_part(struct engine *engine, unsigned slot, enum task_kind kind, uint16_t run, uint32_t template);

#endif
