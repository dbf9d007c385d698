/* The merge: a heap of the streams that have events, and batches straight from their buffers. */
#include "merge.h"

#include "../err.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_EVENTS 256 /* 8 KiB: a buffer is still in the first-level cache when the sink gets it */
#define OUT_EVENTS    256
#define DIRECT_EVENTS 32 /* a run this long goes to the sink from where it lies, a shorter one is collected */

/* Most streams are empty most of the time: only one that has events holds a buffer. */
struct stream {
    struct event *buffer; /* NULL: empty */
    unsigned pos, n;
    unsigned rank; /* order of equal times */
};

struct input {
    struct source *source; /* NULL: removed, what it had given waits for its time */
    unsigned n_streams;
    struct stream *streams;
};

/* A stream with events, under the time of its first one. */
struct node {
    uint64_t time_ns;
    struct stream *stream;
    struct input *input;
};

struct merge {
    unsigned n_inputs;
    struct input *inputs;
    unsigned n_ranks;
    unsigned n_nodes, max_nodes;
    struct node *heap; /* heap[0] is the earliest */
    unsigned n_spare, max_spare;
    struct event **spare; /* buffers not in use, the last used on top */
    uint64_t last_ns;     /* time of the last event pushed */
    uint64_t n_late;
    unsigned n_out;
    struct event out[OUT_EVENTS];
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
    free(merge->heap);
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

/* Reads on into the stream's buffer, all of which has been pushed; without new events the buffer is given back. */
static bool refill(struct merge *merge, struct input *input, struct stream *stream)
{
    struct source *source = input->source;
    size_t n = 0;
    if (source)
        n = source->ops->read(source, (unsigned)(stream - input->streams), stream->buffer, BUFFER_EVENTS);
    stream->pos = 0;
    stream->n = (unsigned)n;
    if (n > 0)
        return true;
    give_buffer(merge, stream->buffer);
    stream->buffer = NULL;
    return false;
}

/* ---- the heap ---- */

static bool earlier(const struct node *a, const struct node *b)
{
    return a->time_ns < b->time_ns || (a->time_ns == b->time_ns && a->stream->rank < b->stream->rank);
}

/* Lets the node sink from the root to its place. */
static void sift_down(struct merge *merge, struct node node)
{
    unsigned at = 0;
    for (;;) {
        unsigned child = 2 * at + 1;
        if (child >= merge->n_nodes)
            break;
        if (child + 1 < merge->n_nodes && earlier(&merge->heap[child + 1], &merge->heap[child]))
            child++;
        if (!earlier(&merge->heap[child], &node))
            break;
        merge->heap[at] = merge->heap[child];
        at = child;
    }
    merge->heap[at] = node;
}

static void heap_add(struct merge *merge, struct node node)
{
    unsigned at = merge->n_nodes++;
    while (at > 0 && earlier(&node, &merge->heap[(at - 1) / 2])) {
        merge->heap[at] = merge->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    merge->heap[at] = node;
}

/* The root's stream has moved on, or has come to its end. */
static void heap_update_root(struct merge *merge)
{
    struct node root = merge->heap[0];
    if (root.stream->buffer) {
        root.time_ns = root.stream->buffer[root.stream->pos].time_ns;
        sift_down(merge, root);
    } else if (--merge->n_nodes > 0) {
        sift_down(merge, merge->heap[merge->n_nodes]);
    }
}

/* The latest time at which the root's stream still goes before all others. */
static uint64_t root_limit(const struct merge *merge, uint64_t until_ns)
{
    const struct node *root = &merge->heap[0];
    const struct node *second = &merge->heap[1];
    if (merge->n_nodes < 2)
        return until_ns;
    if (merge->n_nodes > 2 && earlier(&merge->heap[2], second))
        second = &merge->heap[2];
    /* at time 0 a root of later rank would not be the root, so this does not wrap */
    const uint64_t limit = root->stream->rank < second->stream->rank ? second->time_ns : second->time_ns - 1;
    return limit < until_ns ? limit : until_ns;
}

/* ---- a turn ---- */

static void grow_streams(struct merge *merge, struct input *input)
{
    const unsigned n = input->source->ops->n_streams(input->source);
    if (n <= input->n_streams)
        return;
    input->streams = mem_resize(input->streams, n, sizeof *input->streams);
    for (; input->n_streams < n; input->n_streams++)
        input->streams[input->n_streams] = (struct stream){.rank = merge->n_ranks++};
    if (merge->n_ranks > merge->max_nodes) {
        merge->max_nodes = merge->n_ranks + merge->n_ranks / 2;
        merge->heap = mem_resize(merge->heap, merge->max_nodes, sizeof *merge->heap);
    }
}

static void poll_streams(struct merge *merge, struct input *input)
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
        heap_add(merge, (struct node){stream->buffer[stream->pos].time_ns, stream, input});
    }
}

static void forget_input(struct merge *merge, unsigned i)
{
    free(merge->inputs[i].streams);
    memmove(&merge->inputs[i], &merge->inputs[i + 1], (--merge->n_inputs - i) * sizeof *merge->inputs);
}

static bool input_waits(const struct input *input)
{
    for (unsigned i = 0; i < input->n_streams; i++) {
        if (input->streams[i].buffer)
            return true;
    }
    return false;
}

static void flush(struct merge *merge, struct sink *sink)
{
    if (merge->n_out > 0)
        sink->push(sink, merge->out, merge->n_out);
    merge->n_out = 0;
}

static void push_run(struct merge *merge, const struct event *events, unsigned n, struct sink *sink)
{
    if (n >= DIRECT_EVENTS) {
        flush(merge, sink);
        sink->push(sink, events, n);
        return;
    }
    if (merge->n_out + n > OUT_EVENTS)
        flush(merge, sink);
    memcpy(merge->out + merge->n_out, events, n * sizeof *events);
    merge->n_out += n;
}

/* Takes from the stream what is not later than limit_ns, at least one event. What is late is raised in place. */
static unsigned take_run(struct merge *merge, struct stream *stream, uint64_t limit_ns)
{
    uint64_t last_ns = merge->last_ns;
    unsigned pos = stream->pos;
    do {
        struct event *event = &stream->buffer[pos];
        if (event->time_ns < last_ns) {
            event->time_ns = last_ns;
            merge->n_late++;
        }
        last_ns = event->time_ns;
        pos++;
    } while (pos < stream->n && stream->buffer[pos].time_ns <= limit_ns);
    merge->last_ns = last_ns;
    return pos - stream->pos;
}

uint64_t merge_run(struct merge *merge, uint64_t until_ns, struct sink *sink)
{
    uint64_t n_pushed = 0;

    merge->n_nodes = 0;
    for (unsigned i = 0; i < merge->n_inputs;) {
        struct input *input = &merge->inputs[i];
        if (!input->source && !input_waits(input)) {
            forget_input(merge, i);
            continue;
        }
        if (input->source)
            grow_streams(merge, input);
        poll_streams(merge, input);
        i++;
    }

    while (merge->n_nodes > 0 && merge->heap[0].time_ns <= until_ns) {
        struct stream *stream = merge->heap[0].stream;
        const unsigned n = take_run(merge, stream, root_limit(merge, until_ns));
        push_run(merge, stream->buffer + stream->pos, n, sink);
        n_pushed += n;
        stream->pos += n;
        if (stream->pos == stream->n)
            refill(merge, merge->heap[0].input, stream);
        heap_update_root(merge);
    }
    flush(merge, sink);
    return n_pushed;
}

uint64_t merge_n_late(const struct merge *merge)
{
    return merge->n_late;
}
