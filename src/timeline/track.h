/* Storage of one lane of time: spans in order, packed into chunks whose headers let any window be summed
 * fast. */
#ifndef SCHEDVIZ_TIMELINE_TRACK_H
#define SCHEDVIZ_TIMELINE_TRACK_H

#include "timeline.h"

/* What a span is: one of enum slice_end for a slice, else one of these. */
enum {
    TAG_UNKNOWN = SLICE_LOST + 1, /* a hole */
    TAG_SAMPLE,                   /* unknown, and at its end a sample saw the task running */
    TAG_TURN,                     /* a point where a task's state changed without a slice */
    TAG_OTHERS = TAG_TURN,        /* on a CPU track: somebody unseen ran; its length counts as wait_ns */
};

/* A span [start_ns, end_ns) and the gap before it, from prev_ns: the last wait_ns of the gap was runnable,
 * what comes before that was blocked (on a CPU: idle). */
struct item {
    uint64_t prev_ns, start_ns, end_ns, wait_ns;
    uint32_t who; /* CPU track: task index; task track: CPU */
    uint8_t tag;
    bool self; /* CPU track: the task is schedviz's own */
};

static inline bool item_is_slice(const struct item *item)
{
    return item->tag <= SLICE_LOST;
}

#define TRACK_MAX_WHO ((UINT32_C(1) << 28) - 1)

/* Sums over a stretch of a track; counts wrap, only their differences are used. */
struct sums {
    uint64_t run_ns, self_ns, wait_ns, unknown_ns; /* wait_ns on a CPU track: others ran */
    uint32_t n_slices, n_samples;
};

struct chunk;
struct chunk_head;
struct free_chunk;

#define N_CHUNK_SIZES 6 /* three capacities, on CPU and on task tracks */

struct chunk_ref {
    uint64_t begin_ns; /* where the chunk before it ends */
    struct chunk *chunk;
};

/* All zero, but for begin and end: where its time begins. */
struct track {
    struct chunk *open;       /* the newest chunk, while it takes items */
    struct chunk_ref *refs;   /* the held ones are refs[first] ... refs[first + n - 1] */
    struct chunk_head *heads; /* the same */
    uint32_t first, n, capacity;
    bool is_task; /* items carry wait_ns */
    bool in_heap;
    uint64_t end_ns;   /* of the newest item */
    struct sums total; /* of all items ever */
};

/* The memory that all tracks share, bounded: what is oldest goes first. */
struct store {
    size_t budget, used;
    uint64_t edge_ns;         /* newest end of anything dropped */
    struct store_entry *heap; /* tracks by the end of their oldest chunk */
    size_t n_heap, heap_capacity;

    /* Chunks come in a few sizes and are cut from large blocks: freed ones wait for the next of their size.
     */
    struct free_chunk *free_chunks[N_CHUNK_SIZES];
    char *block; /* the rest of the newest one */
    size_t block_left, block_bytes;
    void **blocks;
    size_t n_blocks;
};

void store_init(struct store *store, size_t budget);
void store_fini(struct store *store);

void track_init(struct track *track, bool is_task, uint64_t begin_ns);
void track_fini(struct track *track); /* its chunks are the store's, and go with it */

/* item->start_ns is not before the track's end; prev_ns is not looked at. */
void track_append(struct store *store, struct track *track, const struct item *item);

/* Changes the self flag of every item of `who` from from_ns on and moves its time; sums up what was changed.
 */
struct cpu_totals track_set_self(struct track *track, uint32_t who, bool self, uint64_t from_ns);

/* Walks a track; behind the stored items stands one that is not finished, the tail. */
struct cursor {
    const struct track *track;
    const struct item *tail;
    uint32_t chunk; /* from the oldest held one; track->n: at the tail */
    uint32_t i;
};

/* At the first item that ends at t_ns or later (the tail when there is none). */
struct cursor cursor_seek(const struct track *track, const struct item *tail, uint64_t t_ns);
struct item cursor_item(const struct cursor *cursor);
bool cursor_next(struct cursor *cursor); /* false, and no move, at the tail */
bool cursor_back(struct cursor *cursor); /* false, and no move, at the oldest */

/* Fills bins as timeline_*_bins() has it, of what lies in [lo_ns, hi_ns); columns of no more than scan_items
 * items are looked at one by one. */
struct window {
    uint64_t start_ns, span_ns, lo_ns, hi_ns;
    unsigned scan_items;
    bool rest_is_unknown; /* CPU track: what no item covers is not known to be idle */
    bool all_chunks;      /* who leads a column of more is asked of all its chunks, not of two */
};
void track_bins(const struct track *track, const struct item *tail, const struct window *window, unsigned n,
                struct bin *bins);
/* The whole window as one bin, exact, without leads. */
void track_sum(const struct track *track, const struct item *tail, const struct window *window,
               struct bin *bin);

#endif
