/* Families: a table of tids; each task holds its family, and a family the one in which it was born. */
#include "families.h"

#include "../clock.h"
#include "../err.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No clone(2) takes longer from the point where events are inherited to the one where it is told. */
#define LONGEST_FORK_NS NS_PER_S

struct family {
    struct family *above; /* the family that its first member was born into; NULL: none, or not told yet */
    unsigned n_holders;   /* members, and families born into it */
    unsigned place;       /* in families.all */
    unsigned n_events;
    struct family_event *events;
};

struct member {
    int tid; /* 0: free */
    bool attached;
    bool has_forked;
    bool born; /* who made it was told */
    uint64_t since_ns;
    struct family *family;
};

struct families {
    struct member *members; /* open addressing, a power of two */
    unsigned n_members, capacity;
    struct family **all;
    unsigned n_all, max_all;
    unsigned n_attached, n_events;
    bool doubted;
};

/* ---- the table ---- */

static unsigned home_of(const struct families *families, int tid)
{
    return ((uint32_t)tid * UINT32_C(2654435769) >> 7) & (families->capacity - 1);
}

/* Where tid is, or where it would go. */
static struct member *find(const struct families *families, int tid)
{
    unsigned i = home_of(families, tid);
    while (families->members[i].tid != tid && families->members[i].tid != 0)
        i = (i + 1) & (families->capacity - 1);
    return &families->members[i];
}

static void grow(struct families *families)
{
    struct member *old = families->members;
    const unsigned n_old = families->capacity;
    families->capacity = n_old ? 2 * n_old : 64;
    families->members = mem_new(families->capacity, sizeof *families->members);
    for (unsigned i = 0; i < n_old; i++) {
        if (old[i].tid)
            *find(families, old[i].tid) = old[i];
    }
    free(old);
}

static struct member *add(struct families *families, int tid, uint64_t since_ns)
{
    if (2 * (families->n_members + 1) > families->capacity)
        grow(families);
    struct member *member = find(families, tid);
    *member = (struct member){.tid = tid, .since_ns = since_ns};
    families->n_members++;
    return member;
}

/* Those behind it move up, so that none is cut off from its home. */
static void drop(struct families *families, struct member *member)
{
    const unsigned mask = families->capacity - 1;
    unsigned hole = (unsigned)(member - families->members);
    for (unsigned i = (hole + 1) & mask; families->members[i].tid; i = (i + 1) & mask) {
        const unsigned home = home_of(families, families->members[i].tid);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        families->members[hole] = families->members[i];
        hole = i;
    }
    families->members[hole].tid = 0;
    families->n_members--;
}

/* ---- families ---- */

static struct family *new_family(struct families *families)
{
    struct family *family = mem_new(1, sizeof *family);
    if (families->n_all == families->max_all) {
        families->max_all = families->max_all ? 2 * families->max_all : 16;
        families->all = mem_resize(families->all, families->max_all, sizeof(struct family *));
    }
    family->place = families->n_all;
    families->all[families->n_all++] = family;
    return family;
}

static void close_events(struct families *families, struct family *family)
{
    for (unsigned i = 0; i < family->n_events; i++)
        close(family->events[i].fd);
    families->n_events -= family->n_events;
    family->n_events = 0;
    free(family->events);
    family->events = NULL;
}

static void hold(struct member *member, struct family *family)
{
    member->family = family;
    family->n_holders++;
}

static void let_go(struct families *families, struct family *family)
{
    while (family && --family->n_holders == 0) {
        struct family *above = family->above;
        if (families->doubted && family->n_events > 0) {
            family->above = NULL;
        } else {
            close_events(families, family);
            families->all[family->place] = families->all[--families->n_all];
            families->all[family->place]->place = family->place;
            free(family);
        }
        family = above;
    }
}

/* Both `family' and `above' cover its members from now on. */
static void put_below(struct family *family, struct family *above)
{
    for (const struct family *f = above; f; f = f->above) {
        if (f == family)
            return; /* tids that were used twice: no circles */
    }
    if (family->above)
        return;
    family->above = above;
    above->n_holders++;
}

struct families *families_new(void)
{
    struct families *families = mem_new(1, sizeof *families);
    grow(families);
    return families;
}

void families_free(struct families *families)
{
    if (!families)
        return;
    for (unsigned i = 0; i < families->n_all; i++) {
        close_events(families, families->all[i]);
        free(families->all[i]);
    }
    free(families->all);
    free(families->members);
    free(families);
}

bool families_has(const struct families *families, int tid)
{
    return tid > 0 && find(families, tid)->tid == tid;
}

unsigned families_n_attached(const struct families *families)
{
    return families->n_attached;
}

unsigned families_n_events(const struct families *families)
{
    return families->n_events;
}

void families_attach(struct families *families, int tid, const struct family_event *events, unsigned n,
                     uint64_t since_ns)
{
    struct member *member = find(families, tid);
    struct family *family = new_family(families);
    family->events = mem_new(n, sizeof *events);
    memcpy(family->events, events, n * sizeof *events);
    family->n_events = n;
    families->n_events += n;
    if (member->tid == 0) {
        member = add(families, tid, since_ns);
    } else { /* what holds the old family now is the new one */
        put_below(family, member->family);
        let_go(families, member->family);
        families->n_attached -= member->attached;
    }
    hold(member, family);
    member->attached = true;
    families->n_attached++;
}

/* Who was not known, and yet made a task that inherits: it has events, and whose they are may be told late.
 */
static struct member *parent_of(struct families *families, int tid, uint64_t time_ns)
{
    struct member *parent = find(families, tid);
    if (parent->tid == tid)
        return parent;
    parent = add(families, tid, time_ns);
    hold(parent, new_family(families));
    return parent;
}

static struct family *nearest_with_events(struct family *family)
{
    while (family->n_events == 0 && family->above)
        family = family->above;
    return family;
}

bool families_fork(struct families *families, int parent_tid, int tid, uint64_t time_ns)
{
    if (tid <= 0 || parent_tid <= 0 || tid == parent_tid)
        return false;
    struct member *parent = parent_of(families, parent_tid, time_ns);
    const bool doubtful =
        parent->attached && !parent->has_forked && time_ns < parent->since_ns + LONGEST_FORK_NS;
    parent->has_forked = true;
    struct family *above = nearest_with_events(parent->family);
    assert(above); /* every member has a family */
    struct member *member = find(families, tid);
    if (member->tid == 0) {
        member = add(families, tid, time_ns);
        hold(member, above);
    } else if (member->born) { /* another one had this tid, and its end was not told */
        above->n_holders++;
        let_go(families, member->family);
        member->family = above;
        member->since_ns = time_ns;
        member->has_forked = false;
        families->n_attached -= member->attached;
        member->attached = false;
    } else {
        put_below(member->family, above);
        if (!doubtful) {
            close_events(families, member->family);
            families->n_attached -= member->attached;
            member->attached = false;
        }
    }
    member->born = true;
    return doubtful && !member->attached;
}

void families_exit(struct families *families, int tid, uint64_t time_ns)
{
    if (tid <= 0)
        return;
    struct member *member = find(families, tid);
    if (member->tid != tid || time_ns < member->since_ns)
        return;
    struct family *family = member->family;
    families->n_attached -= member->attached;
    drop(families, member);
    let_go(families, family);
}

void families_doubt(struct families *families)
{
    families->doubted = true;
}

void families_each_event(const struct families *families, int cpu, void (*visit)(void *data, int fd),
                         void *data)
{
    for (unsigned i = 0; i < families->n_all; i++) {
        const struct family *family = families->all[i];
        for (unsigned j = 0; j < family->n_events; j++) {
            if (family->events[j].cpu == cpu)
                visit(data, family->events[j].fd);
        }
    }
}
