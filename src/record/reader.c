/* Reads a recording: opens it by its index alone, and decodes any block of it by itself. */
#include "reader.h"

#include "codec.h"
#include "index.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_BLOCK UINT_MAX

struct reader {
    int fd;               /* -1: in memory */
    const uint8_t *bytes; /* in memory */
    uint64_t n_bytes;
    char *name;

    struct index index;
    struct reader_block *blocks; /* of events, and which entry of the index each is */
    unsigned *block_entries, n_blocks;
    unsigned *keys, n_keys; /* blocks */
    struct facts *facts;
    unsigned *facts_entries, n_facts;
    uint64_t n_events, first_ns, last_ns;
    uint64_t n_cut;
    char cut[160];

    struct buffer body, plain;
    struct buffer before; /* the text that another one was packed behind */
    struct codec *codec;
    unsigned next;         /* the block that could go on from what the codec knows, or NO_BLOCK */
    unsigned n_chain;      /* events from which it does, */
    unsigned n_links;      /* of so many blocks */
    struct event *skipped; /* room for those of a block that is only gone on from */
    ZSTD_DCtx *unpacker;
};

/* ---- bytes ---- */

static bool read_at(const struct reader *r, uint64_t offset, void *to, size_t n)
{
    if (offset > r->n_bytes || n > r->n_bytes - offset)
        return false;
    if (r->fd < 0) {
        memcpy(to, r->bytes + offset, n);
        return true;
    }
    uint8_t *at = to;
    while (n > 0) {
        const ssize_t got = pread(r->fd, at, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

static bool damaged(const struct reader *r, const struct index_entry *entry, struct err *err)
{
    return err_set(err, "%s: the block at byte %llu is damaged", r->name, (unsigned long long)entry->offset);
}

/* The block's header as the index has it, too. */
static bool read_header(const struct reader *r, const struct index_entry *e, struct block_header *header)
{
    uint8_t bytes[BLOCK_HEADER_SIZE];
    return read_at(r, e->offset, bytes, sizeof bytes) && block_header_load(bytes, header) &&
           header->type == e->type && header->n_header == e->n_header && header->n_body == e->n_body &&
           header->flags == e->flags && header->n_events == e->n_events && header->first_ns == e->first_ns &&
           header->last_ns == e->last_ns;
}

/* The section's bytes into r->body. */
static bool read_section(struct reader *r, const struct index_entry *e, const struct block_header *header,
                         enum block_section section)
{
    const uint32_t n = header->n_bytes[section];
    r->body.n = 0;
    buffer_reserve(&r->body, n + 1u);
    if (!read_at(r, e->offset + block_section_offset(header, section), r->body.bytes, n))
        return false;
    r->body.n = n;
    return block_crc(r->body.bytes, n) == header->crc[section];
}

/* The packed section's content into r->plain. */
static bool unpack_section(struct reader *r, const struct index_entry *e, enum block_section section)
{
    struct block_header header;
    return read_header(r, e, &header) && read_section(r, e, &header, section) &&
           block_unpack(r->body.bytes, r->body.n, BLOCK_MAX_UNPACKED, NULL, &r->plain, r->unpacker);
}

/* ---- opening ---- */

bool reader_is_recording(const void *bytes, size_t n)
{
    return n >= FILE_MAGIC_SIZE && memcmp(bytes, file_magic, FILE_MAGIC_SIZE) == 0;
}

/* The index at the end of the file; false where there is none, or it is damaged. */
static bool load_index(struct reader *r, uint64_t begin)
{
    uint8_t end[FILE_END_SIZE], bytes[BLOCK_HEADER_SIZE];
    struct block_header header;
    if (r->n_bytes < begin + FILE_END_SIZE || !read_at(r, r->n_bytes - FILE_END_SIZE, end, sizeof end) ||
        memcmp(end + 8, file_end_magic, FILE_MAGIC_SIZE) != 0)
        return false;
    const uint64_t at = load_le(end, 8), index_end = r->n_bytes - FILE_END_SIZE;
    if (at < begin || !read_at(r, at, bytes, sizeof bytes) || !block_header_load(bytes, &header) ||
        header.type != BLOCK_INDEX || block_size(&header) != index_end - at)
        return false;
    const struct index_entry here = {.offset = at};
    if (!read_section(r, &here, &header, SECTION_INDEX) ||
        !block_unpack(r->body.bytes, r->body.n, INDEX_MAX_UNPACKED, NULL, &r->plain, r->unpacker))
        return false;
    struct cursor from = cursor_of(r->plain.bytes, r->plain.n);
    return index_get(&from, begin, at, &r->index);
}

/* Whether all that the block holds is as it was written. */
static bool is_whole(struct reader *r, const struct index_entry *e)
{
    struct block_header header;
    bool whole = read_header(r, e, &header);
    for (enum block_section i = 0; i < BLOCK_SECTIONS && whole; i++)
        whole = header.n_bytes[i] == 0 || read_section(r, e, &header, i);
    return whole;
}

/* Where the first thing stands that is no whole block. Of what was written last before the power went the
 * disk may hold the length and not the bytes. */
static uint64_t walk_blocks(struct reader *r, uint64_t begin)
{
    uint64_t at = begin;
    uint8_t bytes[BLOCK_HEADER_SIZE], name[RECORD_NAME_SIZE];
    struct block_header header;
    while (read_at(r, at, bytes, sizeof bytes) && block_header_load(bytes, &header) &&
           block_size(&header) <= r->n_bytes - at) {
        size_t n_name = header.type == BLOCK_FACTS ? header.n_bytes[SECTION_NAME] : 0;
        if (n_name >= sizeof name ||
            !read_at(r, at + block_section_offset(&header, SECTION_NAME), name, n_name))
            n_name = 0;
        const struct index_entry entry = index_entry_of(&header, at, name, n_name);
        index_add(&r->index, &entry);
        at += block_size(&header);
    }
    while (r->index.n > 0 && !is_whole(r, &r->index.entries[r->index.n - 1]))
        at = r->index.entries[--r->index.n].offset;
    return at;
}

static bool is_events(const struct index_entry *e)
{
    return e->type == BLOCK_EVENTS && e->n_events <= RECORD_MAX_EVENTS;
}

static void add_block(struct reader *r, unsigned entry)
{
    const struct index_entry *e = &r->index.entries[entry];
    if (e->flags & BLOCK_KEY)
        r->keys[r->n_keys++] = r->n_blocks;
    if (r->n_blocks == 0 || e->first_ns < r->first_ns)
        r->first_ns = e->first_ns;
    if (e->last_ns > r->last_ns)
        r->last_ns = e->last_ns;
    r->n_events += e->n_events;
    r->block_entries[r->n_blocks] = entry;
    r->blocks[r->n_blocks++] = (struct reader_block){
        .first_ns = e->first_ns,
        .last_ns = e->last_ns,
        .n_events = e->n_events,
        .key = e->flags & BLOCK_KEY,
        .has_sums = e->flags & BLOCK_SUMS,
        .n_bytes = (uint64_t)e->n_header + e->n_body,
    };
}

/* Blocks of other types are of later versions, and are passed over. */
static void sort_entries(struct reader *r)
{
    const unsigned n = r->index.n;
    r->blocks = mem_new(n, sizeof *r->blocks);
    r->block_entries = mem_new(n, sizeof *r->block_entries);
    r->keys = mem_new(n, sizeof *r->keys);
    r->facts = mem_new(n, sizeof *r->facts);
    r->facts_entries = mem_new(n, sizeof *r->facts_entries);
    for (unsigned i = 0; i < n; i++) {
        const struct index_entry *e = &r->index.entries[i];
        if (is_events(e))
            add_block(r, i);
        if (e->type != BLOCK_FACTS)
            continue;
        r->facts_entries[r->n_facts] = i;
        r->facts[r->n_facts++] =
            (struct facts){.time_ns = e->first_ns, .timed = e->flags & BLOCK_TIMED, .name = e->name};
    }
}

static void tell_cut(struct reader *r, uint64_t whole)
{
    r->n_cut = r->n_bytes - whole;
    if (r->n_cut == 1)
        snprintf(r->cut, sizeof r->cut,
                 "the recording was cut off: its last byte cannot be read, all before it is there");
    else if (r->n_cut)
        snprintf(r->cut, sizeof r->cut,
                 "the recording was cut off: its last %llu bytes cannot be read, all before them is there",
                 (unsigned long long)r->n_cut);
    else
        snprintf(r->cut, sizeof r->cut,
                 "the recording was cut off between two blocks: all that is there can be read");
}

static bool load(struct reader *r, struct err *err)
{
    uint8_t bytes[FILE_HEADER_SIZE];
    uint32_t begin = 0;
    unsigned major = 0;
    const size_t n = r->n_bytes < sizeof bytes ? (size_t)r->n_bytes : sizeof bytes;
    if (!read_at(r, 0, bytes, n))
        return err_set(err, "%s: cannot be read", r->name);
    switch (file_header_load(bytes, n, &begin, &major)) {
    case FILE_HEADER_OTHER:
        return err_set(err, "%s: is no recording of schedviz", r->name);
    case FILE_HEADER_LATER:
        return err_set(err, "%s: is of format %u, and this schedviz knows formats up to %d: use a newer one",
                       r->name, major, FILE_MAJOR);
    case FILE_HEADER_DAMAGED:
        return err_set(err, "%s: the first bytes of this recording are damaged", r->name);
    case FILE_HEADER_GOOD:
        break;
    }
    if (begin > r->n_bytes)
        return err_set(err, "%s: the recording ends within its header", r->name);
    if (!load_index(r, begin))
        tell_cut(r, walk_blocks(r, begin));
    sort_entries(r);
    return true;
}

static struct reader *open_any(int fd, const void *bytes, uint64_t n, const char *name, struct err *err)
{
    struct reader *r = mem_new(1, sizeof *r);
    *r = (struct reader){.fd = fd, .bytes = bytes, .n_bytes = n, .name = strdup(name), .next = NO_BLOCK};
    r->codec = codec_new();
    r->unpacker = ZSTD_createDCtx();
    if (!r->unpacker || !r->name)
        err_no_memory();
    if (load(r, err))
        return r;
    reader_close(r);
    return NULL;
}

struct reader *reader_open_memory(const void *bytes, size_t n, const char *name, struct err *err)
{
    return open_any(-1, bytes, n, name, err);
}

/* A pipe that nobody writes to must not hold us up. */
struct reader *reader_open(const char *path, struct err *err)
{
    struct stat at;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &at) != 0) {
        err_set(err, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(at.st_mode)) {
        err_set(err, "%s: is no regular file: save it to one first", path);
    } else {
        return open_any(fd, NULL, (uint64_t)at.st_size, path, err);
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    index_fini(&r->index);
    buffer_fini(&r->body);
    buffer_fini(&r->plain);
    buffer_fini(&r->before);
    codec_free(r->codec);
    free(r->skipped);
    ZSTD_freeDCtx(r->unpacker);
    free(r->blocks);
    free(r->block_entries);
    free(r->keys);
    free(r->facts);
    free(r->facts_entries);
    free(r->name);
    free(r);
}

/* ---- what is there ---- */

uint64_t reader_cut(const struct reader *r, const char **text)
{
    if (text)
        *text = r->cut;
    return r->n_cut;
}

uint64_t reader_n_bytes(const struct reader *r)
{
    return r->n_bytes;
}

uint64_t reader_n_events(const struct reader *r)
{
    return r->n_events;
}

void reader_span(const struct reader *r, uint64_t *first_ns, uint64_t *last_ns)
{
    *first_ns = r->first_ns;
    *last_ns = r->last_ns;
}

unsigned reader_n_blocks(const struct reader *r)
{
    return r->n_blocks;
}

const struct reader_block *reader_block(const struct reader *r, unsigned block)
{
    return &r->blocks[block];
}

/* keys: which blocks to look at, NULL for all. */
static unsigned find(const struct reader *r, const unsigned *keys, unsigned n, uint64_t t_ns)
{
    unsigned low = 0, high = n;
    while (low < high) {
        const unsigned middle = low + (high - low) / 2;
        if (r->blocks[keys ? keys[middle] : middle].first_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (n == 0)
        return r->n_blocks;
    const unsigned found = low ? low - 1 : 0;
    return keys ? keys[found] : found;
}

unsigned reader_find(const struct reader *r, uint64_t t_ns, bool key)
{
    return key ? find(r, r->keys, r->n_keys, t_ns) : find(r, NULL, r->n_blocks, t_ns);
}

/* ---- blocks ---- */

static const struct index_entry *entry_of(const struct reader *r, unsigned block)
{
    return &r->index.entries[r->block_entries[block]];
}

static void forget(struct reader *r)
{
    codec_begin(r->codec, 0);
    r->next = NO_BLOCK;
    r->n_chain = r->n_links = 0;
}

/* Whether a block could go on from the one before it, so far as its flags tell. */
static bool may_go_on(const struct reader *r, unsigned block)
{
    const unsigned flags = entry_of(r, block)->flags;
    return block > 0 && flags & BLOCK_BITS && !(flags & BLOCK_KEY) &&
           entry_of(r, block - 1)->flags & BLOCK_BITS;
}

static bool decode_events(struct reader *r, const struct index_entry *e, struct event *events)
{
    struct block_header header;
    const size_t n = e->n_events;
    if (!read_header(r, e, &header) || !read_section(r, e, &header, SECTION_EVENTS))
        return false;
    if (e->flags & BLOCK_BITS)
        return codec_decode_bits(r->codec, r->body.bytes, r->body.n, events, n);
    return r->body.n >= n &&
           block_unpack(r->body.bytes + n, r->body.n - n, BLOCK_MAX_UNPACKED, NULL, &r->plain, r->unpacker) &&
           codec_decode(r->codec, r->body.bytes, r->plain.bytes, r->plain.n, events, n);
}

/* One that goes on from others after these. */
static bool decode(struct reader *r, unsigned block, struct event *events, struct err *err)
{
    const struct index_entry *e = entry_of(r, block);
    if (!(e->flags & BLOCK_NEXT))
        forget(r);
    const bool fits = r->n_chain + e->n_events <= RECORD_MAX_CHAIN && r->n_links < RECORD_MAX_LINKS;
    const bool good = fits && decode_events(r, e, events);
    r->next = good && e->flags & BLOCK_BITS ? block + 1 : NO_BLOCK;
    r->n_chain += e->n_events;
    r->n_links++;
    return good || damaged(r, e, err);
}

/* Where the blocks begin that a block goes on from; it itself when the codec knows what they say, or it goes
 * on from nothing. False when it cannot be so, or they are more than any writer makes. */
static bool find_beginning(const struct reader *r, unsigned block, unsigned *first)
{
    for (*first = block; entry_of(r, *first)->flags & BLOCK_NEXT && r->next != *first; --*first)
        if (!may_go_on(r, *first) || block - *first >= RECORD_MAX_LINKS)
            return false;
    return true;
}

bool reader_events(struct reader *r, unsigned block, struct event *events, size_t max, struct err *err)
{
    unsigned i;
    if (entry_of(r, block)->n_events > max)
        return err_set(err, "%s: a block has more events than there is room for", r->name);
    if (!find_beginning(r, block, &i))
        return damaged(r, entry_of(r, block), err);
    if (i < block && !r->skipped)
        r->skipped = mem_new(RECORD_MAX_EVENTS, sizeof *r->skipped);
    for (; i < block; i++)
        if (!decode(r, i, r->skipped, err))
            return false;
    return decode(r, block, events, err);
}

static bool get_extra(struct reader *r, struct cursor *from, struct preamble *preamble)
{
    const uint64_t n = get_varint(from);
    const uint8_t *times = n <= RECORD_MAX_EXTRA ? get_bytes(from, (size_t)n) : NULL;
    if (!times)
        return false;
    preamble->n_extra = (unsigned)n;
    preamble->extra = mem_new(preamble->n_extra, sizeof *preamble->extra);
    forget(r);
    return codec_decode(r->codec, times, from->p, cursor_left(from), preamble->extra, preamble->n_extra);
}

bool reader_preamble(struct reader *r, unsigned block, struct preamble *preamble, struct err *err)
{
    const struct index_entry *e = entry_of(r, block);
    *preamble = (struct preamble){0};
    if (!(e->flags & BLOCK_KEY))
        return err_set(err, "%s: the block at byte %llu has no state of tasks", r->name,
                       (unsigned long long)e->offset);
    if (!unpack_section(r, e, SECTION_PREAMBLE))
        return damaged(r, e, err);
    struct cursor from = cursor_of(r->plain.bytes, r->plain.n);
    if (!state_get_tasks(&from, &preamble->now_ns, &preamble->tasks, &preamble->n_tasks))
        return damaged(r, e, err);
    if (get_extra(r, &from, preamble))
        return true;
    preamble_fini(preamble);
    return damaged(r, e, err);
}

void preamble_fini(struct preamble *preamble)
{
    free(preamble->tasks);
    free(preamble->extra);
    *preamble = (struct preamble){0};
}

bool reader_sums(struct reader *r, unsigned block, struct sums_of_block *sums, struct err *err)
{
    const struct index_entry *e = entry_of(r, block);
    *sums = (struct sums_of_block){0};
    if (!(e->flags & BLOCK_SUMS))
        return err_set(err, "%s: the block at byte %llu has no sums", r->name, (unsigned long long)e->offset);
    const uint64_t span_ns = e->last_ns - e->first_ns;
    if (e->flags & BLOCK_SUM_BITS) {
        struct block_header header;
        return (read_header(r, e, &header) && read_section(r, e, &header, SECTION_SUMS) &&
                state_get_sums(r->body.bytes, r->body.n, span_ns, true, sums)) ||
               damaged(r, e, err);
    }
    return (unpack_section(r, e, SECTION_SUMS) &&
            state_get_sums(r->plain.bytes, r->plain.n, span_ns, false, sums)) ||
           damaged(r, e, err);
}

void sums_fini(struct sums_of_block *sums)
{
    free(sums->cpus);
    free(sums->tasks);
    *sums = (struct sums_of_block){0};
}

/* ---- facts ---- */

unsigned reader_n_facts(const struct reader *r)
{
    return r->n_facts;
}

const struct facts *reader_facts(const struct reader *r, unsigned i)
{
    return &r->facts[i];
}

unsigned reader_first_facts(const struct reader *r, const char *name)
{
    unsigned i = 0;
    while (i < r->n_facts && strcmp(r->facts[i].name, name) != 0)
        i++;
    return i;
}

unsigned reader_last_facts(const struct reader *r, const char *name)
{
    for (unsigned i = r->n_facts; i-- > 0;)
        if (strcmp(r->facts[i].name, name) == 0)
            return i;
    return r->n_facts;
}

static bool unpack_text(struct reader *r, const struct index_entry *e, const struct buffer *before,
                        struct buffer *to)
{
    struct block_header header;
    return read_header(r, e, &header) && read_section(r, e, &header, SECTION_NAME) &&
           read_section(r, e, &header, SECTION_TEXT) &&
           block_unpack(r->body.bytes, r->body.n, RECORD_TEXT_MAX, before, to, r->unpacker);
}

static bool read_text(struct reader *r, const struct index_entry *e)
{
    if (!(e->flags & BLOCK_AFTER))
        return unpack_text(r, e, NULL, &r->plain);
    const unsigned first = reader_first_facts(r, e->name);
    const struct index_entry *before = &r->index.entries[r->facts_entries[first]];
    return !(before->flags & BLOCK_AFTER) && unpack_text(r, before, NULL, &r->before) &&
           unpack_text(r, e, &r->before, &r->plain);
}

char *reader_text(struct reader *r, unsigned i, size_t *n_bytes, struct err *err)
{
    const struct index_entry *e = &r->index.entries[r->facts_entries[i]];
    if (!read_text(r, e) || memchr(r->plain.bytes, '\0', r->plain.n)) {
        damaged(r, e, err);
        return NULL;
    }
    char *text = mem_new(r->plain.n + 1, 1);
    memcpy(text, r->plain.bytes, r->plain.n);
    if (n_bytes)
        *n_bytes = r->plain.n;
    return text;
}
