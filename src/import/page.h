/* One page of the kernel's ring buffer: its records and their times. */
#ifndef SCHEDVIZ_IMPORT_PAGE_H
#define SCHEDVIZ_IMPORT_PAGE_H

#include "formats.h"

/* What events/header_page of tracefs says of pages. */
struct page_layout {
    bool big_endian;
    uint16_t commit_at, commit_size; /* 4 or 8 bytes: the kernel's long */
    uint16_t data_at;
};

/* Pure: false when the text has not what is needed. */
bool page_layout_parse(struct page_layout *layout, const char *text, size_t n);

struct page {
    const struct page_layout *layout;
    const unsigned char *bytes;
    size_t at, end;    /* of the records that are left */
    uint64_t time;     /* of the last record, before the first the page's own */
    uint64_t n_missed; /* events lost before this page; UINT64_MAX: the kernel does not say how many */
    bool damaged;      /* records do not fit: what is left was not read */
};

/* Begins a page of n bytes, which must stay. */
void page_begin(struct page *page, const struct page_layout *layout, const unsigned char *bytes, size_t n);

/* The next record and its time in page->time. False at the end. */
bool page_next(struct page *page, const unsigned char **record, size_t *n);

#endif
