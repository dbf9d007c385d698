/* The page of any run can be read again, and all slices are in it. */
#include "../unit/figure_fixture.h"
#include "figure_events.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct timeline *tl = timeline_new(1);
    char name[64];
    struct export_window window;
    size_t written;
    figure_events(tl, data, size);
    const struct report report = figure_fuzz_report(tl, data, size, name, &window);
    char *text = figure_written(export_html, &report, tl, &window, &written);
    struct page_data page;
    if (!page_read(text, &page) || figure_count(text, "<script") != 4)
        abort();
    page_free(&page);
    free(text);
    timeline_free(tl);
    return 0;
}
