/* Who ran instead: the waits of a task, laid over the CPUs for which it waited. */
#include "../err.h"
#include "model.h"

#include <stdlib.h>

/* Items to look at: about a quarter of a millisecond for one task, and two for all together. */
#define TASK_ITEMS  8192u
#define TOTAL_ITEMS 65536u
#define LEAST_ITEMS 16u

/* The question, and what was found so far: pieces of time, several of them of one task. */
struct search {
    const struct timeline *tl;
    uint64_t from_ns, to_ns;
    uint64_t asked_ns; /* from_ns, but history may begin later */
    bool has_missed;   /* what a task did in between */
    unsigned items_left;
    struct behind *pieces;
    unsigned n, max;
    struct behind_sums sums;
};

static uint64_t overlap(uint64_t a_ns, uint64_t b_ns, uint64_t from_ns, uint64_t to_ns)
{
    a_ns = a_ns > from_ns ? a_ns : from_ns;
    b_ns = b_ns < to_ns ? b_ns : to_ns;
    return b_ns > a_ns ? b_ns - a_ns : 0;
}

static void add_piece(struct search *search, uint32_t task, uint64_t ns)
{
    if (search->n > 0 && search->pieces[search->n - 1].task == task) {
        search->pieces[search->n - 1].ns += ns;
        return;
    }
    if (search->n == search->max) {
        search->max = search->max ? 2 * search->max : 256;
        search->pieces = mem_resize(search->pieces, search->max, sizeof *search->pieces);
    }
    search->pieces[search->n++] = (struct behind){task, ns};
}

/* False when there are no more to be looked at. */
static bool count_item(struct search *search)
{
    if (search->items_left == 0)
        search->sums.cut = true;
    else
        search->items_left--;
    return !search->sums.cut;
}

/* Who had the CPU in [a_ns, b_ns); up to where that was looked at. */
static uint64_t look_at_cpu(struct search *search, const struct cpu *cpu, uint64_t a_ns, uint64_t b_ns)
{
    const struct item tail = cpu_tail(search->tl, cpu);
    struct cursor cursor = cursor_seek(&cpu->track, &tail, a_ns);
    do {
        const struct item item = cursor_item(&cursor);
        if (item.start_ns >= b_ns)
            break;
        if (!count_item(search))
            return item.start_ns > a_ns ? item.start_ns : a_ns;
        const uint64_t ns = overlap(item.start_ns, item.end_ns, a_ns, b_ns);
        if (item_is_slice(&item) && ns > 0) {
            add_piece(search, item.who, ns);
            search->sums.unknown_ns -= ns;
        }
    } while (cursor_next(&cursor));
    return b_ns;
}

/* cpu: -1 when it is not known. */
static void look_at_wait(struct search *search, int number, uint64_t a_ns, uint64_t b_ns)
{
    const struct timeline *tl = search->tl;
    a_ns = a_ns > search->from_ns ? a_ns : search->from_ns;
    b_ns = b_ns < search->to_ns ? b_ns : search->to_ns;
    if (a_ns >= b_ns)
        return;
    search->sums.unknown_ns += b_ns - a_ns;
    uint64_t end_ns = b_ns;
    if (number >= 0 && number < tl->n_cpus && tl->cpus[number])
        end_ns = look_at_cpu(search, tl->cpus[number], a_ns, b_ns);
    search->sums.unknown_ns -= b_ns - end_ns;
    search->sums.waited_ns += end_ns - a_ns;
}

static bool lived_before(const struct search *search, const struct life *life)
{
    const bool was_gone = life->task.state == STATE_GONE && life->task.state_since_ns <= search->asked_ns;
    return search->asked_ns < search->from_ns && life->task.first_ns < search->from_ns && !was_gone;
}

static void look_at_task(struct search *search, const struct life *life)
{
    search->has_missed |= lived_before(search, life);
    const struct item tail = life_tail(search->tl, life);
    struct cursor cursor = cursor_seek(&life->track, &tail, search->from_ns);
    const bool green = life->task.kind == TASK_GREEN;
    do {
        const struct item item = cursor_item(&cursor);
        const uint64_t wait_from_ns = item.start_ns - item.wait_ns;
        if (wait_from_ns >= search->to_ns || !count_item(search))
            break;
        if (item.wait_ns == 0)
            continue;
        int number = item_is_slice(&item) ? (int)item.who : -1;
        if (cursor.chunk == life->track.n && !item_is_slice(&item))
            number = life->queued_cpu;
        look_at_wait(search, green ? -1 : number, wait_from_ns, item.start_ns);
    } while (!search->sums.cut && cursor_next(&cursor));
}

/* ---- answers ---- */

static int compare_tasks(const void *a, const void *b)
{
    const struct behind *x = a, *y = b;
    return (x->task > y->task) - (x->task < y->task);
}

static int compare_longest_first(const void *a, const void *b)
{
    const struct behind *x = a, *y = b;
    if (x->ns != y->ns)
        return x->ns < y->ns ? 1 : -1;
    return compare_tasks(a, b);
}

static unsigned answer(struct search *search, struct behind *out, unsigned max, struct behind_sums *sums)
{
    unsigned n = 0;
    if (search->n > 0)
        qsort(search->pieces, search->n, sizeof *search->pieces, compare_tasks);
    for (unsigned i = 0; i < search->n; i++) {
        if (n > 0 && search->pieces[n - 1].task == search->pieces[i].task)
            search->pieces[n - 1].ns += search->pieces[i].ns;
        else
            search->pieces[n++] = search->pieces[i];
    }
    if (n > 0)
        qsort(search->pieces, n, sizeof *search->pieces, compare_longest_first);
    n = n < max ? n : max;
    for (unsigned i = 0; i < n; i++)
        out[i] = search->pieces[i];
    free(search->pieces);
    *sums = search->sums;
    sums->cut |= search->has_missed;
    return n;
}

static struct search begin(const struct timeline *tl, uint64_t from_ns, uint64_t to_ns)
{
    const uint64_t edge_ns = timeline_edge_ns(tl);
    return (struct search){.tl = tl,
                           .from_ns = from_ns > edge_ns ? from_ns : edge_ns,
                           .to_ns = to_ns < tl->now_ns ? to_ns : tl->now_ns,
                           .asked_ns = from_ns};
}

unsigned timeline_behind(const struct timeline *tl, uint32_t task, uint64_t from_ns, uint64_t to_ns,
                         struct behind *out, unsigned max, struct behind_sums *sums)
{
    struct search search = begin(tl, from_ns, to_ns);
    search.items_left = TASK_ITEMS;
    if (task < tl->n_lives)
        look_at_task(&search, tl->lives[task]);
    return answer(&search, out, max, sums);
}

unsigned timeline_antagonists(const struct timeline *tl, uint64_t from_ns, uint64_t to_ns, struct behind *out,
                              unsigned max, struct behind_sums *sums)
{
    struct search search = begin(tl, from_ns, to_ns);
    const unsigned share = tl->n_lives ? TOTAL_ITEMS / tl->n_lives : 0;
    bool cut = false;
    for (uint32_t i = 0; i < tl->n_lives; i++) {
        if (!task_counts(&tl->lives[i]->task))
            continue;
        search.items_left = share > LEAST_ITEMS ? share : LEAST_ITEMS;
        search.sums.cut = false;
        look_at_task(&search, tl->lives[i]);
        cut |= search.sums.cut;
    }
    search.sums.cut = cut;
    return answer(&search, out, max, sums);
}
