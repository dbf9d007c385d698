/* A small buffer over bytes, or over what they become when unpacked. */
#include "stretch.h"

#include <string.h>

void stretch_init(struct stretch *stretch, const struct bytes *bytes, uint64_t at, uint64_t end,
                  bool big_endian)
{
    stretch->bytes = bytes;
    stretch->unpack = NULL;
    stretch->at = at;
    stretch->end = end < bytes->size ? end : bytes->size;
    stretch->big_endian = big_endian;
    stretch->ended = false;
    stretch->next = stretch->n = 0;
}

void stretch_init_packed(struct stretch *stretch, const struct bytes *bytes, uint64_t at, uint64_t end,
                         bool big_endian, struct unpack *unpack)
{
    stretch_init(stretch, bytes, 0, 0, big_endian);
    stretch->unpack = unpack;
    stretch->end = STRETCH_MAX_UNPACKED;
    unpack_begin(unpack, bytes, at, end);
}

static void fill(struct stretch *stretch)
{
    const uint64_t left = stretch->end > stretch->at ? stretch->end - stretch->at : 0;
    const size_t n = left < STRETCH_BUFFER ? (size_t)left : STRETCH_BUFFER;
    stretch->next = 0;
    stretch->n = stretch->unpack ? unpack_read(stretch->unpack, stretch->buffer, n)
                                 : bytes_read(stretch->bytes, stretch->at, stretch->buffer, n);
    stretch->at += stretch->n;
}

bool stretch_get(struct stretch *stretch, void *to, size_t n)
{
    char *bytes = to;
    while (n > 0 && !stretch->ended) {
        if (stretch->next == stretch->n)
            fill(stretch);
        const size_t here = stretch->n - stretch->next, part = n < here ? n : here;
        stretch->ended = here == 0;
        memcpy(bytes, stretch->buffer + stretch->next, part);
        stretch->next += part;
        bytes += part;
        n -= part;
    }
    return !stretch->ended;
}

bool stretch_skip(struct stretch *stretch, uint64_t n)
{
    while (n > 0 && !stretch->ended) {
        if (stretch->next == stretch->n && !stretch->unpack && n > STRETCH_BUFFER) {
            const uint64_t left = stretch->end > stretch->at ? stretch->end - stretch->at : 0;
            stretch->ended = n > left;
            stretch->at += n < left ? n : left;
            break;
        }
        if (stretch->next == stretch->n)
            fill(stretch);
        const size_t here = stretch->n - stretch->next, part = n < here ? (size_t)n : here;
        stretch->ended = here == 0;
        stretch->next += part;
        n -= part;
    }
    return !stretch->ended;
}

uint64_t stretch_number(const void *from, size_t size, bool big_endian)
{
    const unsigned char *bytes = from;
    uint64_t number = 0;
    if (size != 1 && size != 2 && size != 4 && size != 8)
        return 0;
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)bytes[i] << (8 * (big_endian ? size - 1 - i : i));
    return number;
}

static uint64_t number(struct stretch *stretch, size_t size)
{
    unsigned char bytes[8];
    return stretch_get(stretch, bytes, size) ? stretch_number(bytes, size, stretch->big_endian) : 0;
}

uint8_t stretch_u8(struct stretch *stretch)
{
    return (uint8_t)number(stretch, 1);
}

uint16_t stretch_u16(struct stretch *stretch)
{
    return (uint16_t)number(stretch, 2);
}

uint32_t stretch_u32(struct stretch *stretch)
{
    return (uint32_t)number(stretch, 4);
}

uint64_t stretch_u64(struct stretch *stretch)
{
    return number(stretch, 8);
}

bool stretch_text(struct stretch *stretch, char *text, size_t size)
{
    char c = '\0';
    size_t n = 0;
    while (stretch_get(stretch, &c, 1) && c != '\0') {
        if (n + 1 < size)
            text[n++] = c;
    }
    text[n] = '\0';
    return !stretch->ended;
}
