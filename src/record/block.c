/* The frame of the file: its header, blocks with their headers and checksums, packed sections. */
#include "block.h"

#include <zlib.h>

/* Where its numbers stand in a block's header; schedviz-recording(5). */
enum {
    AT_TYPE = 4,
    AT_FLAGS = 5,
    AT_N_HEADER = 6,
    AT_N_BODY = 8,
    AT_CRC = 12,
    AT_FIRST = 16,
    AT_LAST = 24,
    AT_N_EVENTS = 32,
    AT_SECTIONS = 36,
};

const uint8_t file_magic[FILE_MAGIC_SIZE] = {0x89, 'S', 'V', 'Z', '\r', '\n', 0x1a, '\n'};
const uint8_t file_end_magic[FILE_MAGIC_SIZE] = {'S', 'V', 'Z', '-', 'E', 'N', 'D', '\n'};
static const char block_magic[4] = {'S', 'V', 'Z', 'B'};

uint32_t block_crc(const void *bytes, size_t n)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, n);
}

void file_header_store(uint8_t bytes[FILE_HEADER_SIZE])
{
    memcpy(bytes, file_magic, FILE_MAGIC_SIZE);
    store_le(bytes + 8, FILE_MAJOR, 2);
    store_le(bytes + 10, FILE_MINOR, 2);
    store_le(bytes + 12, FILE_HEADER_SIZE, 4);
    store_le(bytes + 16, block_crc(bytes, 16), 4);
}

enum file_header file_header_load(const uint8_t *bytes, size_t n, uint32_t *n_bytes, unsigned *major)
{
    if (n < FILE_MAGIC_SIZE || memcmp(bytes, file_magic, FILE_MAGIC_SIZE) != 0)
        return FILE_HEADER_OTHER;
    if (n < FILE_HEADER_SIZE || load_le(bytes + 16, 4) != block_crc(bytes, 16))
        return FILE_HEADER_DAMAGED;
    *major = (unsigned)load_le(bytes + 8, 2);
    *n_bytes = (uint32_t)load_le(bytes + 12, 4);
    if (*major > FILE_MAJOR)
        return FILE_HEADER_LATER;
    return *n_bytes >= FILE_HEADER_SIZE ? FILE_HEADER_GOOD : FILE_HEADER_DAMAGED;
}

/* Of the header without the checksum itself. */
static uint32_t header_crc(const uint8_t bytes[BLOCK_HEADER_SIZE])
{
    uint8_t copy[BLOCK_HEADER_SIZE];
    memcpy(copy, bytes, sizeof copy);
    memset(copy + AT_CRC, 0, 4);
    return block_crc(copy, sizeof copy);
}

void block_header_store(uint8_t bytes[BLOCK_HEADER_SIZE], const struct block_header *h)
{
    memcpy(bytes, block_magic, sizeof block_magic);
    bytes[AT_TYPE] = h->type;
    bytes[AT_FLAGS] = h->flags;
    store_le(bytes + AT_N_HEADER, h->n_header, 2);
    store_le(bytes + AT_N_BODY, h->n_body, 4);
    store_le(bytes + AT_FIRST, h->first_ns, 8);
    store_le(bytes + AT_LAST, h->last_ns, 8);
    store_le(bytes + AT_N_EVENTS, h->n_events, 4);
    for (unsigned i = 0; i < BLOCK_SECTIONS; i++) {
        store_le(bytes + AT_SECTIONS + 8 * i, h->n_bytes[i], 4);
        store_le(bytes + AT_SECTIONS + 8 * i + 4, h->crc[i], 4);
    }
    store_le(bytes + AT_CRC, header_crc(bytes), 4);
}

bool block_header_load(const uint8_t bytes[BLOCK_HEADER_SIZE], struct block_header *h)
{
    if (memcmp(bytes, block_magic, sizeof block_magic) != 0 ||
        load_le(bytes + AT_CRC, 4) != header_crc(bytes))
        return false;
    *h = (struct block_header){
        .type = bytes[AT_TYPE],
        .flags = bytes[AT_FLAGS],
        .n_header = (uint32_t)load_le(bytes + AT_N_HEADER, 2),
        .n_body = (uint32_t)load_le(bytes + AT_N_BODY, 4),
        .first_ns = load_le(bytes + AT_FIRST, 8),
        .last_ns = load_le(bytes + AT_LAST, 8),
        .n_events = (uint32_t)load_le(bytes + AT_N_EVENTS, 4),
    };
    uint64_t n_sections = 0;
    for (unsigned i = 0; i < BLOCK_SECTIONS; i++) {
        h->n_bytes[i] = (uint32_t)load_le(bytes + AT_SECTIONS + 8 * i, 4);
        h->crc[i] = (uint32_t)load_le(bytes + AT_SECTIONS + 8 * i + 4, 4);
        n_sections += h->n_bytes[i];
    }
    return h->n_header >= BLOCK_HEADER_SIZE && h->n_body <= BLOCK_MAX_BODY && n_sections <= h->n_body &&
           h->first_ns <= h->last_ns;
}

uint64_t block_section_offset(const struct block_header *h, enum block_section section)
{
    uint64_t at = h->n_header;
    for (unsigned i = 0; i < (unsigned)section; i++)
        at += h->n_bytes[i];
    return at;
}

void block_close_section(const struct buffer *block, struct block_header *h, enum block_section section)
{
    const uint8_t *begin = block->bytes + h->n_header + h->n_body;
    const size_t n = block->n - h->n_header - h->n_body;
    h->n_bytes[section] = (uint32_t)n;
    h->crc[section] = block_crc(begin, n);
    h->n_body += (uint32_t)n;
}

void block_add_section(struct buffer *block, struct block_header *h, enum block_section section,
                       const void *bytes, size_t n)
{
    buffer_bytes(block, bytes, n);
    block_close_section(block, h, section);
}

void block_add_packed(struct buffer *block, struct block_header *h, enum block_section section,
                      const void *bytes, size_t n, ZSTD_CCtx *packer)
{
    block_pack(block, bytes, n, packer);
    block_close_section(block, h, section);
}

void block_pack(struct buffer *to, const void *bytes, size_t n, ZSTD_CCtx *packer)
{
    const size_t bound = ZSTD_compressBound(n);
    buffer_reserve(to, bound);
    const size_t packed = ZSTD_compress2(packer, to->bytes + to->n, bound, bytes, n);
    if (ZSTD_isError(packed)) /* with this much room only memory can be missing */
        err_no_memory();
    to->n += packed;
}

bool block_unpack(const uint8_t *bytes, size_t n, size_t max, const struct buffer *before, struct buffer *to,
                  ZSTD_DCtx *unpacker)
{
    const unsigned long long size = ZSTD_getFrameContentSize(bytes, n);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > max)
        return false;
    to->n = 0;
    buffer_reserve(to, (size_t)size + 1);
    ZSTD_DCtx_refPrefix(unpacker, before ? before->bytes : NULL, before ? before->n : 0);
    const size_t unpacked = ZSTD_decompressDCtx(unpacker, to->bytes, (size_t)size, bytes, n);
    if (ZSTD_isError(unpacked) || unpacked != size)
        return false;
    to->n = unpacked;
    return true;
}
