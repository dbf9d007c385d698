/* The merge: a loser tree over the streams that have events; a stream that is alone goes to the sink from its
 * buffer. */
#include "merge.h"

#include "../err.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_EVENTS 256 /* 8 KiB: a buffer is still in the first-level cache when the sink gets it */
#define NO_LEAF       UINT64_MAX

/* Most streams are empty most of the time: only one that has events holds a buffer. */
struct stream {
    struct event *buffer; /* NULL: empty */
    struct event *next, *end;
};

struct input {
    struct source *source; /* NULL: removed, what it had given waits for its time */
    unsigned n_streams;
    struct stream *streams;
};

/* A stream that has events for this turn. Leaves are in the order of sources and streams, which is that of
 * equal times. */
struct leaf {
    struct stream *stream;
    struct input *input;
};

/* A leaf under the time of its next event. One that has no more is NO_LEAF at UINT64_MAX, after all others.
 */
struct node {
    uint64_t time_ns;
    uint64_t leaf;
};

struct merge {
    unsigned n_inputs;
    struct input *inputs;
    unsigned n_streams; /* of all inputs, ever */
    unsigned n_leaves, max_leaves;
    struct leaf *leaves;
    unsigned n_active;  /* leaves that still have events */
    unsigned tree_size; /* a power of two, not less than the leaves */
    struct node
        *tree; /* [0] the winner, [1 .. tree_size) the loser of each match; as much again for the building */
    unsigned n_spare, max_spare;
    struct event **spare; /* buffers not in use, the last used on top */
    uint64_t last_ns;     /* time of the last event pushed */
    uint64_t n_late;
    unsigned n_out;
    struct event out[BUFFER_EVENTS];
};

struct merge *merge_new(void)
{
    return mem_new(1, sizeof(struct merge));
}

void merge_free(struct merge *merge)
{
    if (!merge)
        return;
    for (unsigned i = 0; i < merge->n_inputs; i++) {
        for (unsigned j = 0; j < merge->inputs[i].n_streams; j++)
            free(merge->inputs[i].streams[j].buffer);
        free(merge->inputs[i].streams);
    }
    for (unsigned i = 0; i < merge->n_spare; i++)
        free(merge->spare[i]);
    free(merge->spare);
    free(merge->inputs);
    free(merge->leaves);
    free(merge->tree);
    free(merge);
}

void merge_add(struct merge *merge, struct source *source)
{
    merge->inputs = mem_resize(merge->inputs, merge->n_inputs + 1, sizeof *merge->inputs);
    merge->inputs[merge->n_inputs++] = (struct input){.source = source};
}

void merge_remove(struct merge *merge, struct source *source)
{
    for (unsigned i = 0; i < merge->n_inputs; i++) {
        if (merge->inputs[i].source == source)
            merge->inputs[i].source = NULL;
    }
}

/* ---- buffers ---- */

static struct event *take_buffer(struct merge *merge)
{
    if (merge->n_spare > 0)
        return merge->spare[--merge->n_spare];
    return mem_new(BUFFER_EVENTS, sizeof(struct event));
}

static void give_buffer(struct merge *merge, struct event *buffer)
{
    if (merge->n_spare == merge->max_spare) {
        merge->max_spare = merge->max_spare ? merge->max_spare * 2 : 16;
        merge->spare = mem_resize(merge->spare, merge->max_spare, sizeof *merge->spare);
    }
    merge->spare[merge->n_spare++] = buffer;
}

/* Reads on into the stream's buffer, all of which has been pushed; without new events the buffer is given
 * back. */
static bool refill(struct merge *merge, const struct input *input, struct stream *stream)
{
    struct source *source = input->source;
    size_t n = 0;
    if (source)
        n = source->ops->read(source, (unsigned)(stream - input->streams), stream->buffer, BUFFER_EVENTS);
    stream->next = stream->buffer;
    stream->end = stream->buffer + n;
    if (n > 0)
        return true;
    give_buffer(merge, stream->buffer);
    stream->buffer = NULL;
    return false;
}

/* ---- the start of a turn ---- */

static unsigned power_of_two(unsigned n)
{
    unsigned size = 1;
    while (size < n)
        size *= 2;
    return size;
}

static void grow_streams(struct merge *merge, struct input *input)
{
    const unsigned n = input->source->ops->n_streams(input->source);
    if (n <= input->n_streams)
        return;
    input->streams = mem_resize(input->streams, n, sizeof *input->streams);
    memset(input->streams + input->n_streams, 0, (n - input->n_streams) * sizeof *input->streams);
    merge->n_streams += n - input->n_streams;
    input->n_streams = n;
    if (merge->n_streams > merge->max_leaves) {
        merge->max_leaves = power_of_two(merge->n_streams);
        merge->leaves = mem_resize(merge->leaves, merge->max_leaves, sizeof *merge->leaves);
        merge->tree = mem_resize(merge->tree, 2 * merge->max_leaves, sizeof *merge->tree);
    }
}

static void poll_streams(struct merge *merge, struct input *input, uint64_t until_ns)
{
    for (unsigned i = 0; i < input->n_streams; i++) {
        struct stream *stream = &input->streams[i];
        if (!stream->buffer) {
            if (!input->source)
                continue;
            stream->buffer = take_buffer(merge);
            if (!refill(merge, input, stream))
                continue;
        }
        if (stream->next->time_ns <= until_ns)
            merge->leaves[merge->n_leaves++] = (struct leaf){stream, input};
    }
}

static bool has_pending(const struct input *input)
{
    for (unsigned i = 0; i < input->n_streams; i++) {
        if (input->streams[i].buffer)
            return true;
    }
    return false;
}

static void forget_input(struct merge *merge, unsigned i)
{
    merge->n_streams -= merge->inputs[i].n_streams;
    free(merge->inputs[i].streams);
    memmove(&merge->inputs[i], &merge->inputs[i + 1], (--merge->n_inputs - i) * sizeof *merge->inputs);
}

static void forget_removed(struct merge *merge)
{
    for (unsigned i = merge->n_inputs; i-- > 0;) {
        if (!merge->inputs[i].source && !has_pending(&merge->inputs[i]))
            forget_input(merge, i);
    }
}

/* ---- taking events ---- */

static void flush(struct merge *merge, struct sink *sink)
{
    if (merge->n_out > 0)
        sink->push(sink, merge->out, merge->n_out);
    merge->n_out = 0;
}

static uint64_t not_before_last(struct merge *merge, uint64_t time_ns)
{
    const bool late = time_ns < merge->last_ns;
    merge->n_late += late;
    merge->last_ns = late ? merge->last_ns : time_ns;
    return merge->last_ns;
}

/* The events from first on up to until_ns, those that are late raised; returns where they end. */
static struct event *take_until(struct merge *merge, struct event *first, const struct event *end,
                                uint64_t until_ns)
{
    struct event *event = first;
    uint64_t last_ns = merge->last_ns;
    for (; event < end && event->time_ns <= until_ns; event++) {
        if (event->time_ns < last_ns) {
            event->time_ns = last_ns;
            merge->n_late++;
        }
        last_ns = event->time_ns;
    }
    merge->last_ns = last_ns;
    return event;
}

/* The only stream left: nobody's time is to be waited for but until_ns. */
static uint64_t take_alone(struct merge *merge, const struct leaf *leaf, uint64_t until_ns, struct sink *sink)
{
    struct stream *stream = leaf->stream;
    uint64_t n_pushed = 0;
    flush(merge, sink);
    do {
        struct event *first = stream->next;
        stream->next = take_until(merge, first, stream->end, until_ns);
        const size_t n = (size_t)(stream->next - first);
        if (n == 0)
            break;
        sink->push(sink, first, n);
        n_pushed += n;
    } while (stream->next == stream->end && refill(merge, leaf->input, stream));
    return n_pushed;
}

/* Leaves the earlier one in *a and the later one in *b. Which is which is as good as random from event to
 * event, so that a branch would be mispredicted every other time; the masks cost less. */
static void match(struct node *a, struct node *b)
{
    const bool b_wins = (b->time_ns < a->time_ns) | ((b->time_ns == a->time_ns) & (b->leaf < a->leaf));
    const uint64_t swap = 0 - (uint64_t)b_wins;
    const uint64_t time_diff = (a->time_ns ^ b->time_ns) & swap, leaf_diff = (a->leaf ^ b->leaf) & swap;
    a->time_ns ^= time_diff;
    b->time_ns ^= time_diff;
    a->leaf ^= leaf_diff;
    b->leaf ^= leaf_diff;
}

/* Drops the leaves that are empty and plays all matches, in the second half of the tree's memory. */
static void build_tree(struct merge *merge, uint64_t until_ns)
{
    unsigned n = 0;
    for (unsigned i = 0; i < merge->n_leaves; i++) {
        const struct stream *stream = merge->leaves[i].stream;
        if (stream->buffer && stream->next->time_ns <= until_ns)
            merge->leaves[n++] = merge->leaves[i];
    }
    merge->n_leaves = merge->n_active = n;
    merge->tree_size = power_of_two(n);
    struct node *tree = merge->tree, *winners = tree + merge->tree_size;
    for (unsigned i = 0; i < merge->tree_size; i++)
        winners[i] = i < n ? (struct node){merge->leaves[i].stream->next->time_ns, i}
                           : (struct node){UINT64_MAX, NO_LEAF};
    for (unsigned n_left = merge->tree_size / 2; n_left > 0; n_left /= 2) {
        for (unsigned i = 0; i < n_left; i++) {
            struct node a = winners[2 * i], b = winners[2 * i + 1];
            match(&a, &b);
            winners[i] = a;
            tree[n_left + i] = b;
        }
    }
    tree[0] = winners[0];
}

/* The time up to which the winner's stream goes on before all others: the best of those that lost to it stand
 * on its way up the tree. */
static uint64_t time_alone(const struct merge *merge, uint64_t at, uint64_t until_ns)
{
    struct node rival = {UINT64_MAX, NO_LEAF};
    for (uint64_t i = (merge->tree_size + at) / 2; i > 0; i /= 2) {
        struct node other = merge->tree[i];
        match(&rival, &other);
    }
    const uint64_t last_ns =
        rival.leaf > at ? rival.time_ns : rival.time_ns - 1; /* of equal ones it is first */
    return last_ns < until_ns ? last_ns : until_ns;
}

static uint64_t take_run(struct merge *merge, struct stream *stream, uint64_t until_ns, struct sink *sink)
{
    struct event *first = stream->next;
    stream->next = take_until(merge, first, stream->end, until_ns);
    flush(merge, sink);
    sink->push(sink, first, (size_t)(stream->next - first));
    return (uint64_t)(stream->next - first);
}

/* A stream that wins for the RUN_FROM-th time in a row has a run, as the ring of a busy CPU beside streams
 * where little happens: what comes before all others goes to the sink from its buffer. */
#define RUN_FROM 16

/* Takes events until half of the leaves have no more. */
static uint64_t take_from_tree(struct merge *merge, uint64_t until_ns, struct sink *sink)
{
    uint64_t n_pushed = 0, last_at = NO_LEAF;
    unsigned n_in_row = 0;
    struct node winner = merge->tree[0];
    while (merge->n_active > merge->tree_size / 2) {
        const uint64_t at = winner.leaf;
        const struct leaf *leaf = &merge->leaves[at];
        struct stream *stream = leaf->stream;
        n_in_row = (n_in_row + 1) * (at == last_at); /* no branch: see match() */
        last_at = at;
        if (n_in_row < RUN_FROM) {
            struct event *event = &merge->out[merge->n_out++];
            *event = *stream->next++;
            event->time_ns = not_before_last(merge, winner.time_ns);
            n_pushed++;
            if (merge->n_out == BUFFER_EVENTS)
                flush(merge, sink);
        } else {
            n_pushed += take_run(merge, stream, time_alone(merge, at, until_ns), sink);
        }

        const bool more = stream->next < stream->end || refill(merge, leaf->input, stream);
        if (more && stream->next->time_ns <= until_ns) {
            winner.time_ns = stream->next->time_ns;
        } else {
            winner = (struct node){UINT64_MAX, NO_LEAF};
            merge->n_active--;
        }
        for (uint64_t i = (merge->tree_size + at) / 2; i > 0; i /= 2)
            match(&winner, &merge->tree[i]);
    }
    return n_pushed;
}

uint64_t merge_run(struct merge *merge, uint64_t until_ns, struct sink *sink)
{
    uint64_t n_pushed = 0;

    forget_removed(merge);
    merge->n_leaves = 0;
    for (unsigned i = 0; i < merge->n_inputs; i++) {
        if (merge->inputs[i].source)
            grow_streams(merge, &merge->inputs[i]);
        poll_streams(merge, &merge->inputs[i], until_ns);
    }
    for (build_tree(merge, until_ns); merge->n_active > 1; build_tree(merge, until_ns))
        n_pushed += take_from_tree(merge, until_ns, sink);
    if (merge->n_active == 1)
        n_pushed += take_alone(merge, &merge->leaves[0], until_ns, sink);
    flush(merge, sink);
    return n_pushed;
}

uint64_t merge_n_late(const struct merge *merge)
{
    return merge->n_late;
}
