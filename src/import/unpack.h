/* Unpacks a stretch of a file, zlib or zstd, piece by piece: no size that a file states becomes memory. */
#ifndef SCHEDVIZ_IMPORT_UNPACK_H
#define SCHEDVIZ_IMPORT_UNPACK_H

#include "bytes.h"

#include <stdbool.h>

enum unpack_method {
    UNPACK_NONE,
    UNPACK_ZLIB,
    UNPACK_ZSTD,
};

struct unpack;

/* method is not UNPACK_NONE. Takes about 200 KiB, and for zstd at most 8 MiB more (UNPACK_WINDOW_LOG). */
#define UNPACK_WINDOW_LOG 23
struct unpack *unpack_new(enum unpack_method method);
void unpack_free(struct unpack *unpack);

/* Begins with the packed bytes [at, end) of the file. */
void unpack_begin(struct unpack *unpack, const struct bytes *bytes, uint64_t at, uint64_t end);

/* The next n unpacked bytes; fewer at the end of the stretch, and where it is damaged. */
size_t unpack_read(struct unpack *unpack, void *to, size_t n);

/* Memory that it holds now. */
size_t unpack_memory(const struct unpack *unpack);

#endif
