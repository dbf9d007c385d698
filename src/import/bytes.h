/* A file as bytes at offsets, or memory in its place. */
#ifndef SCHEDVIZ_IMPORT_BYTES_H
#define SCHEDVIZ_IMPORT_BYTES_H

#include "../err.h"

#include <stddef.h>
#include <stdint.h>

struct bytes {
    int fd; /* -1: memory */
    const unsigned char *memory;
    uint64_t size;
};

/* Opens a regular file for reading; false with a line when there is none, or it may not be read. */
bool bytes_open(struct bytes *bytes, const char *path, struct err *err);

/* The memory stays the caller's, and must stay. */
void bytes_open_memory(struct bytes *bytes, const void *memory, size_t size);

void bytes_close(struct bytes *bytes);

/* Copies n bytes from offset `at'; returns how many there were: fewer at the end, or where the disk fails. */
size_t bytes_read(const struct bytes *bytes, uint64_t at, void *to, size_t n);

#endif
