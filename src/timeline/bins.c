/* A window of a track as columns: looked at item by item where that is affordable, else from the chunks'
 * sums. */
#include "chunk.h"

#include <string.h>

/* Columns are done in batches, so that the chunks they need are on their way from memory meanwhile. */
#define BATCH 64

/* The columns of a window one after the other, without a division each. */
struct columns {
    uint64_t next_ns; /* the border that comes next */
    uint64_t step_ns, rest, part;
    unsigned n;
};

static struct columns columns_of(const struct window *window, unsigned n)
{
    return (struct columns){window->start_ns, n ? window->span_ns / n : 0, n ? window->span_ns % n : 0, 0, n};
}

static void columns_step(struct columns *columns)
{
    columns->next_ns += columns->step_ns;
    columns->part += columns->rest;
    if (columns->part >= columns->n) {
        columns->part -= columns->n;
        columns->next_ns++;
    }
}

/* Where two columns meet. */
struct border {
    uint64_t t_ns;
    uint32_t chunk;    /* the first that ends at t_ns or later, */
    uint32_t n_chunks; /* so many behind that of the border before */
    uint32_t middle;   /* on a CPU track: the same for the middle between the border before and this one */
    struct sums sums;  /* from the track's beginning to t_ns */
    bool exact;
};

struct lane {
    const struct track *track;
    const struct item *tail;
    unsigned scan_items;
    uint64_t column_ns;
    uint32_t first, last; /* chunks at the window's ends */
    bool scan_all;        /* the whole window is affordable */
    bool all_chunks;      /* the leads of a dense column are those of all its chunks */
    uint32_t chunk, i;    /* the scan goes on here */
    bool seeks;           /* no, it begins somewhere else */
};

static void prefetch_head(const struct track *track, uint32_t i)
{
    if (i >= track->n)
        return;
    const char *head = (const char *)track_head(track, i);
    __builtin_prefetch(head);
    __builtin_prefetch(head + 64); /* sums are differences with the next one's */
    __builtin_prefetch(head + 127);
}

static uint64_t within(const struct window *window, uint64_t t_ns)
{
    uint64_t at_most_ns = t_ns < window->hi_ns ? t_ns : window->hi_ns;
    return at_most_ns > window->lo_ns ? at_most_ns : window->lo_ns;
}

/* As track_find(), where the answer is likely to be near `guess'. */
static uint32_t find_near(const struct track *track, uint32_t from, uint32_t guess, uint64_t t_ns)
{
    uint32_t low = guess < track->n ? guess : track->n;
    for (uint32_t stride = 1; low > from && track_end(track, low - 1) >= t_ns; stride *= 2)
        low = low - from > stride ? low - stride : from;
    return track_find(track, low, t_ns);
}

/* The border at t_ns, which is in what is known, behind the one before it. Columns are of one width, and
 * often as many chunks wide as the one before was: what is needed of the one after this is called for now. */
static void set_border(const struct lane *lane, const struct border *before, uint64_t t_ns,
                       struct border *border)
{
    const struct track *track = lane->track;
    const uint32_t from = before->chunk, at = find_near(track, from, from + before->n_chunks, t_ns);
    const uint32_t n_chunks = at - from, next = at + 2 * n_chunks;
    uint32_t middle = at;
    if (n_chunks > 1 && !track->is_task)
        middle = find_near(track, from, from + n_chunks / 2, before->t_ns + (t_ns - before->t_ns) / 2);
    prefetch_head(track, at);
    if (middle != at)
        prefetch_head(track, middle);
    if (next < track->n)
        __builtin_prefetch(&track->refs[track->first + next]);
    border->t_ns = t_ns;
    border->chunk = at;
    border->n_chunks = n_chunks;
    border->middle = middle;
}

static void seek(struct lane *lane, const struct border *border)
{
    lane->chunk = lane->scan_all ? lane->first : border->chunk;
    lane->i =
        lane->chunk < lane->track->n ? chunk_find(track_chunk(lane->track, lane->chunk), border->t_ns) : 0;
}

static uint64_t overlap(uint64_t a, uint64_t b, uint64_t from, uint64_t to)
{
    uint64_t low = a > from ? a : from, high = b < to ? b : to;
    return high > low ? high - low : 0;
}

static bool item_is_sample(const struct item *item, uint64_t a, uint64_t b)
{
    return item->tag == TAG_SAMPLE && item->end_ns >= a && item->end_ns < b;
}

/* Adds the part of an item and of its gap that lies in [a, b); returns its run time there. */
static uint64_t add_item(struct sums *sums, const struct item *item, uint64_t a, uint64_t b)
{
    uint64_t ns = overlap(item->start_ns, item->end_ns, a, b);
    if (item->wait_ns)
        sums->wait_ns += overlap(item->start_ns - item->wait_ns, item->start_ns, a, b);
    if (item->tag == TAG_OTHERS) {
        sums->wait_ns += ns;
        return 0;
    }
    if (!item_is_slice(item)) {
        sums->unknown_ns += ns;
        sums->n_samples += item_is_sample(item, a, b);
        return 0;
    }
    sums->run_ns += ns;
    if (item->self)
        sums->self_ns += ns;
    sums->n_slices += item->start_ns >= a && item->start_ns < b;
    return ns;
}

static inline struct sums sums_between(const struct sums *from, const struct sums *to)
{
    return (struct sums){
        .run_ns = to->run_ns - from->run_ns,
        .self_ns = to->self_ns - from->self_ns,
        .wait_ns = to->wait_ns - from->wait_ns,
        .unknown_ns = to->unknown_ns - from->unknown_ns,
        .n_slices = to->n_slices - from->n_slices,
        .n_samples = to->n_samples - from->n_samples,
    };
}

/* The sums of a chunk itself. */
static inline struct sums chunk_sums(const struct track *track, uint32_t i)
{
    const struct sums *next = i + 1 < track->n ? &track_head(track, i + 1)->before : &track->total;
    return sums_between(&track_head(track, i)->before, next);
}

static uint64_t at_most(uint64_t ns, uint64_t limit_ns)
{
    return ns < limit_ns ? ns : limit_ns;
}

/* A part of a time. Times are below 2^63, and conversions of signed numbers are cheap. */
static uint64_t scaled(uint64_t ns, double part)
{
    return (uint64_t)(int64_t)((double)(int64_t)ns * part);
}

/* The sums up to the border, taking its chunk as even. */
static void sum_evenly(const struct lane *lane, struct border *border)
{
    const struct track *track = lane->track;
    if (border->chunk == track->n) {
        border->sums = track->total;
        add_item(&border->sums, lane->tail, track->end_ns, border->t_ns);
        return;
    }
    border->sums = track_head(track, border->chunk)->before;
    uint64_t begin_ns = track_begin(track, border->chunk), end_ns = track_end(track, border->chunk);
    if (border->t_ns <= begin_ns)
        return;
    struct sums own = chunk_sums(track, border->chunk);
    double part = (double)(int64_t)(border->t_ns - begin_ns) / (double)(int64_t)(end_ns - begin_ns);
    border->sums.run_ns += at_most(scaled(own.run_ns, part), own.run_ns);
    border->sums.self_ns += at_most(scaled(own.self_ns, part), own.self_ns);
    border->sums.wait_ns += at_most(scaled(own.wait_ns, part), own.wait_ns);
    border->sums.unknown_ns += at_most(scaled(own.unknown_ns, part), own.unknown_ns);
    border->sums.n_slices += (uint32_t)scaled(own.n_slices, part);
    border->sums.n_samples += (uint32_t)scaled(own.n_samples, part);
}

/* Adds items that lie in a window whole, gap and all, from the i-th on; returns the first that ends at b or
 * later. A tally gets their run times too. */
static inline unsigned add_whole(const struct chunk *chunk, unsigned i, uint64_t b, struct sums *sums,
                                 struct tally *tally)
{
    const unsigned n = chunk->n, stride = chunk->stride;
    const uint32_t *numbers = chunk_numbers(chunk, i);
    for (; i < n; i++, numbers += stride) {
        const uint64_t start_ns = chunk->base_ns + numbers[NUMBER_START];
        const uint64_t end_ns = i + 1 == n ? chunk->end_ns : start_ns + numbers[NUMBER_LENGTH];
        if (end_ns >= b)
            break;
        const uint64_t ns = end_ns - start_ns;
        const uint32_t word = numbers[NUMBER_WORD];
        if (stride > NUMBER_WAIT)
            sums->wait_ns += i == 0 ? chunk->first_wait_ns : numbers[NUMBER_WAIT];
        if ((word & WORD_TAG) <= SLICE_LOST) {
            sums->run_ns += ns;
            sums->self_ns += word & WORD_SELF ? ns : 0;
            sums->n_slices++;
            if (tally)
                tally_add(tally, word >> WORD_WHO, ns);
        } else if ((word & WORD_TAG) == TAG_OTHERS) {
            sums->wait_ns += ns;
        } else {
            sums->unknown_ns += ns;
            sums->n_samples += (word & WORD_TAG) == TAG_SAMPLE;
            if (tally && (word & WORD_TAG) == TAG_SAMPLE)
                tally_add(tally, word >> WORD_WHO, 0); /* it has no length there, but names who ran */
        }
    }
    return i;
}

/* The sums up to the border, item by item. */
static void sum_exactly(const struct lane *lane, struct border *border)
{
    const struct track *track = lane->track;
    if (border->chunk == track->n)
        return; /* they are exact already */
    const struct chunk *chunk = track_chunk(track, border->chunk);
    uint64_t begin_ns = track_begin(track, border->chunk);
    border->sums = track_head(track, border->chunk)->before;
    for (unsigned i = add_whole(chunk, 0, border->t_ns, &border->sums, NULL); i < chunk->n; i++) {
        struct item item = chunk_item(chunk, begin_ns, i);
        if (item.prev_ns >= border->t_ns)
            break;
        add_item(&border->sums, &item, begin_ns, border->t_ns);
    }
}

static void fill_leads(struct bin *bin, const struct tally *tally)
{
    for (unsigned i = 0; i < tally->n; i++) {
        uint64_t ns = tally->ns[i];
        if (ns <= bin->lead[BIN_LEADS - 1].ns)
            continue;
        unsigned at = BIN_LEADS - 1;
        for (; at > 0 && ns > bin->lead[at - 1].ns; at--)
            bin->lead[at] = bin->lead[at - 1];
        bin->lead[at].who = tally->who[i];
        bin->lead[at].ns = ns;
    }
}

static inline void fill_sums(struct bin *bin, const struct sums *sums)
{
    bin->run_ns = sums->run_ns;
    bin->self_ns = sums->self_ns;
    bin->runnable_ns = sums->wait_ns;
    bin->unknown_ns = sums->unknown_ns;
    bin->n_switches = sums->n_slices;
    bin->n_samples = sums->n_samples;
}

/* Looks at each item that touches the column, from where the last column left off. */
static void scan_column(struct lane *lane, uint64_t a, uint64_t b, struct bin *bin)
{
    const struct track *track = lane->track;
    struct sums sums = {0};
    struct tally tally;
    tally_init(&tally);
    for (;;) {
        struct item item = *lane->tail;
        const struct chunk *chunk = NULL;
        if (lane->chunk < track->n) {
            chunk = track_chunk(track, lane->chunk);
            item = chunk_item(chunk, track_begin(track, lane->chunk), lane->i);
        }
        uint64_t ns = add_item(&sums, &item, a, b);
        if (ns == b - a) {
            bin->lead[0].who = item.who;
            bin->lead[0].ns = ns;
        } else if (!track->is_task && (ns || item_is_sample(&item, a, b))) {
            tally_add(&tally, item.who, ns);
        }
        if (item.end_ns >= b || !chunk)
            break;
        lane->i++;
        if (item.end_ns >= a) /* what follows begins in the column */
            lane->i = add_whole(chunk, lane->i, b, &sums, track->is_task ? NULL : &tally);
        if (lane->i == chunk->n) {
            lane->chunk++;
            lane->i = 0;
        }
    }
    fill_sums(bin, &sums);
    bin->approximate = tally.full;
    fill_leads(bin, &tally);
    if (!bin->run_ns && tally.n)
        bin->lead[0].who = tally.who[tally.last];
}

/* Adds what leads at a chunk, for a stretch of time that it stands for. */
static void add_chunk_leads(const struct lane *lane, struct tally *tally, uint32_t i, uint64_t stretch_ns)
{
    const struct track *track = lane->track;
    if (i == track->n) {
        if (item_is_slice(lane->tail))
            tally_add(tally, lane->tail->who, stretch_ns);
        return;
    }
    uint64_t span_ns = track_end(track, i) - track_begin(track, i);
    uint64_t run_ns = chunk_sums(track, i).run_ns;
    const struct chunk_lead *leads = track_head(track, i)->lead;
    struct chunk_lead fresh[CHUNK_LEADS];
    if (i + 1 == track->n && track->open) {
        chunk_leads(track->open, run_ns, fresh);
        leads = fresh;
    }
    double weight = (double)(int64_t)stretch_ns * (double)(int64_t)run_ns;
    weight = span_ns ? weight / ((double)(int64_t)span_ns * UINT32_MAX) : 0;
    for (unsigned k = 0; k < CHUNK_LEADS && leads[k].part; k++)
        tally_add(tally, leads[k].who, scaled(leads[k].part, weight));
}

/* The leads of a dense column: of all its chunks when they are few (or asked for), else of those at its begin
 * and in its middle. */
static void estimate_leads(const struct lane *lane, const struct border *from, const struct border *to,
                           struct bin *bin)
{
    const struct track *track = lane->track;
    struct tally tally;
    tally_init(&tally);
    if (lane->all_chunks || to->chunk - from->chunk <= 2) {
        for (uint32_t i = from->chunk; i <= to->chunk; i++) {
            uint64_t begin_ns = i < track->n ? track_begin(track, i) : track->end_ns;
            uint64_t end_ns = i < track->n ? track_end(track, i) : to->t_ns;
            add_chunk_leads(lane, &tally, i, overlap(begin_ns, end_ns, from->t_ns, to->t_ns));
        }
    } else {
        uint64_t half_ns = (to->t_ns - from->t_ns) / 2;
        add_chunk_leads(lane, &tally, from->chunk, half_ns);
        add_chunk_leads(lane, &tally, to->middle, half_ns);
    }
    uint64_t sum_ns = 0;
    for (unsigned i = 0; i < tally.n; i++)
        sum_ns += tally.ns[i];
    fill_leads(bin, &tally);
    if (sum_ns > bin->run_ns) /* the places looked at were busier than the column as a whole */
        for (unsigned i = 0; i < BIN_LEADS; i++)
            bin->lead[i].ns = scaled(bin->lead[i].ns, (double)(int64_t)bin->run_ns / (double)(int64_t)sum_ns);
    uint64_t left_ns = bin->run_ns;
    for (unsigned i = 0; i < BIN_LEADS; i++) /* very long times are rounded */
        left_ns -= bin->lead[i].ns = at_most(bin->lead[i].ns, left_ns);
}

static void estimate_column(const struct lane *lane, const struct border *from, const struct border *to,
                            struct bin *bin)
{
    struct sums sums = sums_between(&from->sums, &to->sums);
    uint64_t left_ns = to->t_ns - from->t_ns;
    left_ns -= sums.unknown_ns = at_most(sums.unknown_ns, left_ns); /* each may be rounded up by 1 ns */
    left_ns -= sums.run_ns = at_most(sums.run_ns, left_ns);
    sums.wait_ns = at_most(sums.wait_ns, left_ns);
    sums.self_ns = at_most(sums.self_ns, sums.run_ns);
    fill_sums(bin, &sums);
    bin->approximate = true;
    if (bin->run_ns && !lane->track->is_task)
        estimate_leads(lane, from, to, bin);
}

/* Whether sums up to a border in this chunk are taken item by item. That is one answer for the whole chunk,
 * so that sums never fall from a border to the next. The window's ends are exact, and so is all that shares
 * their chunks. */
static bool is_exact(const struct lane *lane, uint32_t i)
{
    if (i == lane->first || i == lane->last || i == lane->track->n)
        return true;
    uint64_t span_ns = track_end(lane->track, i) - track_begin(lane->track, i);
    double n_slices = chunk_sums(lane->track, i).n_slices; /* in a column's time: */
    return n_slices * (double)(int64_t)lane->column_ns <= lane->scan_items * (double)(int64_t)span_ns;
}

static bool can_scan(const struct lane *lane, const struct border *from, const struct border *to)
{
    return from->exact && to->exact && to->sums.n_slices - from->sums.n_slices <= lane->scan_items &&
           to->chunk - from->chunk <= 1 + lane->scan_items / CHUNK_MIN_ITEMS;
}

/* Sums up to all borders, and which columns can be looked at item by item. */
static void sum_borders(const struct lane *lane, struct border *borders, unsigned n, bool *scan)
{
    for (unsigned i = 0; i <= n; i++) {
        sum_evenly(lane, &borders[i]);
        borders[i].exact = is_exact(lane, borders[i].chunk);
    }
    for (unsigned i = 0; i < n; i++)
        scan[i] = can_scan(lane, &borders[i], &borders[i + 1]);
    for (unsigned i = 0; i <= n; i++)
        if (borders[i].exact && ((i > 0 && !scan[i - 1]) || (i < n && !scan[i])))
            sum_exactly(lane, &borders[i]);
}

/* borders[0 ... n] around n columns. */
static void fill_batch(struct lane *lane, struct border *borders, unsigned n, struct bin *bins)
{
    bool scan[BATCH];
    if (lane->scan_all)
        memset(scan, true, sizeof scan);
    else
        sum_borders(lane, borders, n, scan);
    for (unsigned i = 0; i < n; i++) {
        if (!scan[i]) {
            estimate_column(lane, &borders[i], &borders[i + 1], &bins[i]);
            lane->seeks = true;
            continue;
        }
        if (lane->seeks)
            seek(lane, &borders[i]);
        lane->seeks = false;
        scan_column(lane, borders[i].t_ns, borders[i + 1].t_ns, &bins[i]);
    }
}

/* What no item covers of the known_ns between the column's borders, and what of full_ns lies outside. */
static void fill_rest(const struct track *track, const struct window *window, uint64_t known_ns,
                      uint64_t full_ns, struct bin *bin)
{
    uint64_t rest_ns = known_ns - bin->run_ns - bin->runnable_ns - bin->unknown_ns;
    if (track->is_task) {
        bin->blocked_ns = rest_ns;
    } else {
        bin->others_ns = bin->runnable_ns;
        bin->runnable_ns = 0;
        if (window->rest_is_unknown)
            bin->unknown_ns += rest_ns;
    }
    bin->unknown_ns += full_ns - known_ns;
}

/* Tells that nothing is known of the columns from the i-th on that end at t_ns at the latest. Returns the
 * first that does not. */
static unsigned skip_columns(struct columns *columns, unsigned i, unsigned n, uint64_t t_ns, struct bin *bins)
{
    for (; i < n; i++) {
        struct columns next = *columns;
        columns_step(&next);
        if (next.next_ns > t_ns)
            break;
        bins[i].unknown_ns = next.next_ns - columns->next_ns;
        *columns = next;
    }
    return i;
}

void track_bins(const struct track *track, const struct item *tail, const struct window *window, unsigned n,
                struct bin *bins)
{
    memset(bins, 0, n * sizeof *bins);
    if (!n)
        return;
    const uint64_t end_ns = within(window, window->start_ns + window->span_ns);
    struct border borders[BATCH + 1] = {{.t_ns = within(window, window->start_ns)}};
    struct lane lane = {
        .track = track,
        .tail = tail,
        .scan_items = window->scan_items,
        .all_chunks = window->all_chunks,
        .column_ns = window->span_ns / n,
        .first = track_find(track, 0, borders[0].t_ns),
        .seeks = true,
    };
    lane.last = track_find(track, lane.first, end_ns);
    lane.scan_all = (uint64_t)(lane.last - lane.first) * CHUNK_MAX_ITEMS <= (uint64_t)n * lane.scan_items;
    borders[0].chunk = borders[0].middle = lane.first;

    struct columns columns = columns_of(window, n);
    unsigned done = skip_columns(&columns, 0, n, window->lo_ns, bins);
    while (done < n && columns.next_ns < window->hi_ns) {
        uint64_t full_ns[BATCH];
        unsigned batch = 0;
        for (; batch < BATCH && done + batch < n && columns.next_ns < window->hi_ns; batch++) {
            const uint64_t from_ns = columns.next_ns;
            columns_step(&columns);
            const uint64_t t_ns = within(window, columns.next_ns);
            full_ns[batch] = columns.next_ns - from_ns;
            if (lane.scan_all)
                borders[batch + 1].t_ns = t_ns;
            else
                set_border(&lane, &borders[batch], t_ns, &borders[batch + 1]);
        }
        fill_batch(&lane, borders, batch, bins + done);
        for (unsigned i = 0; i < batch; i++)
            fill_rest(track, window, borders[i + 1].t_ns - borders[i].t_ns, full_ns[i], &bins[done + i]);
        borders[0] = borders[batch];
        done += batch;
    }
    skip_columns(&columns, done, n, UINT64_MAX, bins);
}

void track_sum(const struct track *track, const struct item *tail, const struct window *window,
               struct bin *bin)
{
    struct lane lane = {.track = track, .tail = tail};
    struct border borders[2] = {{.t_ns = within(window, window->start_ns)}};
    borders[0].chunk = track_find(track, 0, borders[0].t_ns);
    set_border(&lane, &borders[0], within(window, window->start_ns + window->span_ns), &borders[1]);
    for (int i = 0; i < 2; i++) {
        sum_evenly(&lane, &borders[i]);
        sum_exactly(&lane, &borders[i]);
    }
    struct sums sums = sums_between(&borders[0].sums, &borders[1].sums);
    *bin = (struct bin){0};
    fill_sums(bin, &sums);
    fill_rest(track, window, borders[1].t_ns - borders[0].t_ns, window->span_ns, bin);
}
