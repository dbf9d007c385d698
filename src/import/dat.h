/* trace-cmd's trace.dat as moments: all CPUs' in one order of time. */
#ifndef SCHEDVIZ_IMPORT_DAT_H
#define SCHEDVIZ_IMPORT_DAT_H

#include "dat_header.h"

/* What unpacking may hold for all CPUs together. */
#define DAT_MAX_MEMORY (UINT64_C(512) << 20)

struct dat;

/* The bytes stay the caller's, and must stay. NULL with a line. */
struct dat *dat_open(const struct bytes *bytes, const char *path, struct err *err);
void dat_close(struct dat *dat);

const struct dat_header *dat_header(const struct dat *dat);

/* The next moment of all; false at the end. */
bool dat_next(struct dat *dat, struct moment *moment);

/* Bytes of the CPUs' data that were read, and that there are in the file; those that are missing at its end.
 */
uint64_t dat_n_read(const struct dat *dat);
uint64_t dat_n_bytes(const struct dat *dat);
uint64_t dat_n_missing(const struct dat *dat);

/* Pages, or packed chunks, that could not be read whole, so far. */
uint64_t dat_n_damaged(const struct dat *dat);

#endif
