/* Fuzz target: recordings. The first byte chooses what the rest is: a file whose checksums are put right
 * first, one as it is, or what a section holds when it is unpacked. */
#include "../../src/record/block.h"
#include "../../src/record/codec.h"
#include "../../src/record/index.h"
#include "../../src/record/reader.h"
#include "../../src/record/state.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define MAX_DECODED 1000 /* events, of bytes that are no file */

/* ---- whole files ---- */

static void read_block(struct reader *reader, unsigned i)
{
    static struct event events[RECORD_MAX_EVENTS];
    const struct reader_block *block = reader_block(reader, i);
    struct preamble preamble;
    struct sums_of_block sums;
    struct err err;
    if (block->n_events > RECORD_MAX_EVENTS || block->first_ns > block->last_ns)
        abort();
    reader_events(reader, i, events, RECORD_MAX_EVENTS, &err);
    if (reader_preamble(reader, i, &preamble, &err)) {
        for (uint32_t task = 0; task < preamble.n_tasks; task++)
            if (strnlen(preamble.tasks[task].name, EVENT_NAME_SIZE) == EVENT_NAME_SIZE ||
                preamble.tasks[task].index != task)
                abort();
        preamble_fini(&preamble);
    }
    if (reader_sums(reader, i, &sums, &err))
        sums_fini(&sums);
}

static void read_all(const uint8_t *bytes, size_t n)
{
    struct err err;
    const char *line;
    uint64_t first_ns, last_ns;
    struct reader *reader = reader_open_memory(bytes, n, "fuzz", &err);
    if (!reader)
        return;
    reader_span(reader, &first_ns, &last_ns);
    if (reader_cut(reader, &line) > reader_n_bytes(reader) || first_ns > last_ns)
        abort();
    for (unsigned i = 0; i < reader_n_blocks(reader); i++) {
        read_block(reader, i);
        if (reader_find(reader, reader_block(reader, i)->first_ns, i % 2) > reader_n_blocks(reader))
            abort();
    }
    for (unsigned i = 0; i < reader_n_facts(reader); i++) {
        size_t n_text;
        char *text = reader_text(reader, i, &n_text, &err);
        if (text && strlen(text) != n_text)
            abort();
        free(text);
        if (reader_first_facts(reader, reader_facts(reader, i)->name) > i)
            abort();
    }
    reader_close(reader);
}

/* Else nothing behind a checksum would ever be reached. The block's size, or 0. */
static size_t mend_block(uint8_t *bytes, size_t n)
{
    struct block_header header;
    if (n < BLOCK_HEADER_SIZE)
        return 0;
    memset(bytes + 12, 0, 4);
    store_le(bytes + 12, block_crc(bytes, BLOCK_HEADER_SIZE), 4);
    if (!block_header_load(bytes, &header) || block_size(&header) > n)
        return 0;
    for (enum block_section i = 0; i < BLOCK_SECTIONS; i++)
        header.crc[i] = block_crc(bytes + block_section_offset(&header, i), header.n_bytes[i]);
    block_header_store(bytes, &header);
    return (size_t)block_size(&header);
}

static void mend(uint8_t *bytes, size_t n)
{
    if (n < FILE_HEADER_SIZE)
        return;
    store_le(bytes + 16, block_crc(bytes, 16), 4);
    size_t size = 1;
    for (size_t at = FILE_HEADER_SIZE; size > 0 && at < n; at += size)
        size = mend_block(bytes + at, n - at);
}

/* ---- what sections hold ---- */

static void decode(const uint8_t *bytes, size_t n)
{
    static struct event events[MAX_DECODED];
    const size_t n_events = n ? bytes[0] : 0;
    if (n < 1 + n_events)
        return;
    struct codec *codec = codec_new();
    codec_decode(codec, bytes + 1, bytes + 1 + n_events, n - 1 - n_events, events, n_events);
    codec_free(codec);
}

static void decode_bits(const uint8_t *bytes, size_t n)
{
    static struct event events[MAX_DECODED];
    struct codec *codec = codec_new();
    if (n)
        codec_decode_bits(codec, bytes + 1, n - 1, events, bytes[0] * 3u);
    codec_free(codec);
}

static void get_tasks(const uint8_t *bytes, size_t n)
{
    struct cursor from = cursor_of(bytes, n);
    struct task *tasks;
    uint64_t now_ns;
    unsigned n_tasks;
    if (state_get_tasks(&from, &now_ns, &tasks, &n_tasks))
        free(tasks);
}

static void get_sums(const uint8_t *bytes, size_t n)
{
    struct sums_of_block sums;
    for (unsigned bits = 0; bits < 2; bits++)
        if (state_get_sums(bytes, n, 1000000, bits, &sums))
            sums_fini(&sums);
}

static void get_index(const uint8_t *bytes, size_t n)
{
    struct cursor from = cursor_of(bytes, n);
    struct index index = {0};
    if (index_get(&from, FILE_HEADER_SIZE, 100000, &index))
        index_fini(&index);
}

/* What is encoded comes back. */
static void round_trip(const uint8_t *bytes, size_t n)
{
    struct codec *codec = codec_new();
    struct columns columns = {0};
    struct buffer joined = {0}, bits = {0};
    const size_t n_events = n / sizeof(struct event);
    struct event *events = mem_new(n_events, sizeof *events), *back = mem_new(n_events, sizeof *back);
    if (n_events)
        memcpy(events, bytes, n_events * sizeof *events);
    codec_encode(codec, &columns, events, n_events);
    columns_join(&columns, &joined);
    codec_begin(codec, 0);
    if (!codec_decode(codec, columns.time.bytes, joined.bytes, joined.n, back, n_events) ||
        memcmp(events, back, n_events * sizeof *events) != 0)
        abort();
    codec_begin(codec, 0);
    codec_encode_bits(codec, &bits, events, n_events);
    const size_t n_bits = bits.n;
    codec_encode_bits(codec, &bits, events, n_events); /* goes on from the ones before */
    codec_begin(codec, 0);
    for (unsigned i = 0; i < 2; i++)
        if (!codec_decode_bits(codec, bits.bytes + (i ? n_bits : 0), i ? bits.n - n_bits : n_bits, back,
                               n_events) ||
            memcmp(events, back, n_events * sizeof *events) != 0)
            abort();
    free(events);
    free(back);
    buffer_fini(&bits);
    buffer_fini(&joined);
    columns_fini(&columns);
    codec_free(codec);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0)
        return 0;
    uint8_t *copy = mem_new(n, 1);
    memcpy(copy, bytes, n);
    switch (bytes[0]) {
    case 'm':
        mend(copy + 1, n - 1);
        read_all(copy + 1, n - 1);
        break;
    case 'f':
        read_all(copy + 1, n - 1);
        break;
    case 'e':
        decode(copy + 1, n - 1);
        break;
    case 'b':
        decode_bits(copy + 1, n - 1);
        break;
    case 't':
        get_tasks(copy + 1, n - 1);
        break;
    case 's':
        get_sums(copy + 1, n - 1);
        break;
    case 'i':
        get_index(copy + 1, n - 1);
        break;
    case 'r':
        round_trip(copy + 1, n - 1);
        break;
    default:
        read_all(copy, n);
    }
    free(copy);
    return 0;
}
