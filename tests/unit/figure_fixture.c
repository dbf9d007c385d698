/* Hand-written runs, and readers of what the drawn formats write. */
#include "figure_fixture.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* ---- events ---- */

static struct event event_of(uint64_t t_ns, int tid, int cpu, enum event_kind kind, unsigned detail)
{
    return (struct event){.time_ns = FIGURE_START + t_ns,
                          .tid = tid,
                          .cpu = (int16_t)cpu,
                          .kind = (uint8_t)kind,
                          .detail = (uint8_t)detail};
}

static void push(struct timeline *tl, const struct event *event)
{
    timeline_sink(tl)->push(timeline_sink(tl), event, 1);
}

void figure_add(struct timeline *tl, uint64_t t_ns, int tid, int cpu, enum event_kind kind, unsigned detail)
{
    const struct event event = event_of(t_ns, tid, cpu, kind, detail);
    push(tl, &event);
}

void figure_add_text(struct timeline *tl, uint64_t t_ns, enum event_kind kind, int tid, const char *text)
{
    struct event event = event_of(t_ns, tid, -1, kind, 0);
    const size_t n = strlen(text) < EVENT_NAME_SIZE ? strlen(text) : EVENT_NAME_SIZE - 1;
    memcpy(event.u.name, text, n);
    push(tl, &event);
}

void figure_add_task(struct timeline *tl, int tid, int slot, enum task_role role, const char *name)
{
    struct event event = event_of(0, tid, -1, EVENT_NEW, 0);
    event.u.task.pid = 1000;
    event.u.task.slot = slot;
    event.u.task.run = 1;
    event.u.task.role = (uint8_t)role;
    push(tl, &event);
    figure_add_text(tl, 0, EVENT_NAME, tid, name);
}

void figure_add_lost(struct timeline *tl, uint64_t t_ns, int cpu, uint64_t n)
{
    struct event event = event_of(t_ns, 0, cpu, EVENT_LOST, 0);
    event.u.lost.n = n;
    push(tl, &event);
}

struct report figure_report(const struct timeline *tl, const char *name)
{
    static struct machine machine;
    const uint64_t now_ns = timeline_now_ns(tl);
    struct report report = {
        .info = {.workload = {.name = name, .n_tasks = 2}, .source = "perf", .exact = true},
        .machine = &machine,
        .run = {.number = 1},
        .start_ns = FIGURE_START,
        .duration_ns = now_ns > FIGURE_START ? now_ns - FIGURE_START : 0,
        .tl = tl,
    };
    cpuset_add(&report.run.cpus, 0);
    return report;
}

char *figure_written(bool (*write)(const struct report *, const struct timeline *,
                                   const struct export_window *, FILE *),
                     const struct report *report, const struct timeline *tl,
                     const struct export_window *window, size_t *size)
{
    char *text = NULL;
    FILE *stream = open_memstream(&text, size);
    const bool ok = stream && write(report, tl, window, stream);
    if (!stream || fclose(stream) != 0 || !ok)
        abort();
    return text;
}

unsigned figure_count(const char *text, const char *part)
{
    unsigned n = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + strlen(part), part))
        n++;
    return n;
}

/* ---- XML ---- */

#define MAX_DEPTH 64

struct xml {
    const char *at, *end;
    const char *names[MAX_DEPTH];
    size_t lengths[MAX_DEPTH];
    unsigned depth;
};

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_:", c);
}

static const char *skip_entity(struct xml *x)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(x->at, known[i], strlen(known[i])) == 0) {
            x->at += strlen(known[i]);
            return NULL;
        }
    }
    return "an & that is no entity";
}

/* One character: Char of the XML recommendation, in UTF-8. */
static const char *skip_character(struct xml *x)
{
    const unsigned char *s = (const unsigned char *)x->at;
    if (*s == '&')
        return skip_entity(x);
    const unsigned n = *s < 0x80                 ? 1
                       : *s >= 0xc2 && *s < 0xe0 ? 2
                       : *s >= 0xe0 && *s < 0xf0 ? 3
                       : *s >= 0xf0 && *s < 0xf5 ? 4
                                                 : 0;
    if (n == 0 || x->end - x->at < (long)n)
        return "no UTF-8";
    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return "no UTF-8";
    }
    if (n == 1 && *s < 0x20 && *s != '\n' && *s != '\t')
        return "a control character";
    if (n == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe)
        return "no character of XML";
    x->at += n;
    return NULL;
}

static size_t skip_name(struct xml *x)
{
    const char *from = x->at;
    while (x->at < x->end && is_name(*x->at))
        x->at++;
    return (size_t)(x->at - from);
}

static void skip_blanks(struct xml *x)
{
    while (x->at < x->end && (*x->at == ' ' || *x->at == '\n'))
        x->at++;
}

static const char *skip_attribute(struct xml *x)
{
    if (!skip_name(x) || x->end - x->at < 2 || x->at[0] != '=' || x->at[1] != '"')
        return "an attribute without a value";
    for (x->at += 2; x->at < x->end && *x->at != '"';) {
        const char *problem = *x->at == '<' ? "< in an attribute" : skip_character(x);
        if (problem)
            return problem;
    }
    x->at++;
    return NULL;
}

static const char *skip_end_tag(struct xml *x)
{
    const char *name = x->at += 2;
    const size_t n = skip_name(x);
    if (x->depth == 0 || x->lengths[x->depth - 1] != n || memcmp(x->names[x->depth - 1], name, n) != 0)
        return "an end of an element that is not open";
    x->depth--;
    return *x->at++ == '>' ? NULL : "an end tag that does not end";
}

static const char *skip_tag(struct xml *x)
{
    if (x->at[1] == '/')
        return skip_end_tag(x);
    const char *name = ++x->at;
    const size_t n = skip_name(x);
    if (!n || x->depth == MAX_DEPTH)
        return "a < that begins no element";
    for (skip_blanks(x); x->at < x->end && *x->at != '>' && *x->at != '/'; skip_blanks(x)) {
        const char *problem = skip_attribute(x);
        if (problem)
            return problem;
    }
    if (x->end - x->at < 2)
        return "a tag that does not end";
    if (*x->at == '/') {
        x->at += 2;
        return x->at[-1] == '>' ? NULL : "a tag that does not end";
    }
    x->names[x->depth] = name;
    x->lengths[x->depth++] = n;
    x->at++;
    return NULL;
}

const char *xml_problem(const char *text, size_t size)
{
    static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    struct xml x = {.at = text, .end = text + size};
    unsigned n_roots = 0;
    if (size < sizeof head || memcmp(text, head, sizeof head - 1) != 0)
        return "no XML declaration";
    for (x.at += sizeof head - 1; x.at < x.end;) {
        n_roots += x.depth == 0 && *x.at == '<';
        if (x.depth == 0 && *x.at != '<' && *x.at != '\n')
            return "text outside the root";
        if (strncmp(x.at, "]]>", 3) == 0)
            return "]]> in a text";
        const char *problem = *x.at == '<' ? skip_tag(&x) : skip_character(&x);
        if (problem)
            return problem;
    }
    return x.depth ? "an element that does not end" : n_roots != 1 ? "more than one root" : NULL;
}

/* ---- the page: a reader of its own, one bit at a time ---- */

struct bits {
    const char *text;
    size_t at, size; /* bits */
    bool is_over;
    uint64_t sums[16], counts[16];
};

static unsigned bit(struct bits *b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (b->at >= b->size) {
        b->is_over = true;
        return 0;
    }
    const char *digit = strchr(digits, b->text[b->at / 6]);
    if (!digit)
        b->is_over = true;
    const unsigned value = digit ? (unsigned)(digit - digits) : 0;
    return value >> (5 - b->at++ % 6) & 1;
}

static uint64_t number(struct bits *b, unsigned kind)
{
    unsigned k = 0, ones = 0;
    while (b->counts[kind] << k < b->sums[kind])
        k++;
    while (ones < 24 && bit(b))
        ones++;
    uint64_t value = ones < 24 ? ones : 0;
    for (unsigned n = ones < 24 ? k : 46; n > 0; n--)
        value = value << 1 | bit(b);
    b->sums[kind] += value;
    if (++b->counts[kind] == 32) {
        b->sums[kind] /= 2;
        b->counts[kind] = 16;
    }
    return value;
}

/* The text of the script element with this id; to be freed. */
static char *script_text(const char *html, const char *id)
{
    char start[64];
    snprintf(start, sizeof start, "id=\"%s\">", id);
    const char *script = strstr(html, "<script"), *from = script ? strstr(script, start) : NULL;
    const char *to = from ? strstr(from, "</script>") : NULL;
    return to ? strndup(from + strlen(start), (size_t)(to - from) - strlen(start)) : NULL;
}

static struct json_object *get(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(o, key, &value);
    return value;
}

static uint64_t absolute(const struct page_data *page, int64_t units)
{
    return page->start_ns + (uint64_t)units * page->unit_ns;
}

static bool read_task(struct page_data *page, struct bits *b, struct json_object *task,
                      unsigned number_of_task, unsigned *i)
{
    struct json_object *reasons = get(page->data, "reasons");
    int64_t at = json_object_get_int64(get(task, "from"));
    unsigned flags = 0, reason = 0;
    int cpu = -1;
    for (uint64_t left = json_object_get_uint64(get(task, "n")); left > 0; left--) {
        struct page_slice *s = &page->slices[(*i)++];
        flags ^= (unsigned)number(b, 0);
        if (flags & 32)
            cpu = (int)number(b, 4) - 1;
        if (flags & 64)
            reason = (unsigned)number(b, 5);
        if (b->is_over || flags > 127 || reason > json_object_array_length(reasons))
            return false;
        at += flags & 8 ? (int64_t)number(b, 1) : 0;
        const uint64_t wait = flags & 16 ? number(b, 2) : 0;
        s->wait_ns = wait * page->unit_ns;
        s->start_ns = absolute(page, at + (int64_t)wait);
        at += (int64_t)(wait + number(b, 3));
        s->end_ns = absolute(page, at);
        s->tid = (uint32_t)json_object_get_int(get(task, "tid"));
        s->cpu = cpu;
        s->end = flags & 7;
        s->task = number_of_task;
        s->reason = flags & 8 && reason
                        ? json_object_get_string(json_object_array_get_idx(reasons, reason - 1))
                        : NULL;
    }
    return !b->is_over;
}

static bool read_slices(struct page_data *page, struct bits *b)
{
    struct json_object *tasks = get(page->data, "tasks"), *cpus = get(page->data, "cpus");
    unsigned i = 0;
    for (size_t t = 0; t < json_object_array_length(tasks); t++)
        page->n_slices += (unsigned)json_object_get_uint64(get(json_object_array_get_idx(tasks, t), "n"));
    page->slices = mem_new(page->n_slices + 1ul, sizeof *page->slices);
    for (size_t t = 0; t < json_object_array_length(tasks); t++) {
        if (!read_task(page, b, json_object_array_get_idx(tasks, t), (unsigned)t, &i))
            return false;
    }
    for (size_t c = 0; c < json_object_array_length(cpus); c++) {
        uint64_t n = json_object_get_uint64(get(json_object_array_get_idx(cpus, c), "n_others"));
        for (; n > 0 && !b->is_over; n--) {
            number(b, 6);
            number(b, 7);
        }
    }
    return !b->is_over && b->size - b->at < 24;
}

bool page_read(const char *html, struct page_data *page)
{
    char *data = script_text(html, "data"), *report = script_text(html, "report"),
         *packed = script_text(html, "packed");
    *page = (struct page_data){0};
    bool ok = data && report && packed;
    if (ok) {
        page->data = json_tokener_parse(data);
        page->report = json_tokener_parse(report);
        ok = page->data && page->report;
    }
    if (ok) {
        struct bits b = {.text = packed, .size = 6 * strlen(packed)};
        for (unsigned i = 0; i < 16; i++)
            b.sums[i] = b.counts[i] = 1;
        page->unit_ns = json_object_get_uint64(get(page->data, "unit_ns"));
        page->start_ns = json_object_get_uint64(get(page->data, "start_ns"));
        ok = page->unit_ns > 0 && read_slices(page, &b);
    }
    free(data);
    free(report);
    free(packed);
    return ok;
}

void page_free(struct page_data *page)
{
    json_object_put(page->data);
    json_object_put(page->report);
    free(page->slices);
}
