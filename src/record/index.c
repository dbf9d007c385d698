/* Where the blocks of a file are: written at its end, or gathered from their headers. */
#include "index.h"

void index_add(struct index *index, const struct index_entry *entry)
{
    if (index->n == index->capacity) {
        index->capacity = index->capacity ? 2 * index->capacity : 64;
        index->entries = mem_resize(index->entries, index->capacity, sizeof *index->entries);
    }
    index->entries[index->n++] = *entry;
}

void index_fini(struct index *index)
{
    free(index->entries);
    *index = (struct index){0};
}

struct index_entry index_entry_of(const struct block_header *h, uint64_t offset, const void *name,
                                  size_t n_name)
{
    struct index_entry entry = {
        .offset = offset,
        .n_header = h->n_header,
        .n_body = h->n_body,
        .type = h->type,
        .flags = h->flags,
        .first_ns = h->first_ns,
        .last_ns = h->last_ns,
        .n_events = h->n_events,
    };
    if (h->type == BLOCK_EVENTS)
        entry.n_sums = h->n_bytes[SECTION_SUMS];
    if (h->type == BLOCK_FACTS && n_name < sizeof entry.name)
        memcpy(entry.name, name, n_name);
    return entry;
}

/* A block begins where the one before it ended, in the file and most often in time. */
struct place {
    uint64_t offset, time_ns;
};

static void put_entry(struct buffer *to, const struct index_entry *e, struct place *place)
{
    buffer_byte(to, e->type);
    buffer_byte(to, e->flags);
    buffer_varint(to, e->offset - place->offset);
    buffer_varint(to, e->n_header);
    buffer_varint(to, e->n_body);
    buffer_signed(to, e->first_ns - place->time_ns);
    buffer_varint(to, e->last_ns - e->first_ns);
    buffer_varint(to, e->n_events);
    if (e->type == BLOCK_EVENTS)
        buffer_varint(to, e->n_sums);
    if (e->type == BLOCK_FACTS) {
        const size_t n = strlen(e->name);
        buffer_varint(to, n);
        buffer_bytes(to, e->name, n);
    }
    *place = (struct place){.offset = e->offset + e->n_header + e->n_body, .time_ns = e->last_ns};
}

static bool get_entry(struct cursor *from, uint64_t end, struct index_entry *e, struct place *place)
{
    *e = (struct index_entry){.type = get_byte(from), .flags = get_byte(from)};
    const uint64_t gap = get_varint(from);
    e->n_header = get_varint32(from);
    e->n_body = get_varint32(from);
    const uint64_t size = (uint64_t)e->n_header + e->n_body;
    if (from->bad || gap > end - place->offset || size > end - place->offset - gap ||
        e->n_header < BLOCK_HEADER_SIZE || e->n_body > BLOCK_MAX_BODY)
        return false;
    e->offset = place->offset + gap;
    e->first_ns = place->time_ns + get_signed(from);
    e->last_ns = e->first_ns + get_varint(from);
    e->n_events = get_varint32(from);
    if (e->type == BLOCK_EVENTS)
        e->n_sums = get_varint32(from);
    if (e->type == BLOCK_FACTS) {
        const uint64_t n = get_varint(from);
        const uint8_t *name = n < sizeof e->name ? get_bytes(from, (size_t)n) : NULL;
        if (!name)
            return false;
        memcpy(e->name, name, (size_t)n);
    }
    *place = (struct place){.offset = e->offset + size, .time_ns = e->last_ns};
    return !from->bad && e->first_ns <= e->last_ns && e->n_sums <= e->n_body;
}

void index_put(struct buffer *to, const struct index *index)
{
    struct place place = {0};
    buffer_varint(to, index->n);
    for (unsigned i = 0; i < index->n; i++)
        put_entry(to, &index->entries[i], &place);
}

bool index_get(struct cursor *from, uint64_t begin, uint64_t end, struct index *index)
{
    struct place place = {0};
    const uint64_t n = get_varint(from);
    bool good = !from->bad;
    for (uint64_t i = 0; i < n && good; i++) {
        struct index_entry entry;
        good = get_entry(from, end, &entry, &place) && entry.offset >= begin;
        if (good)
            index_add(index, &entry);
    }
    good = good && cursor_left(from) == 0;
    if (!good)
        index_fini(index);
    return good;
}
