/* Fuzz target: what a person types and what a task calls itself: CPU lists, times, names on a screen. */
#include "../../src/cpuset.h"
#include "../../src/export/export.h"
#include "../../ui/canvas.h"
#include "../../ui/options.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* A list that was read is the same when written and read again. */
static void check_list(const char *text)
{
    struct cpuset set, again;
    char list[8 * CPUSET_MAX];
    if (cpuset_parse(&set, text, NULL) &&
        (!cpuset_parse(&again, cpuset_format(&set, list, sizeof list), NULL) || !cpuset_equal(&set, &again)))
        abort();
}

static void check_name(const char *text)
{
    char safe[64];
    export_safe_name(text, safe, sizeof safe);
    for (const char *s = safe; *s; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            abort();
    }
}

static void check_canvas(const char *text)
{
    struct canvas canvas;
    canvas_init(&canvas, 20, 2);
    int used = canvas_text(&canvas, 3, 1, 12, PAINT_TEXT, PAINT_BACK, 0, text);
    if (used < 0 || used > 12)
        abort();
    for (int i = 0; i < canvas.cols * canvas.rows; i++) {
        char32_t ch = canvas.cells[i].ch;
        if ((ch && ch < ' ') || (ch >= 0x7f && ch < 0xa0))
            abort();
    }
    canvas_fini(&canvas);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    uint64_t ns;
    options_parse_time(text, &ns, NULL);
    check_list(text);
    check_name(text);
    check_canvas(text);
    free(text);
    return 0;
}
