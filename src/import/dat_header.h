/* The head of a trace.dat file, trace-cmd.dat.v6(5) and v7(5): where the data of each CPU is, and how to read
 * it. */
#ifndef SCHEDVIZ_IMPORT_DAT_HEADER_H
#define SCHEDVIZ_IMPORT_DAT_HEADER_H

#include "page.h"
#include "unpack.h"

#define DAT_MAX_CPUS      (INT16_MAX + 1)
#define DAT_MIN_PAGE_SIZE 512
#define DAT_MAX_PAGE_SIZE (UINT32_C(1) << 20)

/* The data of one CPU in the file: pages, or where the file is packed, packed chunks of pages. */
struct dat_place {
    int16_t cpu;
    uint64_t at, size;
};

/* Times of the clock x86-tsc: ns = ((time * mult) >> shift) + offset; mult 0: times are ns as they are. */
struct dat_scale {
    uint32_t mult, shift;
    uint64_t offset;
};

struct dat_header {
    bool big_endian;
    unsigned version; /* 6 or 7 */
    uint32_t page_size;
    enum unpack_method method;
    struct page_layout layout;
    struct formats formats;
    struct dat_scale scale;
    unsigned n_cpus; /* of the machine; 0 when not told */
    unsigned n_places;
    struct dat_place *places;
    bool no_table;     /* version 7, cut off before its table of places: they were found by their chunks */
    char clock[32];    /* "" when not told */
    char machine[256]; /* as uname(2) told it */
    char recorder[64]; /* trace-cmd's version */
};

#define DAT_MAGIC_SIZE 10
bool dat_is_one(const void *bytes, size_t n);

/* Reads it; false with a line. dat_header_fini() is due in both cases. */
bool dat_header_read(struct dat_header *header, const struct bytes *bytes, const char *path, struct err *err);
void dat_header_fini(struct dat_header *header);

#endif
