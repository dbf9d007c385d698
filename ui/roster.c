/* The roster of a watched program's tasks. */
#include "roster.h"

#include "../src/clock.h"
#include "../src/err.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE         UINT32_MAX
#define FILTER_SIZE  64
#define MAX_DEPTH    256               /* of processes under each other */
#define AFTERMATH_NS (1 * NS_PER_S)    /* how long one that ended is still shown */
#define LATE_NS      (1 * NS_PER_S)    /* by how much an end may be told late */
#define REBUILD_NS   (250 * NS_PER_MS) /* between two makings of the rows, when tasks come and go */
#define FEW          500u              /* tasks whose rows are made at once */

enum choice { CHOICE_NONE, CHOICE_OPEN, CHOICE_THREADS, CHOICE_FOLDED };

/* What is kept of a task, by its index in the timeline. */
struct entry {
    uint32_t leader;      /* NONE: not known yet */
    uint32_t parent;      /* the task that made it */
    uint32_t number;      /* in its process */
    uint32_t n_followers; /* of a leader: threads that were numbered */
    uint32_t as;          /* the task whose row stands for it */
    unsigned colour;
    uint32_t group, build; /* of a leader: where it stands in the rows, if that is of this build */
    uint8_t choice;        /* of a leader: what the user wants */
    uint8_t role;          /* enum task_role, as it was seen last, like these: */
    bool is_active;
    uint64_t pulse;            /* timeline_task_pulse() then */
    uint64_t blocked_ns;       /* since when it sleeps; UINT64_MAX: it does not */
    uint64_t first_ns, ran_ns; /* ran_ns: when it was last on a CPU, or ready to be; 0: never */
};

/* A process in the rows. */
struct group {
    uint32_t leader, head; /* head: the first of its threads that is shown */
    uint32_t up, first_child, last_child, next;
    uint32_t n, first;             /* its threads, in members */
    uint32_t n_tasks, n_processes; /* with all that is under it */
    uint32_t n_placed;
    uint16_t depth;
};

struct gone {
    uint32_t task;
    uint64_t last_ns;
};

struct list {
    uint32_t *task;
    unsigned n, room;
};

struct roster {
    uint64_t timeline; /* that what is below was seen in: timeline_id() */
    struct entry *entries;
    unsigned n_entries, entries_room;
    unsigned n_colours;

    struct list living; /* in the order of their appearance */
    struct gone *gone;  /* in the order of their end */
    unsigned n_gone, gone_room;
    struct list active;
    unsigned n_quiet;
    struct roster_counts counts;

    /* What the rows were made for. */
    char filter[FILTER_SIZE];
    unsigned n_fit;
    bool with_ended;
    uint64_t others_ns;
    bool is_crowded;             /* they do not fit when all is open */
    bool is_stale, is_changed;   /* tasks came or went; the user wants other rows */
    bool had_gone, had_late;     /* the window moves, and others belong into it */
    uint64_t built_ns, start_ns; /* when, and for which window */

    uint32_t build;
    struct list shown, members;
    struct list order; /* groups, parents before children */
    struct group *groups;
    unsigned n_groups, groups_room;
    struct roster_row *rows;
    unsigned n_rows, rows_room;
    struct lengths *lengths;
};

/* ---- lists ---- */

static void list_add(struct list *list, uint32_t task)
{
    if (list->n == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->task = mem_resize(list->task, list->room, sizeof *list->task);
    }
    list->task[list->n++] = task;
}

static int by_index(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int by_end(const void *a, const void *b)
{
    const struct gone *x = a, *y = b;
    return x->last_ns < y->last_ns ? -1 : x->last_ns > y->last_ns;
}

struct roster *roster_new(void)
{
    struct roster *roster = mem_new(1, sizeof *roster);
    roster->lengths = lengths_new();
    return roster;
}

void roster_free(struct roster *roster)
{
    if (!roster)
        return;
    free(roster->entries);
    free(roster->living.task);
    free(roster->gone);
    free(roster->active.task);
    free(roster->shown.task);
    free(roster->members.task);
    free(roster->order.task);
    free(roster->groups);
    free(roster->rows);
    lengths_free(roster->lengths);
    free(roster);
}

/* ---- who is there ---- */

/* Parts of a recording are timelines of their own, in which the tasks have the same numbers, and others of
 * them are there. What the user folded stays. */
static void begin_anew(struct roster *r, const struct timeline *tl)
{
    if (r->timeline == timeline_id(tl))
        return;
    r->timeline = timeline_id(tl);
    r->living.n = r->n_gone = 0;
    for (uint32_t i = 0; i < r->n_entries; i++)
        list_add(&r->living, i);
    r->is_changed = true;
}

static void take_new_tasks(struct roster *r, const struct timeline *tl)
{
    const unsigned n = timeline_n_tasks(tl);
    if (n > r->entries_room) {
        r->entries_room = n < 512 ? 1024 : 2 * n;
        r->entries = mem_resize(r->entries, r->entries_room, sizeof *r->entries);
    }
    for (; r->n_entries < n; r->n_entries++) {
        r->entries[r->n_entries] = (struct entry){.leader = NONE, .parent = NONE, .as = r->n_entries};
        list_add(&r->living, r->n_entries);
        r->is_stale = true;
    }
}

/* The first thread of the task's process: by whom it was made, else by the pid. */
static uint32_t find_leader(const struct roster *r, const struct timeline *tl, const struct task *task)
{
    struct task other;
    if (task->tid == task->pid)
        return task->index;
    if (task->pid <= 0)
        return NONE;
    if (task->parent < r->n_entries) {
        timeline_task(tl, task->parent, &other);
        if (other.pid == task->pid && other.tid == other.pid)
            return task->parent;
        if (other.pid == task->pid)
            return r->entries[task->parent].leader;
    }
    const uint32_t first = timeline_task_by_tid(tl, task->pid);
    if (first >= r->n_entries)
        return NONE;
    timeline_task(tl, first, &other);
    return other.pid == task->pid ? first : NONE;
}

static void place(struct roster *r, const struct timeline *tl, const struct task *task)
{
    struct entry *entry = &r->entries[task->index];
    const uint32_t leader = find_leader(r, tl, task);
    if (leader == NONE)
        return;
    struct entry *first = &r->entries[leader];
    if (first->leader == NONE) { /* its first sight, by itself or by one of its threads */
        first->leader = leader;
        first->colour = r->n_colours++;
    }
    entry->leader = leader;
    if (leader != task->index) {
        entry->number = ++first->n_followers;
        entry->colour = first->colour + entry->number;
    }
    r->is_stale = true;
}

static void bury(struct roster *r, const struct task *task)
{
    if (r->n_gone == r->gone_room) {
        r->gone_room = r->gone_room ? 2 * r->gone_room : 64;
        r->gone = mem_resize(r->gone, r->gone_room, sizeof *r->gone);
    }
    r->gone[r->n_gone++] = (struct gone){task->index, task->last_ns};
    r->is_stale = true;
}

static bool is_workload(const struct entry *entry)
{
    return entry->role == ROLE_WORKLOAD || entry->role == ROLE_UNKNOWN;
}

static void note_look(struct entry *entry, const struct task *task, uint64_t now_ns)
{
    entry->parent = task->parent;
    entry->role = (uint8_t)task->role;
    entry->blocked_ns = task->state == STATE_BLOCKED ? task->state_since_ns : UINT64_MAX;
    entry->first_ns = task->first_ns;
    entry->ran_ns = !task->n_slices ? 0 : task->state == STATE_RUNNING ? now_ns : task->state_since_ns;
}

/* One that slept all the time from start_ns on is quiet. */
static void note_activity(struct roster *r, uint32_t index, uint64_t start_ns)
{
    struct entry *entry = &r->entries[index];
    if (!is_workload(entry)) {
        if (entry->role != ROLE_OTHER)
            list_add(&r->active, index);
        return;
    }
    entry->is_active = entry->blocked_ns > start_ns;
    r->counts.n_tasks++;
    r->counts.n_processes += entry->leader == index;
    if (entry->is_active)
        list_add(&r->active, index);
    else
        r->n_quiet++;
}

/* Nothing has happened to it since it was looked at: most of thousands sleep. */
static bool sleeps_on(const struct roster *r, const struct timeline *tl, uint32_t index)
{
    const struct entry *entry = &r->entries[index];
    const bool is_known = entry->role == ROLE_WORKLOAD && entry->leader != NONE &&
                          (entry->leader != index || entry->parent != NONE);
    return is_known && entry->blocked_ns != UINT64_MAX && entry->pulse == timeline_task_pulse(tl, index);
}

/* False: it is gone. */
static bool look_at(struct roster *r, const struct timeline *tl, uint32_t index)
{
    struct entry *entry = &r->entries[index];
    if (sleeps_on(r, tl, index))
        return true;
    const struct task *task = timeline_task_told(tl, index);
    note_look(entry, task, timeline_now_ns(tl));
    entry->pulse = timeline_task_pulse(tl, index);
    if (entry->leader == NONE)
        place(r, tl, task);
    if (task->state != STATE_GONE)
        return true;
    bury(r, task);
    return false;
}

/* The first one of those that ended, from start_ns on or a little before. */
static unsigned first_gone(const struct roster *r, uint64_t start_ns)
{
    unsigned i = r->n_gone;
    while (i > 0 && r->gone[i - 1].last_ns + LATE_NS >= start_ns)
        i--;
    return i;
}

static void look_around(struct roster *r, const struct timeline *tl, uint64_t start_ns)
{
    unsigned kept = 0, n_gone = r->n_gone;
    for (unsigned i = 0; i < r->active.n; i++)
        r->entries[r->active.task[i]].is_active = false;
    r->active.n = r->n_quiet = 0;
    r->counts.n_tasks = r->counts.n_processes = 0;
    for (unsigned i = 0; i < r->living.n; i++) {
        const uint32_t index = r->living.task[i];
        if (index < timeline_n_tasks(tl) && !look_at(r, tl, index))
            continue;
        r->living.task[kept++] = index;
        if (index >= timeline_n_tasks(tl)) /* it is not there yet */
            continue;
        note_activity(r, index, start_ns);
    }
    r->living.n = kept;
    if (r->n_gone > n_gone)
        qsort(r->gone + n_gone, r->n_gone - n_gone, sizeof *r->gone, by_end);
    for (unsigned i = first_gone(r, start_ns); i < r->n_gone; i++) {
        if (r->gone[i].last_ns < start_ns)
            continue;
        r->entries[r->gone[i].task].is_active = true;
        list_add(&r->active, r->gone[i].task);
    }
}

/* ---- who is shown ---- */

static bool contains(const char *text, const char *part)
{
    bool any_case = true;
    for (const char *c = part; *c; c++)
        any_case = any_case && !isupper((unsigned char)*c);
    return any_case ? strcasestr(text, part) != NULL : strstr(text, part) != NULL;
}

bool roster_matches(const char *filter, const struct task *task)
{
    char tid[16];
    if (!filter[0])
        return true;
    snprintf(tid, sizeof tid, "%d", task->tid);
    return contains(task->name, filter) || strncmp(tid, filter, strlen(filter)) == 0;
}

/* Who belongs into the rows. */
static bool is_wanted(const struct roster *r, const struct entry *entry)
{
    if (is_workload(entry) || entry->role == ROLE_OBSERVER)
        return true;
    return r->others_ns != UINT64_MAX &&
           (entry->role == ROLE_HOST || (entry->ran_ns && entry->ran_ns >= r->others_ns));
}

/* Names change: they are looked at anew. */
static bool passes(const struct roster *r, const struct timeline *tl, uint32_t index)
{
    struct task task;
    if (!r->filter[0])
        return true;
    timeline_task(tl, index, &task);
    return roster_matches(r->filter, &task);
}

static void show(struct roster *r, const struct timeline *tl, uint32_t index, uint64_t end_ns)
{
    const struct entry *entry = &r->entries[index];
    if (!is_workload(entry))
        return;
    if (entry->first_ns >= end_ns) {
        r->had_late = true;
        return;
    }
    r->counts.n_all++;
    if (!passes(r, tl, index))
        return;
    r->counts.n_shown++;
    list_add(&r->shown, index);
}

static void choose_shown(struct roster *r, const struct timeline *tl, const struct roster_wish *wish)
{
    const uint64_t now = timeline_now_ns(tl), recent = now > AFTERMATH_NS ? now - AFTERMATH_NS : 0;
    const uint64_t from = wish->end_ns == UINT64_MAX && recent < wish->start_ns ? recent : wish->start_ns;
    r->shown.n = 0;
    r->counts.n_all = r->counts.n_shown = 0;
    r->had_gone = r->had_late = false;
    for (unsigned i = r->with_ended ? 0 : first_gone(r, from); i < r->n_gone; i++) {
        if (!r->with_ended && r->gone[i].last_ns < from)
            continue;
        show(r, tl, r->gone[i].task, wish->end_ns);
        r->had_gone = true;
    }
    for (unsigned i = 0; i < r->living.n; i++)
        if (r->living.task[i] < timeline_n_tasks(tl))
            show(r, tl, r->living.task[i], wish->end_ns);
    if (r->had_gone)
        qsort(r->shown.task, r->shown.n, sizeof *r->shown.task, by_index);
}

/* ---- the tree ---- */

static uint32_t leader_of(const struct roster *r, uint32_t task)
{
    const uint32_t leader = r->entries[task].leader;
    return leader == NONE ? task : leader;
}

static struct group *group_of(struct roster *r, uint32_t leader)
{
    struct entry *entry = &r->entries[leader];
    if (entry->build != r->build) {
        if (r->n_groups == r->groups_room) {
            r->groups_room = r->groups_room ? 2 * r->groups_room : 64;
            r->groups = mem_resize(r->groups, r->groups_room, sizeof *r->groups);
        }
        entry->build = r->build;
        entry->group = r->n_groups;
        r->groups[r->n_groups++] = (struct group){.leader = leader,
                                                  .head = NONE,
                                                  .up = NONE,
                                                  .first_child = NONE,
                                                  .last_child = NONE,
                                                  .next = NONE};
    }
    return &r->groups[entry->group];
}

static void make_groups(struct roster *r)
{
    r->build++;
    r->n_groups = 0;
    for (unsigned i = 0; i < r->shown.n; i++) {
        const uint32_t task = r->shown.task[i];
        struct group *group = group_of(r, leader_of(r, task));
        group->n++;
        if (group->head == NONE || task == group->leader)
            group->head = task;
    }
}

/* Whether `group' is above the one at `from', or that lies too deep. */
static bool is_above(const struct roster *r, uint32_t group, uint32_t from)
{
    for (int i = 0; i < MAX_DEPTH; i++) {
        if (from == NONE)
            return false;
        if (from == group)
            return true;
        from = r->groups[from].up;
    }
    return true;
}

/* The nearest of its ancestors that is shown. */
static uint32_t find_up(const struct roster *r, uint32_t group)
{
    uint32_t leader = r->groups[group].leader;
    for (int i = 0; i < MAX_DEPTH; i++) {
        const uint32_t parent = r->entries[leader].parent;
        if (parent >= r->n_entries || leader_of(r, parent) == leader)
            return NONE;
        leader = leader_of(r, parent);
        const struct entry *entry = &r->entries[leader];
        if (entry->build == r->build)
            return is_above(r, group, entry->group) ? NONE : entry->group;
    }
    return NONE;
}

static void join_families(struct roster *r)
{
    for (uint32_t i = 0; i < r->n_groups; i++) {
        struct group *group = &r->groups[i];
        group->up = find_up(r, i);
        if (group->up == NONE)
            continue;
        struct group *up = &r->groups[group->up];
        if (up->last_child == NONE)
            up->first_child = i;
        else
            r->groups[up->last_child].next = i;
        up->last_child = i;
    }
}

/* The next group after this one and all that is under it. */
static uint32_t next_beside(const struct roster *r, uint32_t group)
{
    while (group != NONE && r->groups[group].next == NONE)
        group = r->groups[group].up;
    return group == NONE ? NONE : r->groups[group].next;
}

static void order_groups(struct roster *r)
{
    uint32_t first = 0;
    r->order.n = 0;
    for (uint32_t root = 0; root < r->n_groups; root++) {
        if (r->groups[root].up != NONE)
            continue;
        for (uint32_t i = root; i != NONE;) {
            struct group *group = &r->groups[i];
            list_add(&r->order, i);
            group->depth = group->up == NONE ? 0 : (uint16_t)(r->groups[group->up].depth + 1);
            group->first = first;
            group->n_tasks = group->n;
            group->n_processes = 1;
            first += group->n;
            i = group->first_child != NONE ? group->first_child : next_beside(r, i);
        }
    }
    for (unsigned i = r->order.n; i-- > 0;) {
        const struct group *group = &r->groups[r->order.task[i]];
        if (group->up == NONE)
            continue;
        r->groups[group->up].n_tasks += group->n_tasks;
        r->groups[group->up].n_processes += group->n_processes;
    }
}

/* A group's tasks are a stretch, its head first, and those of all groups under it the stretch after that. */
static void place_members(struct roster *r)
{
    while (r->members.n < r->shown.n)
        list_add(&r->members, 0);
    r->members.n = r->shown.n;
    for (unsigned i = 0; i < r->shown.n; i++) {
        const uint32_t task = r->shown.task[i];
        struct group *group = group_of(r, leader_of(r, task));
        const uint32_t at = task == group->head ? 0 : ++group->n_placed;
        r->members.task[group->first + at] = task;
    }
}

/* ---- rows ---- */

enum fold { FOLD_NOTHING, FOLD_THREADS, FOLD_ALL };

static enum fold fold_of(const struct roster *r, const struct group *group)
{
    switch ((enum choice)r->entries[group->leader].choice) {
    case CHOICE_OPEN:
        return FOLD_NOTHING;
    case CHOICE_FOLDED:
        return group->n_tasks > 1 ? FOLD_ALL : FOLD_NOTHING;
    case CHOICE_THREADS:
        return group->n > 1 ? FOLD_THREADS : FOLD_NOTHING;
    case CHOICE_NONE:
        break;
    }
    return r->is_crowded && group->n > 1 ? FOLD_THREADS : FOLD_NOTHING;
}

static void add_row(struct roster *r, struct roster_row row)
{
    if (r->n_rows == r->rows_room) {
        r->rows_room = r->rows_room ? 2 * r->rows_room : 64;
        r->rows = mem_resize(r->rows, r->rows_room, sizeof *r->rows);
    }
    r->rows[r->n_rows++] = row;
    for (uint32_t i = 0; i < row.n; i++)
        r->entries[r->members.task[row.first + i]].as = row.task;
}

static void add_group(struct roster *r, const struct group *group, enum fold fold)
{
    const uint32_t n = fold == FOLD_ALL ? group->n_tasks : fold == FOLD_THREADS ? group->n : 1;
    add_row(r, (struct roster_row){.task = group->head,
                                   .depth = group->depth,
                                   .is_process = true,
                                   .has_more = group->n_tasks > 1,
                                   .is_folded = n > 1,
                                   .first = group->first,
                                   .n = n,
                                   .n_threads = group->n,
                                   .n_processes = fold == FOLD_ALL ? group->n_processes : 1});
    for (uint32_t i = 1; fold == FOLD_NOTHING && i < group->n; i++)
        add_row(r, (struct roster_row){.task = r->members.task[group->first + i],
                                       .depth = (uint16_t)(group->depth + 1),
                                       .first = group->first + i,
                                       .n = 1,
                                       .n_threads = 1});
}

static void add_outsiders(struct roster *r, const struct timeline *tl, bool own)
{
    for (unsigned i = 0; i < r->living.n; i++) {
        const uint32_t index = r->living.task[i];
        const struct entry *entry = &r->entries[index];
        if (index >= timeline_n_tasks(tl) || is_workload(entry) || (entry->role != ROLE_OTHER) != own ||
            !is_wanted(r, entry) || !passes(r, tl, index))
            continue;
        list_add(&r->members, index);
        add_row(r, (struct roster_row){
                       .task = index, .is_process = true, .first = r->members.n - 1, .n = 1, .n_threads = 1});
    }
}

static void make_rows(struct roster *r, const struct timeline *tl)
{
    r->n_rows = 0;
    for (unsigned i = 0; i < r->order.n;) {
        const struct group *group = &r->groups[r->order.task[i]];
        const enum fold fold = fold_of(r, group);
        add_group(r, group, fold);
        i += fold == FOLD_ALL ? group->n_processes : 1;
    }
    add_outsiders(r, tl, true);
    if (r->others_ns != UINT64_MAX)
        add_outsiders(r, tl, false);
}

/* Not open in one moment and folded in the next. */
static void judge_room(struct roster *r)
{
    if (r->shown.n > r->n_fit)
        r->is_crowded = true;
    else if (r->shown.n * 4 <= r->n_fit * 3)
        r->is_crowded = false;
}

static void rebuild(struct roster *r, const struct timeline *tl, const struct roster_wish *wish)
{
    choose_shown(r, tl, wish);
    judge_room(r);
    make_groups(r);
    join_families(r);
    order_groups(r);
    place_members(r);
    make_rows(r, tl);
    r->is_stale = r->is_changed = false;
    r->built_ns = timeline_now_ns(tl);
    r->start_ns = wish->start_ns;
}

static void take_wish(struct roster *r, const struct roster_wish *wish)
{
    if (strncmp(r->filter, wish->filter, FILTER_SIZE - 1) != 0 || r->with_ended != wish->with_ended ||
        (r->others_ns == UINT64_MAX) != (wish->others_ns == UINT64_MAX) || r->n_fit != wish->n_fit)
        r->is_changed = true;
    if (r->n_fit != wish->n_fit)
        r->is_crowded = false; /* judged anew */
    snprintf(r->filter, sizeof r->filter, "%s", wish->filter);
    r->with_ended = wish->with_ended;
    r->others_ns = wish->others_ns;
    r->n_fit = wish->n_fit;
}

void roster_update(struct roster *r, const struct timeline *tl, const struct roster_wish *wish)
{
    const uint64_t now = timeline_now_ns(tl);
    begin_anew(r, tl);
    take_new_tasks(r, tl);
    look_around(r, tl, wish->start_ns);
    take_wish(r, wish);
    const bool moves = r->is_stale || r->had_gone || r->had_late || wish->start_ns < r->start_ns ||
                       r->others_ns != UINT64_MAX || r->filter[0];
    const bool is_due = now >= r->built_ns + REBUILD_NS || now < r->built_ns || r->living.n <= FEW;
    if (r->is_changed || (moves && is_due))
        rebuild(r, tl, wish);
}

bool roster_fold(struct roster *r, uint32_t task)
{
    if (task >= r->n_entries)
        return false;
    const uint32_t leader = leader_of(r, task);
    struct entry *entry = &r->entries[leader];
    if (entry->build != r->build || r->groups[entry->group].n_tasks < 2)
        return false;
    const bool is_open = fold_of(r, &r->groups[entry->group]) == FOLD_NOTHING;
    entry->choice = is_open ? CHOICE_FOLDED : CHOICE_OPEN;
    r->is_changed = true;
    return true;
}

void roster_fold_all(struct roster *r)
{
    bool any_folded = false, any_threads = false;
    for (unsigned i = 0; i < r->n_groups; i++) {
        any_folded = any_folded || fold_of(r, &r->groups[i]) != FOLD_NOTHING;
        any_threads = any_threads || r->groups[i].n > 1;
    }
    const enum choice choice = any_folded ? CHOICE_OPEN : any_threads ? CHOICE_THREADS : CHOICE_FOLDED;
    for (unsigned i = 0; i < r->n_entries; i++)
        r->entries[i].choice = (uint8_t)choice;
    r->is_changed = true;
}

/* ---- answers ---- */

const struct roster_row *roster_rows(const struct roster *r, unsigned *n)
{
    *n = r->n_rows;
    return r->rows;
}

const uint32_t *roster_members(const struct roster *r)
{
    return r->members.task;
}

int64_t roster_length(const struct roster *r, const struct timeline *tl, const struct roster_row *row,
                      enum length which)
{
    return lengths_together(r->lengths, tl, r->members.task + row->first, row->n, which);
}

const struct histogram *roster_slice_lengths(const struct roster *r, const struct timeline *tl)
{
    return lengths_of_all(r->lengths, tl);
}

const uint32_t *roster_active(const struct roster *r, unsigned *n)
{
    *n = r->active.n;
    return r->active.task;
}

unsigned roster_n_quiet(const struct roster *r)
{
    return r->n_quiet;
}

bool roster_is_active(const struct roster *r, uint32_t task)
{
    return task < r->n_entries && r->entries[task].is_active;
}

struct roster_counts roster_counts(const struct roster *r)
{
    return r->counts;
}

struct roster_look roster_look(const struct roster *r, uint32_t task)
{
    if (task >= r->n_entries)
        return (struct roster_look){.leader = NONE};
    const struct entry *entry = &r->entries[task];
    return (struct roster_look){r->entries[entry->as].colour, entry->number, entry->leader};
}
