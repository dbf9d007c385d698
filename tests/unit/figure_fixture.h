/* What the tests of the drawn formats share: hand-written runs, and readers that judge what was written. */
#ifndef SCHEDVIZ_TEST_FIGURE_FIXTURE_H
#define SCHEDVIZ_TEST_FIGURE_FIXTURE_H

#include "../../src/export/export.h"

#define FIGURE_START UINT64_C(1000000000)

/* Events at t_ns after FIGURE_START. */
void figure_add(struct timeline *tl, uint64_t t_ns, int tid, int cpu, enum event_kind kind, unsigned detail);
void figure_add_task(struct timeline *tl, int tid, int slot, enum task_role role, const char *name);
void figure_add_text(struct timeline *tl, uint64_t t_ns, enum event_kind kind, int tid, const char *text);
void figure_add_lost(struct timeline *tl, uint64_t t_ns, int cpu, uint64_t n);

/* A report of the whole timeline; its name is the workload's. */
struct report figure_report(const struct timeline *tl, const char *name);

/* What a writer writes, ending in a NUL; to be freed. */
char *figure_written(bool (*write)(const struct report *, const struct timeline *,
                                   const struct export_window *, FILE *),
                     const struct report *report, const struct timeline *tl,
                     const struct export_window *window, size_t *size);

unsigned figure_count(const char *text, const char *part);

/* NULL when the text is well-formed XML of elements, attributes and text in UTF-8, else what is not. */
const char *xml_problem(const char *text, size_t size);

/* ---- the page's data ---- */

struct page_slice {
    uint64_t start_ns, end_ns, wait_ns;
    uint32_t tid; /* as it is told: a number */
    int cpu;
    unsigned end, task; /* enum slice_end; which of the page's tasks */
    const char *reason; /* why it was blocked before; NULL: not told */
};

struct page_data {
    struct json_object *data, *report;
    uint64_t unit_ns, start_ns;
    unsigned n_slices;
    struct page_slice *slices;
};

/* Reads a page as its script does. False: it cannot be. */
bool page_read(const char *html, struct page_data *page);
void page_free(struct page_data *page);

#endif
