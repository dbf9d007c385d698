/* The last blocks of a run, encoded, in bounded memory. */
#ifndef SCHEDVIZ_RECORD_KEEP_H
#define SCHEDVIZ_RECORD_KEEP_H

#include "index.h"

struct kept_block {
    uint8_t *bytes;
    size_t n_bytes;
    struct index_entry entry; /* without an offset */
};

/* The first one, if there is any, begins with the state of all tasks. */
struct keep {
    struct kept_block *blocks; /* a ring */
    unsigned first, n, capacity;
    size_t n_bytes, max_bytes;
};

/* Takes a copy; drops the oldest where there is too much, and then those that nothing leads to. */
void keep_add(struct keep *keep, const void *bytes, size_t n, const struct index_entry *entry);

/* i counts from the oldest one. */
const struct kept_block *keep_block(const struct keep *keep, unsigned i);

/* The last key block up to the one that from_ns is in; keep->n when from_ns is after all of them. */
unsigned keep_find(const struct keep *keep, uint64_t from_ns);

void keep_fini(struct keep *keep);

#endif
