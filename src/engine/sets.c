/* Which set of objects is whose. */
#include "sets.h"
#include "../clock.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

bool sets_init(struct sets *sets, struct shared *shared, struct feed *feed, struct err *err)
{
    size_t bytes = objects_size(shared->program);

    *sets = (struct sets){.shared = shared, .feed = feed};
    void *memory = mmap(NULL, OBJECTS_SETS * bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return err_set(err, "cannot map %zu KiB for what tasks share: %s", OBJECTS_SETS * bytes >> 10,
                       strerror(errno));
    shared->sets = memory;
    shared->set_bytes = bytes;
    return true;
}

void sets_fini(struct sets *sets)
{
    if (sets->shared && sets->shared->sets)
        munmap(sets->shared->sets, OBJECTS_SETS * sets->shared->set_bytes);
}

int sets_find(const struct sets *sets, uint16_t run)
{
    for (unsigned i = 0; i < OBJECTS_SETS; i++) {
        if (run && sets->all[i].run == run)
            return (int)i;
    }
    return SETS_NONE;
}

static int oldest_free(const struct sets *sets)
{
    int oldest = SETS_NONE;

    for (unsigned i = 0; i < OBJECTS_SETS; i++) {
        bool older = oldest == SETS_NONE || sets->all[i].begun_ns < sets->all[oldest].begun_ns;
        if (sets->all[i].n_users == 0 && older)
            oldest = (int)i;
    }
    return oldest;
}

static void tell_objects(const struct sets *sets, int set)
{
    const struct program *program = sets->shared->program;

    for (unsigned i = 0; program && i < program->n_objects; i++) {
        const struct object *object = &program->objects[i];
        struct event event = {.tid = set * EVENT_OBJECT_SET + (int)i,
                              .cpu = -1,
                              .kind = EVENT_OBJECT,
                              .detail = (uint8_t)object->kind};
        strncpy(event.u.name, object->name, EVENT_NAME_SIZE - 1);
        feed_push(sets->feed, event);
    }
}

int sets_take(struct sets *sets, uint16_t run)
{
    int set = sets_find(sets, run);

    if (set != SETS_NONE || (set = oldest_free(sets)) == SETS_NONE)
        return set;
    sets->all[set].run = run;
    sets->all[set].begun_ns = clock_now_ns();
    tell_objects(sets, set);
    return set;
}

void sets_use(struct sets *sets, unsigned set)
{
    sets->all[set].n_users++;
}

void sets_leave(struct sets *sets, unsigned set)
{
    sets->all[set].n_users--;
}
