/* Fuzz target: the text of perf script, whole and line by line. */
#include "../../src/import/import.h"
#include "../../src/import/script.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void run_line(const char *line, size_t n)
{
    struct moment moment;
    if (script_line(line, n, &moment) != SCRIPT_MOMENT)
        return;
    if (moment.cpu < 0 || moment.kind > MOMENT_LOST || !memchr(moment.name, 0, sizeof moment.name) ||
        !memchr(moment.other_name, 0, sizeof moment.other_name) || moment.tid < 0 || moment.other < 0)
        abort();
}

/* What cannot be recognised is put behind a line that can. One whose times go back again and again is
 * refused, in one line. */
static void run_text(const uint8_t *bytes, size_t n)
{
    static const char first[] =
        "A 1 [000] 1.000000: sched:sched_switch: prev_comm=A prev_pid=1 prev_prio=120 "
        "prev_state=S ==> next_comm=B next_pid=2 next_prio=120\n";
    struct event events[3];
    struct import_facts facts;
    struct err err = {""};
    char *text = malloc(sizeof first - 1 + n);
    if (!text)
        abort();
    memcpy(text, first, sizeof first - 1);
    memcpy(text + sizeof first - 1, bytes, n);
    struct import *import = import_open_memory(text, sizeof first - 1 + n, "trace.txt", &err);
    if (!import) {
        if (!err.msg[0] || strchr(err.msg, '\n'))
            abort();
        free(text);
        return;
    }
    uint64_t last_ns = 0;
    while (import_read(import, events, 3) > 0) {
        if (events[0].time_ns < last_ns)
            abort();
        last_ns = events[0].time_ns;
    }
    import_facts(import, &facts);
    import_remark(import);
    import_close(import);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *const text = (const char *)bytes;
    for (size_t at = 0; at < n;) {
        const char *newline = memchr(text + at, '\n', n - at);
        const size_t n_line = newline ? (size_t)(newline - text) - at : n - at;
        run_line(text + at, n_line);
        at += n_line + 1;
    }
    import_recognise(bytes, n);
    run_text(bytes, n);
    return 0;
}
