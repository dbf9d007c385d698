/* trace.dat: a lane of pages per CPU, and a heap of the lanes by the time of their next moment. */
#include "dat.h"

#include "stretch.h"

#include <stdlib.h>
#include <string.h>

/* The data of one CPU. */
struct lane {
    int16_t cpu;
    uint64_t at, end;      /* of what was not read yet, in the file */
    struct unpack *unpack; /* NULL: pages stand in the file as they are */
    uint32_t n_chunks;     /* packed chunks that were not begun */
    uint64_t chunk_left;   /* unpacked bytes of this one that were not read */
    unsigned char *bytes;  /* the page */
    struct page page;
    uint64_t lost_before; /* damage: told before the next moment */
    struct moment next;
};

struct dat {
    struct dat_header header;
    const struct bytes *bytes;
    unsigned n_lanes;
    struct lane *lanes;
    unsigned n_heap;
    uint32_t *heap; /* lanes that have a next moment, the earliest first */
    uint64_t n_bytes, n_read, n_missing, n_damaged;
    uint64_t memory; /* for unpacking */
};

/* ---- pages ---- */

static uint64_t advance(struct dat *dat, struct lane *lane, uint64_t n)
{
    lane->at += n;
    dat->n_read += n;
    return n;
}

static void abandon(struct dat *dat, struct lane *lane)
{
    dat->n_damaged++;
    lane->n_chunks = 0;
    lane->chunk_left = 0;
    advance(dat, lane, lane->end - lane->at);
}

/* Begins the next packed chunk; false where there is none. */
static bool next_chunk(struct dat *dat, struct lane *lane)
{
    enum { HEAD = 8 };
    unsigned char head[HEAD];
    if (lane->n_chunks == 0)
        return false;
    if (lane->end - lane->at < HEAD || bytes_read(dat->bytes, lane->at, head, HEAD) < HEAD) {
        abandon(dat, lane);
        return false;
    }
    advance(dat, lane, HEAD);
    const uint64_t n_packed = stretch_number(head, 4, dat->header.big_endian);
    const uint64_t n_here = n_packed < lane->end - lane->at ? n_packed : lane->end - lane->at;
    lane->chunk_left = stretch_number(head + 4, 4, dat->header.big_endian);
    lane->n_chunks--;
    unpack_begin(lane->unpack, dat->bytes, lane->at, lane->at + n_here);
    advance(dat, lane, n_here);
    return true;
}

/* What unpacking holds is known only once it has begun: more than DAT_MAX_MEMORY is no trace's. */
static bool fits(struct dat *dat, struct lane *lane, size_t before)
{
    dat->memory += unpack_memory(lane->unpack) - before;
    return dat->memory <= DAT_MAX_MEMORY;
}

/* A chunk that does not become whole pages ends there; the next one may be whole. */
static bool read_packed_page(struct dat *dat, struct lane *lane)
{
    const size_t page_size = dat->header.page_size;
    for (;;) {
        while (lane->chunk_left < page_size) {
            if (!next_chunk(dat, lane))
                return false;
        }
        const size_t before = unpack_memory(lane->unpack);
        const size_t n = unpack_read(lane->unpack, lane->bytes, page_size);
        lane->chunk_left -= page_size;
        if (!fits(dat, lane, before)) {
            abandon(dat, lane);
            return false;
        }
        if (n == page_size)
            return true;
        dat->n_damaged++;
        lane->lost_before++;
        lane->chunk_left = 0;
    }
}

static bool read_page(struct dat *dat, struct lane *lane)
{
    const size_t page_size = dat->header.page_size;
    if (lane->unpack)
        return read_packed_page(dat, lane);
    if (lane->end - lane->at < page_size) {
        advance(dat, lane, lane->end - lane->at);
        return false;
    }
    if (bytes_read(dat->bytes, lane->at, lane->bytes, page_size) < page_size) {
        abandon(dat, lane);
        return false;
    }
    advance(dat, lane, page_size);
    return true;
}

/* ---- moments of a lane ---- */

static uint64_t scaled(const struct dat_scale *scale, uint64_t time)
{
    if (scale->mult == 0)
        return time;
    return (uint64_t)((unsigned __int128)time * scale->mult >> scale->shift) + scale->offset;
}

/* A new page: what is missing before it comes first. */
static bool begin_page(struct dat *dat, struct lane *lane)
{
    page_begin(&lane->page, &dat->header.layout, lane->bytes, dat->header.page_size);
    uint64_t n_lost = lane->lost_before;
    if (lane->page.n_missed > 0)
        n_lost += lane->page.n_missed == UINT64_MAX ? 1 : lane->page.n_missed;
    if (n_lost == 0)
        return false;
    lane->lost_before = 0;
    lane->next = (struct moment){.time_ns = scaled(&dat->header.scale, lane->page.time),
                                 .cpu = lane->cpu,
                                 .kind = MOMENT_LOST,
                                 .n = n_lost};
    return true;
}

static void end_page(struct dat *dat, struct lane *lane)
{
    if (lane->page.damaged) {
        dat->n_damaged++;
        lane->lost_before++;
    }
    lane->page = (struct page){0};
}

/* Reads on to the lane's next moment; false when there are no more. */
static bool read_on(struct dat *dat, struct lane *lane)
{
    for (;;) {
        const unsigned char *record;
        size_t n;
        while (lane->page.layout && page_next(&lane->page, &record, &n)) {
            struct moment moment = {.cpu = lane->cpu};
            if (formats_moment(&dat->header.formats, record, n, &moment)) {
                moment.time_ns = scaled(&dat->header.scale, lane->page.time);
                lane->next = moment;
                return true;
            }
        }
        end_page(dat, lane);
        if (!read_page(dat, lane))
            return false;
        if (begin_page(dat, lane))
            return true;
    }
}

/* ---- the heap ---- */

static bool is_before(const struct dat *dat, uint32_t a, uint32_t b)
{
    const struct moment *x = &dat->lanes[a].next, *y = &dat->lanes[b].next;
    return x->time_ns < y->time_ns || (x->time_ns == y->time_ns && a < b);
}

static void sift_down(struct dat *dat, unsigned i)
{
    const uint32_t lane = dat->heap[i];
    for (;;) {
        unsigned child = 2 * i + 1;
        if (child >= dat->n_heap)
            break;
        if (child + 1 < dat->n_heap && is_before(dat, dat->heap[child + 1], dat->heap[child]))
            child++;
        if (!is_before(dat, dat->heap[child], lane))
            break;
        dat->heap[i] = dat->heap[child];
        i = child;
    }
    dat->heap[i] = lane;
}

bool dat_next(struct dat *dat, struct moment *moment)
{
    if (dat->n_heap == 0)
        return false;
    struct lane *lane = &dat->lanes[dat->heap[0]];
    *moment = lane->next;
    if (!read_on(dat, lane))
        dat->heap[0] = dat->heap[--dat->n_heap];
    if (dat->n_heap > 0)
        sift_down(dat, 0);
    return true;
}

/* ---- opening ---- */

static void open_lane(struct dat *dat, struct lane *lane, const struct dat_place *place)
{
    const uint64_t size = dat->bytes->size;
    const uint64_t here = place->at < size ? size - place->at : 0;
    /* What trace-cmd 3.1 says of packed data leaves out the 4 bytes of the number of chunks. */
    const uint64_t wanted = place->size + (dat->header.method == UNPACK_NONE ? 0 : 4);
    const uint64_t n = wanted < here ? wanted : here;
    lane->cpu = place->cpu;
    lane->at = place->at;
    lane->end = place->at + n;
    dat->n_bytes += n;
    dat->n_missing += place->size > n ? place->size - n : 0;
    if (n == 0)
        return;
    lane->bytes = mem_new(dat->header.page_size, 1);
    dat->memory += dat->header.page_size;
    if (dat->header.method == UNPACK_NONE)
        return;
    unsigned char count[4];
    if (n < sizeof count || bytes_read(dat->bytes, lane->at, count, sizeof count) < sizeof count)
        return;
    advance(dat, lane, sizeof count);
    lane->n_chunks = (uint32_t)stretch_number(count, sizeof count, dat->header.big_endian);
    lane->unpack = unpack_new(dat->header.method);
    dat->memory += unpack_memory(lane->unpack);
}

static bool open_lanes(struct dat *dat, const char *path, struct err *err)
{
    const struct dat_header *header = &dat->header;
    dat->lanes = mem_new(header->n_places, sizeof *dat->lanes);
    dat->heap = mem_new(header->n_places, sizeof *dat->heap);
    for (; dat->n_lanes < header->n_places; dat->n_lanes++) {
        open_lane(dat, &dat->lanes[dat->n_lanes], &header->places[dat->n_lanes]);
        if (dat->memory > DAT_MAX_MEMORY)
            return err_set(err, "%s is damaged: it would take more than %u MiB to unpack", path,
                           (unsigned)(DAT_MAX_MEMORY >> 20));
    }
    for (unsigned i = 0; i < dat->n_lanes; i++) {
        if (dat->lanes[i].bytes && read_on(dat, &dat->lanes[i]))
            dat->heap[dat->n_heap++] = i;
    }
    for (unsigned i = dat->n_heap / 2; i-- > 0;)
        sift_down(dat, i);
    return true;
}

struct dat *dat_open(const struct bytes *bytes, const char *path, struct err *err)
{
    struct dat *dat = mem_new(1, sizeof *dat);
    dat->bytes = bytes;
    if (dat_header_read(&dat->header, bytes, path, err) && open_lanes(dat, path, err))
        return dat;
    dat_close(dat);
    return NULL;
}

void dat_close(struct dat *dat)
{
    if (!dat)
        return;
    for (unsigned i = 0; dat->lanes && i < dat->header.n_places; i++) {
        unpack_free(dat->lanes[i].unpack);
        free(dat->lanes[i].bytes);
    }
    free(dat->lanes);
    free(dat->heap);
    dat_header_fini(&dat->header);
    free(dat);
}

const struct dat_header *dat_header(const struct dat *dat)
{
    return &dat->header;
}

uint64_t dat_n_read(const struct dat *dat)
{
    return dat->n_read;
}

uint64_t dat_n_bytes(const struct dat *dat)
{
    return dat->n_bytes;
}

uint64_t dat_n_missing(const struct dat *dat)
{
    return dat->n_missing;
}

uint64_t dat_n_damaged(const struct dat *dat)
{
    return dat->n_damaged;
}
