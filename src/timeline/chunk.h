/* The inside of a track's chunk, shared by its storage and its bins. */
#ifndef SCHEDVIZ_TIMELINE_CHUNK_H
#define SCHEDVIZ_TIMELINE_CHUNK_H

#include "track.h"

#define CHUNK_LEADS 3

struct chunk_lead {
    uint32_t who;
    uint32_t part; /* of the chunk's run_ns, in 1 / UINT32_MAX; 0 when there are no more */
};

/* What a window needs to know of a chunk that it does not look into. Heads lie in a row, apart from the
 * items; what tells the leads of one, its run time (a difference with the next one) included, is close
 * together. */
struct chunk_head {
    struct chunk_lead lead[CHUNK_LEADS]; /* of a CPU's chunk, set when it is closed */
    struct sums before;                  /* of all items ever before this chunk */
};

_Static_assert(sizeof(struct chunk_head) == 64, "a cache line or two each");

/* Packed items: start from base_ns, length, word, and on task tracks the wait. What does not fit 32 bits is
 * held here: the wait of the first item, and the end of the last. */
struct chunk {
    uint64_t end_ns;
    uint64_t base_ns; /* start of the first item */
    uint64_t first_wait_ns;
    uint16_t n, capacity;
    uint8_t stride; /* numbers of an item */
    uint32_t numbers[];
};

enum { NUMBER_START, NUMBER_LENGTH, NUMBER_WORD, NUMBER_WAIT };

#define CHUNK_MIN_ITEMS 8
#define CHUNK_MAX_ITEMS 128
#define CHUNK_LONG      UINT32_MAX /* a length or a wait that is in the header */

/* A word: who, self, tag. */
#define WORD_TAG  7u
#define WORD_SELF 8u
#define WORD_WHO  4 /* shift */

static inline const uint32_t *chunk_numbers(const struct chunk *chunk, unsigned i)
{
    return chunk->numbers + (size_t)i * chunk->stride;
}

static inline uint64_t chunk_start(const struct chunk *chunk, unsigned i)
{
    return chunk->base_ns + chunk_numbers(chunk, i)[NUMBER_START];
}

static inline uint64_t chunk_end(const struct chunk *chunk, unsigned i)
{
    if (i + 1u == chunk->n)
        return chunk->end_ns;
    return chunk_start(chunk, i) + chunk_numbers(chunk, i)[NUMBER_LENGTH];
}

static inline uint32_t chunk_word(const struct chunk *chunk, unsigned i)
{
    return chunk_numbers(chunk, i)[NUMBER_WORD];
}

static inline uint64_t chunk_wait(const struct chunk *chunk, unsigned i)
{
    if (i == 0)
        return chunk->first_wait_ns;
    return chunk->stride > NUMBER_WAIT ? chunk_numbers(chunk, i)[NUMBER_WAIT] : 0;
}

/* The i-th item of a chunk that begins at begin_ns. */
static inline struct item chunk_item(const struct chunk *chunk, uint64_t begin_ns, unsigned i)
{
    uint32_t word = chunk_word(chunk, i);
    return (struct item){
        .prev_ns = i == 0 ? begin_ns : chunk_end(chunk, i - 1),
        .start_ns = chunk_start(chunk, i),
        .end_ns = chunk_end(chunk, i),
        .wait_ns = chunk_wait(chunk, i),
        .who = word >> WORD_WHO,
        .tag = (uint8_t)(word & WORD_TAG),
        .self = (word & WORD_SELF) != 0,
    };
}

/* For track_append_slice() alone. "cold" here and elsewhere: the compiler lays out what leads there apart
 * from what every slice comes through. */
__attribute__((cold)) void track_append_odd_slice(struct store *store, struct track *track, uint64_t start_ns,
                                                  uint64_t end_ns, uint64_t wait_ns, uint32_t who,
                                                  enum slice_end end, bool self);

/* track_append() for a slice, which is most of what comes: what that asserts has to hold here too. Here, so
 * that what is constant at the call (is_task, which is the track's, and what goes with it) costs nothing. */
static inline void track_append_slice(struct store *store, struct track *track, bool is_task,
                                      uint64_t start_ns, uint64_t end_ns, uint64_t wait_ns, uint32_t who,
                                      enum slice_end end, bool self)
{
    struct chunk *chunk = track->open;
    const uint64_t length_ns = end_ns - start_ns;
    /* Within end - base are start and length, and so is the wait, which is behind the item before it. */
    const bool plain = chunk && chunk->n + 1u < chunk->capacity && end_ns - chunk->base_ns < CHUNK_LONG;
    if (!plain) { /* the first or the last of a chunk, or one that is held differently */
        track_append_odd_slice(store, track, start_ns, end_ns, wait_ns, who, end, self);
        return;
    }
    const unsigned stride = is_task ? NUMBER_WAIT + 1 : NUMBER_WAIT;
    uint32_t *numbers = chunk->numbers + chunk->n++ * stride;
    numbers[NUMBER_START] = (uint32_t)(start_ns - chunk->base_ns);
    numbers[NUMBER_LENGTH] = (uint32_t)length_ns;
    numbers[NUMBER_WORD] = who << WORD_WHO | (self ? WORD_SELF : 0) | end;
    chunk->end_ns = track->end_ns = end_ns;
    track->total.run_ns += length_ns;
    track->total.n_slices++;
    if (is_task) {
        numbers[NUMBER_WAIT] = (uint32_t)wait_ns;
        track->total.wait_ns += wait_ns;
    } else if (self) {
        track->total.self_ns += length_ns;
    }
}

/* The i-th chunk held, and where it begins and ends. */
static inline const struct chunk *track_chunk(const struct track *track, uint32_t i)
{
    return track->refs[track->first + i].chunk;
}

static inline const struct chunk_head *track_head(const struct track *track, uint32_t i)
{
    return &track->heads[track->first + i];
}

static inline uint64_t track_begin(const struct track *track, uint32_t i)
{
    return track->refs[track->first + i].begin_ns;
}

static inline uint64_t track_end(const struct track *track, uint32_t i)
{
    return i + 1 < track->n ? track_begin(track, i + 1) : track->end_ns;
}

/* Slices held. */
static inline uint32_t track_n_slices(const struct track *track)
{
    return track->n ? track->total.n_slices - track_head(track, 0)->before.n_slices : 0;
}

/* The first chunk from `from` on that ends at t_ns or later; track->n when there is none. */
uint32_t track_find(const struct track *track, uint32_t from, uint64_t t_ns);

/* The first item in the chunk that ends at t_ns or later; n when there is none. */
unsigned chunk_find(const struct chunk *chunk, uint64_t t_ns);

/* Who had the largest parts of a chunk's run_ns, counted from its items. */
void chunk_leads(const struct chunk *chunk, uint64_t run_ns, struct chunk_lead leads[CHUNK_LEADS]);

/* Sums of time per who, the largest kept; `full` tells that some were dropped. */
#define TALLY_SIZE 16
struct tally {
    unsigned n, last;
    bool full;
    uint32_t who[TALLY_SIZE];
    uint64_t ns[TALLY_SIZE];
};

static inline void tally_init(struct tally *tally)
{
    tally->n = tally->last = 0;
    tally->full = false;
}

static inline void tally_add(struct tally *tally, uint32_t who, uint64_t ns)
{
    if (tally->last < tally->n && tally->who[tally->last] == who) {
        tally->ns[tally->last] += ns;
        return;
    }
    for (unsigned i = 0; i < tally->n; i++) {
        if (tally->who[i] == who) {
            tally->ns[i] += ns;
            tally->last = i;
            return;
        }
    }
    unsigned smallest = 0;
    if (tally->n < TALLY_SIZE) {
        smallest = tally->n++;
    } else {
        tally->full = true;
        for (unsigned i = 1; i < TALLY_SIZE; i++)
            if (tally->ns[i] < tally->ns[smallest])
                smallest = i;
        if (tally->ns[smallest] >= ns)
            return;
    }
    tally->who[smallest] = who;
    tally->ns[smallest] = ns;
    tally->last = smallest;
}

/* Takes the largest out; false when none is left. */
static inline bool tally_take(struct tally *tally, uint32_t *who, uint64_t *ns)
{
    unsigned best = 0;
    for (unsigned i = 1; i < tally->n; i++)
        if (tally->ns[i] > tally->ns[best])
            best = i;
    if (!tally->n || !tally->ns[best])
        return false;
    *who = tally->who[best];
    *ns = tally->ns[best];
    tally->ns[best] = 0;
    return true;
}

#endif
