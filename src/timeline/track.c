/* Storage of one lane of time: appending, dropping the oldest, walking. */
#include "track.h"

#include "../err.h"
#include "chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks of the size of a huge page, so that filling them faults seldom; small ones for a small budget. */
#define LARGE_BLOCK_BYTES ((size_t)2 << 20)
#define SMALL_BLOCK_BYTES ((size_t)64 << 10)

struct free_chunk {
    struct free_chunk *next;
};

struct store_entry {
    uint64_t end_ns; /* of the track's oldest chunk when last looked at: never too high */
    struct track *track;
};

void store_init(struct store *store, size_t budget)
{
    bool large = budget >= 16 * LARGE_BLOCK_BYTES;
    *store = (struct store){.budget = budget, .block_bytes = large ? LARGE_BLOCK_BYTES : SMALL_BLOCK_BYTES};
}

void store_fini(struct store *store)
{
    for (size_t i = 0; i < store->n_blocks; i++)
        free(store->blocks[i]);
    free(store->blocks);
    free(store->heap);
}

/* ---- memory of chunks ---- */

static void add_block(struct store *store)
{
    store->block = aligned_alloc(store->block_bytes, store->block_bytes);
    if (!store->block)
        err_no_memory();
    if (store->block_bytes == LARGE_BLOCK_BYTES)
        madvise(store->block, store->block_bytes, MADV_HUGEPAGE); /* advice: refused it costs time alone */
    store->block_left = store->block_bytes;
    store->blocks = mem_resize(store->blocks, store->n_blocks + 1, sizeof *store->blocks);
    store->blocks[store->n_blocks++] = store->block;
}

static unsigned chunk_size_class(unsigned capacity, bool is_task)
{
    unsigned step = capacity == CHUNK_MIN_ITEMS ? 0 : capacity == CHUNK_MAX_ITEMS ? 2 : 1;
    return step + (is_task ? N_CHUNK_SIZES / 2 : 0);
}

static void *take_chunk(struct store *store, unsigned capacity, bool is_task, size_t bytes)
{
    struct free_chunk **list = &store->free_chunks[chunk_size_class(capacity, is_task)];
    struct free_chunk *chunk = *list;
    if (chunk) {
        *list = chunk->next;
        return chunk;
    }
    if (store->block_left < bytes)
        add_block(store);
    void *taken = store->block;
    store->block += bytes;
    store->block_left -= bytes;
    return taken;
}

static void give_chunk(struct store *store, struct chunk *chunk, bool is_task)
{
    struct free_chunk **list = &store->free_chunks[chunk_size_class(chunk->capacity, is_task)];
    struct free_chunk *freed = (struct free_chunk *)(void *)chunk;
    freed->next = *list;
    *list = freed;
}

/* ---- the heap of oldest chunks ---- */

static void heap_sift_down(struct store *store, size_t i)
{
    struct store_entry moved = store->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= store->n_heap)
            break;
        if (child + 1 < store->n_heap && store->heap[child + 1].end_ns < store->heap[child].end_ns)
            child++;
        if (store->heap[child].end_ns >= moved.end_ns)
            break;
        store->heap[i] = store->heap[child];
        i = child;
    }
    store->heap[i] = moved;
}

static void heap_add(struct store *store, struct track *track)
{
    if (store->n_heap == store->heap_capacity) {
        store->heap_capacity = store->heap_capacity ? 2 * store->heap_capacity : 64;
        store->heap = mem_resize(store->heap, store->heap_capacity, sizeof *store->heap);
    }
    struct store_entry entry = {track_end(track, 0), track};
    size_t i = store->n_heap++;
    while (i > 0 && store->heap[(i - 1) / 2].end_ns > entry.end_ns) {
        store->heap[i] = store->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    store->heap[i] = entry;
    track->in_heap = true;
}

/* ---- chunks ---- */

static unsigned chunk_stride(bool is_task)
{
    return is_task ? NUMBER_WAIT + 1 : NUMBER_WAIT;
}

static size_t chunk_bytes(unsigned capacity, bool is_task)
{
    return sizeof(struct chunk) + chunk_stride(is_task) * capacity * sizeof(uint32_t);
}

#define REF_BYTES (sizeof(struct chunk_ref) + sizeof(struct chunk_head))

static void resize_refs(struct store *store, struct track *track, uint32_t capacity)
{
    store->used -= track->capacity * REF_BYTES;
    store->used += capacity * REF_BYTES;
    track->refs = mem_resize(track->refs, capacity, sizeof *track->refs);
    track->heads = mem_resize(track->heads, capacity, sizeof *track->heads);
    track->capacity = capacity;
}

static void free_refs(struct store *store, struct track *track)
{
    store->used -= track->capacity * REF_BYTES;
    free(track->refs);
    free(track->heads);
    track->refs = NULL;
    track->heads = NULL;
    track->open = NULL;
    track->first = track->capacity = 0;
}

static void drop_chunk(struct store *store, struct track *track)
{
    struct chunk_ref *ref = &track->refs[track->first];
    struct chunk *chunk = ref->chunk;
    if (store->edge_ns < chunk->end_ns)
        store->edge_ns = chunk->end_ns;
    store->used -= chunk_bytes(chunk->capacity, track->is_task);
    give_chunk(store, chunk, track->is_task);
    track->first++;
    if (--track->n == 0)
        free_refs(store, track);
}

/* Drops the chunk that ended first of all. False when nothing is held. */
static bool drop_oldest(struct store *store)
{
    while (store->n_heap) {
        struct store_entry *top = &store->heap[0];
        uint64_t end_ns = track_end(top->track, 0);
        if (end_ns > top->end_ns) {
            top->end_ns = end_ns; /* items came to it since */
            heap_sift_down(store, 0);
            continue;
        }
        drop_chunk(store, top->track);
        if (top->track->n) {
            top->end_ns = track_end(top->track, 0);
        } else {
            top->track->in_heap = false;
            *top = store->heap[--store->n_heap];
        }
        if (store->n_heap)
            heap_sift_down(store, 0);
        return true;
    }
    return false;
}

static void make_room_for_ref(struct store *store, struct track *track)
{
    if (track->first + track->n < track->capacity)
        return;
    if (track->first > 0 && track->first >= track->capacity / 4) {
        memmove(track->refs, track->refs + track->first, track->n * sizeof *track->refs);
        memmove(track->heads, track->heads + track->first, track->n * sizeof *track->heads);
        track->first = 0;
        return;
    }
    uint32_t grown = track->capacity + track->capacity / 4;
    resize_refs(store, track, track->capacity ? grown + 2 : 2);
}

static void add_chunk(struct store *store, struct track *track, unsigned capacity)
{
    size_t bytes = chunk_bytes(capacity, track->is_task);
    make_room_for_ref(store, track);
    while (store->used + bytes > store->budget && drop_oldest(store)) {
    }
    make_room_for_ref(store, track); /* again: all of this track may have been dropped */
    struct chunk *chunk = take_chunk(store, capacity, track->is_task, bytes);
    *chunk = (struct chunk){0};
    store->used += bytes;
    chunk->capacity = (uint16_t)capacity;
    chunk->stride = (uint8_t)chunk_stride(track->is_task);
    uint32_t i = track->first + track->n++;
    track->refs[i] = (struct chunk_ref){track->end_ns, chunk};
    track->heads[i] = (struct chunk_head){.before = track->total};
    track->open = chunk;
}

/* Who ran runs again soon, if not next: sums are kept in a row by the last digits of `who`, and one goes to
 * the tally when another one needs its place. */
#define ROW_SIZE 16

static void tally_chunk(struct tally *tally, const struct chunk *chunk)
{
    struct {
        uint32_t who;
        uint64_t ns;
    } row[ROW_SIZE] = {0};
    const unsigned stride = chunk->stride, last = (chunk->n - 1u) * stride;
    const uint32_t *numbers = chunk->numbers, *end = numbers + last;
    for (; numbers < end; numbers += stride) {
        const uint32_t word = numbers[NUMBER_WORD], who = word >> WORD_WHO, at = who % ROW_SIZE;
        if ((word & WORD_TAG) > SLICE_LOST)
            continue;
        if (row[at].who != who) {
            tally_add(tally, row[at].who, row[at].ns);
            row[at].who = who;
            row[at].ns = 0;
        }
        row[at].ns += numbers[NUMBER_LENGTH];
    }
    for (unsigned i = 0; i < ROW_SIZE; i++)
        tally_add(tally, row[i].who, row[i].ns);
    if ((end[NUMBER_WORD] & WORD_TAG) <= SLICE_LOST) /* the last one can be longer than its number */
        tally_add(tally, end[NUMBER_WORD] >> WORD_WHO, chunk->end_ns - chunk_start(chunk, chunk->n - 1u));
}

void chunk_leads(const struct chunk *chunk, uint64_t run_ns, struct chunk_lead leads[CHUNK_LEADS])
{
    struct tally tally;
    tally_init(&tally);
    tally_chunk(&tally, chunk);
    for (unsigned i = 0; i < CHUNK_LEADS; i++) {
        uint64_t ns = 0;
        leads[i].who = 0;
        tally_take(&tally, &leads[i].who, &ns);
        leads[i].part = ns ? (uint32_t)((double)ns / (double)run_ns * UINT32_MAX) : 0;
    }
}

static void close_open(struct track *track)
{
    struct chunk_head *head = &track->heads[track->first + track->n - 1];
    if (!track->is_task) /* a task leads on its own track */
        chunk_leads(track->open, track->total.run_ns - head->before.run_ns, head->lead);
    track->open = NULL;
}

/* Chunks are small at first, for the many tracks that never fill one, and after a long silence. */
static void open_chunk(struct store *store, struct track *track)
{
    unsigned capacity = CHUNK_MIN_ITEMS;
    if (track->n) {
        const struct chunk *last = track_chunk(track, track->n - 1);
        if (last->n == last->capacity)
            capacity = last->capacity < CHUNK_MAX_ITEMS ? last->capacity * 4u : CHUNK_MAX_ITEMS;
    }
    add_chunk(store, track, capacity);
}

void track_append(struct store *store, struct track *track, const struct item *item)
{
    assert(item->start_ns >= track->end_ns && item->end_ns >= item->start_ns);
    assert(item->wait_ns <= item->start_ns - track->end_ns);
    if (track->open && (item->start_ns - track->open->base_ns >= CHUNK_LONG || item->wait_ns >= CHUNK_LONG))
        close_open(track);
    if (!track->open)
        open_chunk(store, track);

    struct chunk *chunk = track->open;
    unsigned i = chunk->n++;
    uint64_t length_ns = item->end_ns - item->start_ns;
    bool is_long = length_ns >= CHUNK_LONG;
    if (i == 0) {
        chunk->base_ns = item->start_ns;
        chunk->first_wait_ns = item->wait_ns;
    }
    uint32_t *numbers = chunk->numbers + (size_t)i * chunk->stride;
    numbers[NUMBER_START] = (uint32_t)(item->start_ns - chunk->base_ns);
    numbers[NUMBER_LENGTH] = is_long ? CHUNK_LONG : (uint32_t)length_ns;
    numbers[NUMBER_WORD] = item->who << WORD_WHO | (item->self ? WORD_SELF : 0) | item->tag;
    if (track->is_task)
        numbers[NUMBER_WAIT] = item->wait_ns < CHUNK_LONG ? (uint32_t)item->wait_ns : CHUNK_LONG;
    chunk->end_ns = track->end_ns = item->end_ns;

    struct sums *total = &track->total;
    total->wait_ns += item->wait_ns;
    if (item_is_slice(item)) {
        total->run_ns += length_ns;
        total->self_ns += item->self ? length_ns : 0;
        total->n_slices++;
    } else if (item->tag == TAG_OTHERS) {
        total->wait_ns += length_ns;
    } else {
        total->unknown_ns += length_ns;
        total->n_samples += item->tag == TAG_SAMPLE;
    }
    if (chunk->n == chunk->capacity || is_long)
        close_open(track);
    if (!track->in_heap)
        heap_add(store, track);
}

void track_append_odd_slice(struct store *store, struct track *track, uint64_t start_ns, uint64_t end_ns,
                            uint64_t wait_ns, uint32_t who, enum slice_end end, bool self)
{
    const struct item item = {.start_ns = start_ns,
                              .end_ns = end_ns,
                              .wait_ns = wait_ns,
                              .who = who,
                              .tag = (uint8_t)end,
                              .self = self};
    track_append(store, track, &item);
}

void track_init(struct track *track, bool is_task, uint64_t begin_ns)
{
    *track = (struct track){.is_task = is_task, .end_ns = begin_ns};
}

void track_fini(struct track *track)
{
    free(track->refs);
    free(track->heads);
}

struct cpu_totals track_set_self(struct track *track, uint32_t who, bool self, uint64_t from_ns)
{
    struct cpu_totals moved = {0};
    uint64_t before_ns = 0;
    for (uint32_t c = track_find(track, 0, from_ns); c < track->n; c++) {
        struct chunk *chunk = track->refs[track->first + c].chunk;
        track->heads[track->first + c].before.self_ns += before_ns;
        for (unsigned i = 0; i < chunk->n; i++) {
            uint32_t *word = &chunk->numbers[(size_t)i * chunk->stride + NUMBER_WORD];
            unsigned tag = *word & WORD_TAG;
            if (*word >> WORD_WHO != who || tag > SLICE_LOST || ((*word & WORD_SELF) != 0) == self)
                continue;
            uint64_t ns = chunk_end(chunk, i) - chunk_start(chunk, i);
            *word ^= WORD_SELF;
            before_ns += self ? ns : -ns;
            moved.busy_ns += ns;
            moved.n_slices++;
            moved.n_switches += tag != SLICE_LOST;
        }
    }
    track->total.self_ns += before_ns;
    return moved;
}

/* ---- finding and walking ---- */

uint32_t track_find(const struct track *track, uint32_t from, uint64_t t_ns)
{
    uint32_t low = from, high = from, stride = 1;
    if (from + 1 < track->n && track_end(track, track->n - 2) < t_ns) /* the newest, as most ask for */
        return track->n - (track->end_ns >= t_ns);
    while (high < track->n && track_end(track, high) < t_ns) { /* gallop */
        low = high + 1;
        high += stride;
        stride *= 2;
    }
    if (high > track->n)
        high = track->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (track_end(track, middle) < t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

unsigned chunk_find(const struct chunk *chunk, uint64_t t_ns)
{
    unsigned low = 0, high = chunk->n;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (chunk_end(chunk, middle) < t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct cursor cursor_seek(const struct track *track, const struct item *tail, uint64_t t_ns)
{
    struct cursor cursor = {track, tail, track_find(track, 0, t_ns), 0};
    if (cursor.chunk < track->n)
        cursor.i = chunk_find(track_chunk(track, cursor.chunk), t_ns);
    return cursor;
}

struct item cursor_item(const struct cursor *cursor)
{
    const struct track *track = cursor->track;
    if (cursor->chunk == track->n)
        return *cursor->tail;
    return chunk_item(track_chunk(track, cursor->chunk), track_begin(track, cursor->chunk), cursor->i);
}

bool cursor_next(struct cursor *cursor)
{
    if (cursor->chunk == cursor->track->n)
        return false;
    if (++cursor->i == track_chunk(cursor->track, cursor->chunk)->n) {
        cursor->chunk++;
        cursor->i = 0;
    }
    return true;
}

bool cursor_back(struct cursor *cursor)
{
    if (cursor->i > 0) {
        cursor->i--;
        return true;
    }
    if (cursor->chunk == 0)
        return false;
    cursor->chunk--;
    cursor->i = track_chunk(cursor->track, cursor->chunk)->n - 1u;
    return true;
}
