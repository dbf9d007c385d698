/* Where the blocks of a file are: written at its end, or gathered from their headers. */
#ifndef SCHEDVIZ_RECORD_INDEX_H
#define SCHEDVIZ_RECORD_INDEX_H

#include "block.h"
#include "reader.h"

struct index_entry {
    uint64_t offset;
    uint32_t n_header, n_body, n_sums; /* bytes */
    uint8_t type, flags;
    uint64_t first_ns, last_ns;
    uint32_t n_events;
    char name[RECORD_NAME_SIZE]; /* FACTS */
};

struct index {
    struct index_entry *entries;
    unsigned n, capacity;
};

void index_add(struct index *index, const struct index_entry *entry);
void index_fini(struct index *index);

/* What the block's header and its name say; name: n_name bytes. */
struct index_entry index_entry_of(const struct block_header *header, uint64_t offset, const void *name,
                                  size_t n_name);

void index_put(struct buffer *to, const struct index *index);

/* All blocks lie one behind the other from begin on, and end at or before `end'. False when that is not so;
 * the index is empty then. */
bool index_get(struct cursor *from, uint64_t begin, uint64_t end, struct index *index);

#endif
