/* Reads a stretch of a file from its beginning, unpacked where it is packed: numbers, texts, and what to
 * skip. */
#ifndef SCHEDVIZ_IMPORT_STRETCH_H
#define SCHEDVIZ_IMPORT_STRETCH_H

#include "unpack.h"

#define STRETCH_BUFFER 4096

/* What a packed stretch may become at most. The largest that is read whole has the formats of all events of a
 * kernel, a few MB. */
#define STRETCH_MAX_UNPACKED (UINT64_C(256) << 20)

struct stretch {
    const struct bytes *bytes;
    struct unpack *unpack; /* NULL: not packed */
    uint64_t at, end; /* not packed: the rest of the stretch; packed: unpacked bytes so far, and at most */
    bool big_endian;
    bool ended; /* something was asked for beyond the end: stays so, and all further numbers are 0 */
    size_t next, n;
    unsigned char buffer[STRETCH_BUFFER];
};

/* [at, end) of the file as it is. */
void stretch_init(struct stretch *stretch, const struct bytes *bytes, uint64_t at, uint64_t end,
                  bool big_endian);
/* What [at, end) becomes, through unpack, which stays the caller's. */
void stretch_init_packed(struct stretch *stretch, const struct bytes *bytes, uint64_t at, uint64_t end,
                         bool big_endian, struct unpack *unpack);

/* False, and `ended', when there are not so many bytes. */
bool stretch_get(struct stretch *stretch, void *to, size_t n);
bool stretch_skip(struct stretch *stretch, uint64_t n);

uint8_t stretch_u8(struct stretch *stretch);
uint16_t stretch_u16(struct stretch *stretch);
uint32_t stretch_u32(struct stretch *stretch);
uint64_t stretch_u64(struct stretch *stretch);

/* A text up to its NUL, of which size - 1 bytes are kept. */
bool stretch_text(struct stretch *stretch, char *text, size_t size);

/* Numbers of 1, 2, 4 or 8 bytes as they stand in memory; 0 for other sizes. */
uint64_t stretch_number(const void *from, size_t size, bool big_endian);

#endif
