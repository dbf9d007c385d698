/* The frame of the file: its header, blocks with their headers and checksums, packed sections. */
#ifndef SCHEDVIZ_RECORD_BLOCK_H
#define SCHEDVIZ_RECORD_BLOCK_H

#include "bytes.h"

#include <zstd.h>

/* ---- the file's header and end ---- */

#define FILE_MAGIC_SIZE  8
#define FILE_MAJOR       1
#define FILE_MINOR       0
#define FILE_HEADER_SIZE 20

#define FILE_END_SIZE 16 /* where the index block begins, and the magic */

extern const uint8_t file_magic[FILE_MAGIC_SIZE]; /* as PNG's: shows what text tools do to it */
extern const uint8_t file_end_magic[FILE_MAGIC_SIZE];

void file_header_store(uint8_t bytes[FILE_HEADER_SIZE]);

enum file_header { FILE_HEADER_GOOD, FILE_HEADER_OTHER, FILE_HEADER_DAMAGED, FILE_HEADER_LATER };

/* n_bytes: of the whole header, which may be longer. */
enum file_header file_header_load(const uint8_t *bytes, size_t n, uint32_t *n_bytes, unsigned *major);

/* ---- blocks ---- */

enum block_type { BLOCK_EVENTS = 1, BLOCK_FACTS = 2, BLOCK_INDEX = 3 };

enum block_flags {
    BLOCK_KEY = 1,       /* EVENTS: it has a preamble */
    BLOCK_SUMS = 2,      /* EVENTS: it has sums */
    BLOCK_TIMED = 4,     /* FACTS */
    BLOCK_BITS = 8,      /* EVENTS: they are bits, not columns */
    BLOCK_NEXT = 16,     /* EVENTS, bits: what was learned of the block before goes on */
    BLOCK_SUM_BITS = 32, /* EVENTS: its sums are bits, and not packed */
    BLOCK_AFTER = 64,    /* FACTS: packed as what follows the first text of this name */
};

/* Sections follow the header in this order; a length of 0: there is none. */
enum block_section {
    SECTION_SUMS = 0,
    SECTION_PREAMBLE = 1,
    SECTION_EVENTS = 2,
    SECTION_NAME = 0, /* FACTS */
    SECTION_TEXT = 1,
    SECTION_INDEX = 0,
    BLOCK_SECTIONS = 3,
};

#define BLOCK_HEADER_SIZE  60
#define BLOCK_MAX_BODY     (64u << 20)
#define BLOCK_MAX_UNPACKED (16u << 20) /* of a section, but for the index */
#define INDEX_MAX_UNPACKED (256u << 20)

struct block_header {
    uint8_t type, flags;
    uint32_t n_header, n_body; /* bytes */
    uint64_t first_ns, last_ns;
    uint32_t n_events;
    uint32_t n_bytes[BLOCK_SECTIONS], crc[BLOCK_SECTIONS];
};

void block_header_store(uint8_t bytes[BLOCK_HEADER_SIZE], const struct block_header *header);

/* Whether they are the beginning of a block of any type; lengths are bounded, and sections lie in the body.
 */
bool block_header_load(const uint8_t bytes[BLOCK_HEADER_SIZE], struct block_header *header);

static inline uint64_t block_size(const struct block_header *header)
{
    return (uint64_t)header->n_header + header->n_body;
}

/* Where a section begins, from the block's beginning on. */
uint64_t block_section_offset(const struct block_header *header, enum block_section section);

uint32_t block_crc(const void *bytes, size_t n); /* CRC-32 of zlib */

/* Puts a section behind `block', which begins with room for the header; a packed one by zstd. */
void block_add_section(struct buffer *block, struct block_header *header, enum block_section section,
                       const void *bytes, size_t n);
void block_add_packed(struct buffer *block, struct block_header *header, enum block_section section,
                      const void *bytes, size_t n, ZSTD_CCtx *packer);

/* What lies in the block behind its sections so far becomes the section. */
void block_close_section(const struct buffer *block, struct block_header *header, enum block_section section);

/* Packs the bytes as a zstd frame that tells its size. */
void block_pack(struct buffer *to, const void *bytes, size_t n, ZSTD_CCtx *packer);

/* The content of a zstd frame, at most max bytes, into `to' in place of what it held; false when it is
 * damaged or larger. before: what it was packed as the continuation of (ZSTD_CCtx_refPrefix() of zstd.h), or
 * NULL. */
bool block_unpack(const uint8_t *bytes, size_t n, size_t max, const struct buffer *before, struct buffer *to,
                  ZSTD_DCtx *unpacker);

#endif
