/* A recording on the disk while it grows: block after block, each whole, and the index at the end. */
#ifndef SCHEDVIZ_RECORD_WRITER_H
#define SCHEDVIZ_RECORD_WRITER_H

#include "../err.h"
#include "index.h"

struct writer {
    int fd; /* -1: closed */
    char *path;
    uint64_t n_bytes; /* of the file up to its last whole block */
    uint64_t n_events, n_blocks, first_ns, last_ns;
    struct index index;
    struct err err; /* why it was closed */
    bool failed;
};

bool writer_open(struct writer *writer, const char *path, bool force, struct err *err);

/* Appends a whole block; entry is what the index will say of it, its offset left out. When it cannot be
 * written the file is brought back to its last whole block and closed: failed, and err. So is one that has
 * lost its name, or a part of what was written, to others. */
void writer_append(struct writer *writer, const void *bytes, size_t n, const struct index_entry *entry);

/* The index, and all to the disk; the path and the figures stay. */
bool writer_close(struct writer *writer, struct err *err);

void writer_fini(struct writer *writer); /* closed before */

#endif
