/* Bytes that grow, and bytes that are read no further than they go: numbers as LEB128, as in the file. */
#ifndef SCHEDVIZ_RECORD_BYTES_H
#define SCHEDVIZ_RECORD_BYTES_H

#include "../err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

struct buffer {
    uint8_t *bytes;
    size_t n, capacity;
};

static inline void buffer_reserve(struct buffer *b, size_t n_more)
{
    if (b->capacity - b->n >= n_more)
        return;
    b->capacity = 2 * b->capacity + n_more;
    b->bytes = mem_resize(b->bytes, b->capacity, 1);
}

static inline void buffer_fini(struct buffer *b)
{
    free(b->bytes);
    *b = (struct buffer){0};
}

#define VARINT_MAX_BYTES 10

/* The unchecked ones need room that buffer_reserve() made. */
static inline void put_byte(struct buffer *b, uint8_t byte)
{
    b->bytes[b->n++] = byte;
}

static inline void put_varint(struct buffer *b, uint64_t v)
{
    while (v >= 0x80) {
        put_byte(b, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    put_byte(b, (uint8_t)v);
}

/* Small for differences of either sign: 0, -1, 1, -2, 2 ... become 0, 1, 2, 3, 4 ... */
static inline uint64_t zigzag(uint64_t difference)
{
    return (difference << 1) ^ (0 - (difference >> 63));
}

static inline uint64_t unzigzag(uint64_t v)
{
    return (v >> 1) ^ (0 - (v & 1));
}

static inline uint32_t zigzag32(uint32_t difference)
{
    return (difference << 1) ^ (0 - (difference >> 31));
}

static inline uint32_t unzigzag32(uint32_t v)
{
    return (v >> 1) ^ (0 - (v & 1));
}

static inline void buffer_byte(struct buffer *b, uint8_t byte)
{
    buffer_reserve(b, 1);
    put_byte(b, byte);
}

static inline void buffer_varint(struct buffer *b, uint64_t v)
{
    buffer_reserve(b, VARINT_MAX_BYTES);
    put_varint(b, v);
}

static inline void buffer_signed(struct buffer *b, uint64_t difference)
{
    buffer_varint(b, zigzag(difference));
}

static inline void buffer_bytes(struct buffer *b, const void *bytes, size_t n)
{
    buffer_reserve(b, n);
    if (n)
        memcpy(b->bytes + b->n, bytes, n);
    b->n += n;
}

/* ---- reading ---- */

/* Past its end there are only zeros, and bad is set. */
struct cursor {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct cursor cursor_of(const void *bytes, size_t n)
{
    return (struct cursor){.p = bytes, .end = (const uint8_t *)bytes + n};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

static inline uint8_t get_byte(struct cursor *c)
{
    if (c->p < c->end)
        return *c->p++;
    c->bad = true;
    return 0;
}

static inline uint64_t get_varint(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t byte = get_byte(c);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
    c->bad = true;
    return 0;
}

static inline uint64_t get_signed(struct cursor *c)
{
    return unzigzag(get_varint(c));
}

static inline uint32_t get_varint32(struct cursor *c)
{
    const uint64_t v = get_varint(c);
    c->bad |= v > UINT32_MAX;
    return (uint32_t)v;
}

/* The next n bytes, or NULL. */
static inline const uint8_t *get_bytes(struct cursor *c, size_t n)
{
    if (n > cursor_left(c)) {
        c->bad = true;
        c->p = c->end;
        return NULL;
    }
    const uint8_t *bytes = c->p;
    c->p += n;
    return bytes;
}

/* ---- fixed numbers, little-endian ---- */

static inline void store_le(uint8_t *to, uint64_t v, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t load_le(const uint8_t *from, unsigned n_bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n_bytes; i++)
        v |= (uint64_t)from[i] << (8 * i);
    return v;
}

#endif
