/* Pages of the ring buffer, after include/linux/ring_buffer.h and events/header_event of tracefs. */
#include "page.h"

#include "stretch.h"

#include <string.h>

/* The word "commit" (kernel/trace/ring_buffer.c): bytes of records, and whether events were lost before them;
 * behind the records is how many, when there was room for it. */
#define COMMIT_SIZE          ((UINT64_C(1) << 27) - 1)
#define COMMIT_MISSED        (UINT64_C(1) << 31)
#define COMMIT_MISSED_STORED (UINT64_C(1) << 30)

/* A record's first word has 5 bits of type or length, and 27 of time since the one before. */
#define DELTA_BITS 27
#define DELTA_MASK ((UINT32_C(1) << DELTA_BITS) - 1)
#define STAMP_UPPER                                                                                          \
    (UINT64_C(0xf8) << 56) /* the bits of a time that an absolute stamp (59 bits) leaves out */
enum {
    TYPE_LONG = 0, /* the length is in the next word, and counts that word */
    TYPE_PADDING = 29,
    TYPE_EXTEND = 30, /* the next word is the upper part of a long time */
    TYPE_STAMP = 31,  /* the same, of an absolute one */
};

bool page_layout_parse(struct page_layout *layout, const char *text, size_t n)
{
    struct format_field commit = {0}, data = {0};
    const char *const end = text + n;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const size_t n_line = (size_t)((newline ? newline : end) - text);
        formats_line(text, n_line, "commit", &commit);
        formats_line(text, n_line, "data", &data);
        text += n_line + 1;
    }
    layout->commit_at = commit.at;
    layout->commit_size = commit.size;
    layout->data_at = data.at;
    return (commit.size == 4 || commit.size == 8) && data.at >= 8 && commit.at <= data.at - commit.size;
}

static uint64_t number(const struct page *page, size_t at, size_t size)
{
    return stretch_number(page->bytes + at, size, page->layout->big_endian);
}

void page_begin(struct page *page, const struct page_layout *layout, const unsigned char *bytes, size_t n)
{
    *page = (struct page){.layout = layout, .bytes = bytes, .at = layout->data_at};
    if (n < layout->data_at) {
        page->damaged = true;
        return;
    }
    page->time = number(page, 0, 8);
    const uint64_t commit = number(page, layout->commit_at, layout->commit_size);
    const uint64_t size = commit & COMMIT_SIZE;
    if (size > n - layout->data_at) {
        page->damaged = true;
        return;
    }
    page->end = layout->data_at + (size_t)size;
    if (commit & COMMIT_MISSED) {
        const bool is_told = commit & COMMIT_MISSED_STORED && layout->commit_size <= n - page->end;
        page->n_missed = is_told ? number(page, page->end, layout->commit_size) : UINT64_MAX;
    }
}

/* What is left is not to be read on. */
static bool give_up(struct page *page)
{
    page->damaged = true;
    page->at = page->end;
    return false;
}

/* rb_fix_abs_ts() of the kernel. */
static uint64_t absolute(uint64_t stamp, uint64_t before)
{
    if (!(before & STAMP_UPPER))
        return stamp;
    stamp |= before & STAMP_UPPER;
    return stamp < before ? stamp + (UINT64_C(1) << 59) : stamp;
}

/* Bytes behind the first word, of a padding or a record. */
static bool length_of(struct page *page, unsigned type, size_t *n)
{
    if (type != TYPE_LONG && type != TYPE_PADDING) {
        *n = type * 4;
        return true;
    }
    if (page->end - page->at < 4)
        return give_up(page);
    const uint64_t length = number(page, page->at, 4);
    if (length < 4)
        return give_up(page);
    page->at += type == TYPE_LONG ? 4 : 0;
    *n = (size_t)(type == TYPE_LONG ? length - 4 : length);
    return true;
}

bool page_next(struct page *page, const unsigned char **record, size_t *n)
{
    while (page->at < page->end) {
        if (page->end - page->at < 4)
            return give_up(page);
        const uint32_t word = (uint32_t)number(page, page->at, 4);
        const unsigned type = page->layout->big_endian ? word >> DELTA_BITS : word & 31;
        const uint64_t delta = page->layout->big_endian ? word & DELTA_MASK : word >> 5;
        page->at += 4;
        if (type == TYPE_PADDING && delta == 0)
            break; /* nothing more was written to this page */
        if (type == TYPE_EXTEND || type == TYPE_STAMP) {
            if (page->end - page->at < 4)
                return give_up(page);
            const uint64_t time = (number(page, page->at, 4) << DELTA_BITS) + delta;
            page->time = type == TYPE_STAMP ? absolute(time, page->time) : page->time + time;
            page->at += 4;
            continue;
        }
        page->time += delta;
        if (!length_of(page, type, n))
            return false;
        if (*n > page->end - page->at)
            return give_up(page);
        *record = page->bytes + page->at;
        page->at += (*n + 3) & ~(size_t)3;
        if (type != TYPE_PADDING)
            return true;
    }
    page->at = page->end;
    return false;
}
