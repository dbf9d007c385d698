/* Bytes that grow, and bytes that are read no further than they go: numbers as LEB128, as in the file. */
#ifndef SCHEDVIZ_RECORD_BYTES_H
#define SCHEDVIZ_RECORD_BYTES_H

#include "../err.h"

#include <endian.h>
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
#define VARINT_ROOM      10 /* to write one, however short it is */

/* The unchecked ones need room that buffer_reserve() made. */
static inline void put_byte(struct buffer *b, uint8_t byte)
{
    b->bytes[b->n++] = byte;
}

/* Returns where the next one goes; there must be VARINT_ROOM. But for those of one byte, which come in rows,
 * short ones take no branch that depends on their length, which nothing foretells. */
static inline uint8_t *varint_at(uint8_t *to, uint64_t v)
{
    if (v < 0x80) {
        *to = (uint8_t)v;
        return to + 1;
    }
    if (v < 1u << 28) {
        const uint32_t w = (uint32_t)v;
        const uint32_t n = (uint32_t)(38 - __builtin_clz(w | 1)) / 7;
        const uint32_t digits = (w & 0x7f) | (w & 0x3f80) << 1 | (w & 0x1fc000) << 2 | (w & 0xfe00000) << 3;
        const uint32_t more = 0x808080u & ((1u << (8 * (n - 1))) - 1);
        for (unsigned i = 0; i < 4; i++)
            to[i] = (uint8_t)((digits | more) >> (8 * i));
        return to + n;
    }
    while (v >= 0x80) {
        *to++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *to++ = (uint8_t)v;
    return to;
}

static inline void put_varint(struct buffer *b, uint64_t v)
{
    b->n = (size_t)(varint_at(b->bytes + b->n, v) - b->bytes);
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
    buffer_reserve(b, VARINT_ROOM);
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
    const uint8_t *p = bytes;
    return (struct cursor){.p = p, .end = n ? p + n : p}; /* p may be NULL then */
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

/* What get_varint() does near the end, and with numbers of more than 56 bits. */
static inline uint64_t get_long_varint(struct cursor *c)
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

/* Most are one byte; of the others eight at once, without a branch that depends on their length. */
static inline uint64_t get_varint(struct cursor *c)
{
    uint64_t v;
    if (c->p < c->end && *c->p < 0x80)
        return *c->p++;
    if (cursor_left(c) < sizeof v)
        return get_long_varint(c);
    memcpy(&v, c->p, sizeof v);
    v = le64toh(v);
    const uint64_t ends = ~v & UINT64_C(0x8080808080808080);
    if (!ends)
        return get_long_varint(c);
    c->p += (unsigned)__builtin_ctzll(ends) / 8 + 1;
    v &= ends ^ (ends - 1);
    v = (v & UINT64_C(0x007f007f007f007f)) | (v & UINT64_C(0x7f007f007f007f00)) >> 1;
    v = (v & UINT64_C(0x00003fff00003fff)) | (v & UINT64_C(0x3fff00003fff0000)) >> 2;
    return (v & UINT64_C(0x000000000fffffff)) | (v & UINT64_C(0x0fffffff00000000)) >> 4;
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
