/* The figure of any run is well-formed XML, below its size. */
#include "../unit/figure_fixture.h"
#include "figure_events.h"

#include <stdio.h>
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
    char *text = figure_written(export_svg, &report, tl, &window, &written);
    const char *problem = xml_problem(text, written);
    if (problem || written > 4000000) {
        fprintf(stderr, "%s, %zu bytes\n", problem ? problem : "too large", written);
        abort();
    }
    free(text);
    timeline_free(tl);
    return 0;
}
