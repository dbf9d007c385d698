/* Heads of trace.dat files: in version 6 one part after the other, in version 7 sections behind options. */
#include "dat_header.h"

#include "stretch.h"

#include <stdlib.h>
#include <string.h>

static const char magic[DAT_MAGIC_SIZE] = "\x17\x08\x44tracing";

#define TEXT_BYTES_MAX 65536 /* a format file; longer ones are none that we need */
#define MAX_SECTIONS   1024  /* sections of options, one behind the other */
#define WAY_OUT        "copy it whole, or record it again with trace-cmd"

enum section { SECTION_OPTIONS = 0, SECTION_FLYRECORD = 3 };

enum option {
    OPTION_DONE = 0,
    OPTION_BUFFER = 3,
    OPTION_TRACECLOCK = 4,
    OPTION_UNAME = 5,
    OPTION_CPUCOUNT = 8,
    OPTION_VERSION = 9,
    OPTION_TSC2NSEC = 14,
    OPTION_HEADER_INFO = 16,
    OPTION_EVENT_FORMATS = 18,
};

/* An option as it stands in the file. */
struct option_data {
    uint16_t id;
    uint32_t size;
};

struct reading {
    struct dat_header *header;
    const struct bytes *bytes;
    const char *path;
    struct err *err;
    struct stretch stretch;
    struct unpack *unpack; /* NULL: none needed so far */
    uint64_t instance_at;  /* version 6: of the first buffer that is not the top one; 0 for none */
    uint64_t header_info_at, formats_at; /* version 7: their sections, 0 for none */
    bool cut;                            /* version 7: options end where there are to be more */
    char clocks[256];
};

bool dat_is_one(const void *bytes, size_t n)
{
    return n >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

void dat_header_fini(struct dat_header *header)
{
    free(header->places);
    header->places = NULL;
}

static bool cut_off(struct reading *r, const char *where)
{
    return err_set(r->err, "%s is cut off in %s: " WAY_OUT, r->path, where);
}

static bool damaged(struct reading *r, const char *what)
{
    return err_set(r->err, "%s is damaged: %s; " WAY_OUT, r->path, what);
}

/* ---- parts that both versions have ---- */

/* A text of size bytes for the caller to free, with its length; NULL and skipped when it is too long. */
static char *take_text(struct stretch *stretch, uint64_t size)
{
    if (size > TEXT_BYTES_MAX) {
        stretch_skip(stretch, size);
        return NULL;
    }
    char *text = mem_new(size + 1, 1);
    if (stretch_get(stretch, text, (size_t)size))
        return text;
    free(text);
    return NULL;
}

static bool expect(struct stretch *stretch, const char *text, size_t n)
{
    char found[16];
    return n <= sizeof found && stretch_get(stretch, found, n) && memcmp(found, text, n) == 0;
}

static bool read_header_info(struct reading *r)
{
    struct stretch *stretch = &r->stretch;
    if (!expect(stretch, "header_page", sizeof "header_page"))
        return stretch->ended ? cut_off(r, "its header") : damaged(r, "there is no header_page");
    const uint64_t size = stretch_u64(stretch);
    char *text = take_text(stretch, size);
    if (!text)
        return cut_off(r, "its header");
    const bool good = page_layout_parse(&r->header->layout, text, (size_t)size);
    free(text);
    if (!good)
        return damaged(r, "header_page does not describe pages");
    if (!expect(stretch, "header_event", sizeof "header_event"))
        return stretch->ended ? cut_off(r, "its header") : damaged(r, "there is no header_event");
    return stretch_skip(stretch, stretch_u64(stretch)) || cut_off(r, "its header");
}

static bool skip_ftrace_formats(struct reading *r)
{
    struct stretch *stretch = &r->stretch;
    const uint32_t n = stretch_u32(stretch);
    for (uint32_t i = 0; i < n && !stretch->ended; i++)
        stretch_skip(stretch, stretch_u64(stretch));
    return !stretch->ended || cut_off(r, "its header");
}

static void read_system(struct reading *r)
{
    struct stretch *stretch = &r->stretch;
    char name[16];
    stretch_text(stretch, name, sizeof name);
    const uint32_t n = stretch_u32(stretch);
    for (uint32_t i = 0; i < n && !stretch->ended; i++) {
        const uint64_t size = stretch_u64(stretch);
        if (strcmp(name, "sched") != 0) {
            stretch_skip(stretch, size);
            continue;
        }
        char *text = take_text(stretch, size);
        if (text)
            formats_add(&r->header->formats, text, (size_t)size);
        free(text);
    }
}

static bool read_formats(struct reading *r)
{
    const uint32_t n = stretch_u32(&r->stretch);
    for (uint32_t i = 0; i < n && !r->stretch.ended; i++)
        read_system(r);
    return !r->stretch.ended || cut_off(r, "the formats of its events");
}

/* What of an option's text is kept; the rest of the option is skipped. */
static void option_text(struct stretch *stretch, uint32_t size, char *text, size_t room)
{
    const size_t n = size < room - 1 ? size : room - 1;
    memset(text, 0, room);
    stretch_get(stretch, text, n);
    stretch_skip(stretch, size - n);
    for (char *c = text + strlen(text); c > text && c[-1] == '\n'; c--)
        c[-1] = '\0';
}

static void option_number(struct stretch *stretch, uint32_t size, unsigned *value)
{
    if (size >= 4) {
        *value = stretch_u32(stretch);
        size -= 4;
    }
    stretch_skip(stretch, size);
}

static void option_scale(struct stretch *stretch, uint32_t size, struct dat_scale *scale)
{
    if (size >= 16) {
        scale->mult = stretch_u32(stretch);
        scale->shift = stretch_u32(stretch) & 63;
        scale->offset = stretch_u64(stretch);
        size -= 16;
    }
    stretch_skip(stretch, size);
}

/* Those that both versions have; others are skipped. */
static void take_option(struct reading *r, struct option_data option)
{
    struct dat_header *header = r->header;
    switch (option.id) {
    case OPTION_TRACECLOCK:
        option_text(&r->stretch, option.size, r->clocks, sizeof r->clocks);
        break;
    case OPTION_UNAME:
        option_text(&r->stretch, option.size, header->machine, sizeof header->machine);
        break;
    case OPTION_VERSION:
        option_text(&r->stretch, option.size, header->recorder, sizeof header->recorder);
        break;
    case OPTION_CPUCOUNT:
        option_number(&r->stretch, option.size, &header->n_cpus);
        break;
    case OPTION_TSC2NSEC:
        option_scale(&r->stretch, option.size, &header->scale);
        break;
    default:
        stretch_skip(&r->stretch, option.size);
    }
}

/* Of "[local] global counter ..." the one in brackets. */
static void choose_clock(struct reading *r)
{
    const char *open = strchr(r->clocks, '['), *close = open ? strchr(open, ']') : NULL;
    if (!close || r->header->clock[0])
        return;
    const size_t n = (size_t)(close - open - 1);
    if (n < sizeof r->header->clock) {
        memcpy(r->header->clock, open + 1, n);
        r->header->clock[n] = '\0';
    }
}

static void add_place(struct dat_header *header, uint32_t cpu, uint64_t at, uint64_t size)
{
    if (cpu >= DAT_MAX_CPUS || size == 0)
        return;
    header->places = mem_resize(header->places, header->n_places + 1, sizeof *header->places);
    header->places[header->n_places++] = (struct dat_place){(int16_t)cpu, at, size};
}

/* ---- version 6 ---- */

static bool read_table(struct reading *r)
{
    struct stretch *stretch = &r->stretch;
    for (uint32_t cpu = 0; cpu < r->header->n_cpus && !stretch->ended; cpu++) {
        const uint64_t at = stretch_u64(stretch), size = stretch_u64(stretch);
        if (!stretch->ended)
            add_place(r->header, cpu, at, size);
    }
    return !stretch->ended || cut_off(r, "the table of its CPUs");
}

/* A buffer beside the top one (trace-cmd record -B): the first of them is read when the top one is empty. */
static void take_instance(struct reading *r, uint32_t size)
{
    if (size >= 8) {
        const uint64_t at = stretch_u64(&r->stretch);
        if (r->instance_at == 0)
            r->instance_at = at;
        size -= 8;
    }
    stretch_skip(&r->stretch, size);
}

static bool read_options_6(struct reading *r)
{
    struct stretch *stretch = &r->stretch;
    const unsigned n_cpus = r->header->n_cpus;
    while (!stretch->ended) {
        struct option_data option = {.id = stretch_u16(stretch)};
        if (option.id == OPTION_DONE)
            break;
        option.size = stretch_u32(stretch);
        if (option.id == OPTION_BUFFER)
            take_instance(r, option.size);
        else
            take_option(r, option);
    }
    r->header->n_cpus = n_cpus; /* that of the table */
    choose_clock(r);
    return !stretch->ended || cut_off(r, "its options");
}

static bool read_flyrecord_6(struct reading *r)
{
    char kind[10];
    if (!stretch_get(&r->stretch, kind, sizeof kind))
        return cut_off(r, "its header");
    if (memcmp(kind, "options  ", sizeof kind) == 0) {
        if (!read_options_6(r))
            return false;
        if (!stretch_get(&r->stretch, kind, sizeof kind))
            return cut_off(r, "its header");
    }
    if (memcmp(kind, "latency  ", sizeof kind) == 0)
        return err_set(r->err, "%s holds a latency tracer's text: record with trace-cmd record -e sched",
                       r->path);
    if (memcmp(kind, "flyrecord", sizeof kind) != 0)
        return damaged(r, "there is no flyrecord section");
    return read_table(r);
}

static bool read_6(struct reading *r)
{
    struct stretch *stretch = &r->stretch;
    struct dat_header *header = r->header;
    if (!read_header_info(r) || !skip_ftrace_formats(r) || !read_formats(r))
        return false;
    stretch_skip(stretch, stretch_u32(stretch)); /* kallsyms */
    stretch_skip(stretch, stretch_u32(stretch)); /* printk formats */
    stretch_skip(stretch, stretch_u64(stretch)); /* command lines: the switches tell names */
    header->n_cpus = stretch_u32(stretch);
    if (stretch->ended)
        return cut_off(r, "its header");
    if (header->n_cpus > DAT_MAX_CPUS)
        return damaged(r, "it claims more CPUs than there can be");
    if (!read_flyrecord_6(r))
        return false;
    if (header->n_places > 0 || r->instance_at == 0)
        return true;
    stretch_init(stretch, r->bytes, r->instance_at, r->bytes->size, header->big_endian);
    return read_flyrecord_6(r);
}

/* ---- version 7 ---- */

struct section_head {
    uint16_t id, flags;
    uint64_t size;
    uint64_t data_at;
};

enum { SECTION_HEAD_SIZE = 16, SECTION_PACKED = 1, PACKED_HEAD_SIZE = 8 };

static bool read_section_head(struct reading *r, uint64_t at, struct section_head *head)
{
    struct stretch *stretch = &r->stretch;
    stretch_init(stretch, r->bytes, at, r->bytes->size, r->header->big_endian);
    head->id = stretch_u16(stretch);
    head->flags = stretch_u16(stretch);
    stretch_skip(stretch, 4);
    head->size = stretch_u64(stretch);
    head->data_at = at + SECTION_HEAD_SIZE;
    return !stretch->ended;
}

static struct unpack *unpack_of(struct reading *r)
{
    if (!r->unpack)
        r->unpack = unpack_new(r->header->method);
    return r->unpack;
}

/* Sets the stretch on what a section holds. */
static bool enter_section(struct reading *r, uint64_t at, uint16_t id)
{
    struct section_head head;
    if (!read_section_head(r, at, &head))
        return cut_off(r, "a section that it needs");
    if (head.id != id)
        return damaged(r, "a section is not what the options say");
    if (!(head.flags & SECTION_PACKED))
        return true; /* the stretch stands behind the head */
    if (r->header->method == UNPACK_NONE)
        return damaged(r, "a section is packed, but the file does not say how");
    const uint64_t n_packed = stretch_u32(&r->stretch);
    const uint64_t data_at = head.data_at + PACKED_HEAD_SIZE;
    stretch_init_packed(&r->stretch, r->bytes, data_at, data_at + n_packed, r->header->big_endian,
                        unpack_of(r));
    return true;
}

/* The first buffer with data is the one that is read: the top one comes first. */
static void take_buffer(struct reading *r, uint32_t size)
{
    struct dat_header *header = r->header;
    struct stretch *stretch = &r->stretch;
    const uint64_t end = stretch->at - (stretch->n - stretch->next) + size;
    char name[16], clock[sizeof header->clock];
    stretch_u64(stretch);
    stretch_text(stretch, name, sizeof name);
    stretch_text(stretch, clock, sizeof clock);
    const uint32_t page_size = stretch_u32(stretch), n_cpus = stretch_u32(stretch);
    const bool is_wanted = header->n_places == 0;
    for (uint32_t i = 0; i < n_cpus && i < DAT_MAX_CPUS && !stretch->ended; i++) {
        const uint32_t cpu = stretch_u32(stretch);
        const uint64_t at = stretch_u64(stretch), n = stretch_u64(stretch);
        if (is_wanted && !stretch->ended)
            add_place(header, cpu, at, n);
    }
    if (is_wanted && stretch->ended)
        header->n_places = 0; /* half a table is none */
    if (is_wanted && header->n_places > 0) {
        header->page_size = page_size;
        memcpy(header->clock, clock, sizeof clock);
    }
    if (!stretch->ended)
        stretch_init(stretch, r->bytes, end, r->bytes->size, header->big_endian);
}

static void take_option_7(struct reading *r, struct option_data option)
{
    uint64_t *const at = option.id == OPTION_HEADER_INFO     ? &r->header_info_at
                         : option.id == OPTION_EVENT_FORMATS ? &r->formats_at
                                                             : NULL;
    if (at && option.size == 8)
        *at = stretch_u64(&r->stretch);
    else if (option.id == OPTION_BUFFER)
        take_buffer(r, option.size);
    else
        take_option(r, option);
}

/* Takes a section's options; returns where the next one is, 0 for nowhere. */
static uint64_t read_options_section(struct reading *r, uint64_t at)
{
    struct section_head head;
    r->cut = !read_section_head(r, at, &head);
    if (r->cut || head.id != SECTION_OPTIONS || head.flags & SECTION_PACKED)
        return 0;
    while (!r->stretch.ended) {
        struct option_data option = {.id = stretch_u16(&r->stretch)};
        option.size = stretch_u32(&r->stretch);
        if (option.id == OPTION_DONE)
            break;
        if (!r->stretch.ended)
            take_option_7(r, option);
    }
    const uint64_t next_at = stretch_u64(&r->stretch);
    r->cut = r->stretch.ended;
    return next_at > at ? next_at : 0; /* they are only ever added at the end */
}

/* Where a CPU's chunks end, or how far they are whole; 0 when nothing here is like chunks. */
static uint64_t end_of_chunks(struct reading *r, uint64_t at)
{
    struct stretch *stretch = &r->stretch;
    stretch_init(stretch, r->bytes, at, r->bytes->size, r->header->big_endian);
    const uint32_t n = stretch_u32(stretch);
    at += 4;
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t n_packed = stretch_u32(stretch), n_unpacked = stretch_u32(stretch);
        if (stretch->ended)
            return at;
        if (n_packed == 0 || n_unpacked == 0 || n_unpacked % r->header->page_size != 0)
            return 0;
        if (!stretch_skip(stretch, n_packed))
            return r->bytes->size;
        at += 8 + n_packed;
    }
    return at;
}

static uint64_t next_page(const struct dat_header *header, uint64_t at)
{
    return (at + header->page_size - 1) / header->page_size * header->page_size;
}

/* Each CPU's chunks begin on a page of the file, in the order of the CPUs. */
static void find_places(struct reading *r, uint64_t at)
{
    struct dat_header *header = r->header;
    for (uint32_t cpu = 0; cpu < header->n_cpus && cpu < DAT_MAX_CPUS; cpu++) {
        at = next_page(header, at);
        const uint64_t end = end_of_chunks(r, at);
        if (end < at + 4)
            break;
        add_place(header, cpu, at,
                  end - at - 4); /* as the table would count it: without the number of chunks */
        at = end;
    }
}

/* trace-cmd writes the table of places behind the data: where a file is cut off, it is missing. Packed chunks
 * tell their lengths, so that the data is found all the same. */
static bool recover(struct reading *r, uint64_t at)
{
    struct section_head head;
    for (unsigned i = 0; i < MAX_SECTIONS && read_section_head(r, at, &head); i++) {
        if (head.id == SECTION_FLYRECORD && head.flags & SECTION_PACKED && r->header->method != UNPACK_NONE) {
            find_places(r, head.data_at);
            r->header->no_table = true;
            return r->header->n_places > 0 || cut_off(r, "the data of its first CPU");
        }
        if (head.size > r->bytes->size)
            break;
        at = head.data_at + head.size;
    }
    return cut_off(r, "the table of its CPUs");
}

static enum unpack_method method_of(const char *name, bool *known)
{
    *known = true;
    if (strcmp(name, "zlib") == 0)
        return UNPACK_ZLIB;
    if (strcmp(name, "zstd") == 0)
        return UNPACK_ZSTD;
    *known = strcmp(name, "none") == 0 || name[0] == '\0';
    return UNPACK_NONE;
}

static bool read_7(struct reading *r)
{
    struct dat_header *header = r->header;
    char name[16], version[16];
    bool known;
    stretch_text(&r->stretch, name, sizeof name);
    stretch_text(&r->stretch, version, sizeof version);
    uint64_t at = stretch_u64(&r->stretch);
    const uint64_t first_section_at = r->stretch.at - (r->stretch.n - r->stretch.next);
    if (r->stretch.ended)
        return cut_off(r, "its header");
    header->method = method_of(name, &known);
    if (!known)
        return err_set(r->err,
                       "%s is packed by %s, which is not known here: trace-cmd convert --compression zstd",
                       r->path, name);
    for (unsigned n = 0; at != 0 && n < MAX_SECTIONS; n++)
        at = read_options_section(r, at);
    choose_clock(r);
    if (r->header_info_at == 0 || r->formats_at == 0)
        return cut_off(r, "its options");
    if (!enter_section(r, r->header_info_at, OPTION_HEADER_INFO) || !read_header_info(r) ||
        !enter_section(r, r->formats_at, OPTION_EVENT_FORMATS) || !read_formats(r))
        return false;
    return header->n_places > 0 || !r->cut || recover(r, first_section_at);
}

/* ---- both ---- */

static bool is_page_size(uint32_t size)
{
    return size >= DAT_MIN_PAGE_SIZE && size <= DAT_MAX_PAGE_SIZE;
}

static bool read_version(struct reading *r)
{
    struct dat_header *header = r->header;
    struct stretch *stretch = &r->stretch;
    char version[8];
    stretch_skip(stretch, DAT_MAGIC_SIZE);
    stretch_text(stretch, version, sizeof version);
    const uint8_t order = stretch_u8(stretch);
    stretch->big_endian = header->big_endian = header->formats.big_endian = header->layout.big_endian =
        order == 1;
    stretch_u8(stretch); /* user space's long: what matters, the kernel's, is in header_page */
    header->page_size = stretch_u32(stretch);
    if (stretch->ended)
        return cut_off(r, "its first bytes");
    if (strcmp(version, "6") != 0 && strcmp(version, "7") != 0)
        return err_set(r->err,
                       "%s is of trace-cmd's format %s, and 6 and 7 are known here: trace-cmd convert "
                       "--file-version 7 makes one",
                       r->path, version);
    header->version = (unsigned)(version[0] - '0');
    if (order > 1)
        return damaged(r, "its byte order is neither");
    return is_page_size(header->page_size) || damaged(r, "its pages have an impossible size");
}

static bool check(struct reading *r)
{
    const struct dat_header *header = r->header;
    if (!is_page_size(header->page_size) || header->page_size < header->layout.data_at)
        return damaged(r, "its pages have an impossible size");
    if (!header->formats.events[FORMAT_SWITCH].known)
        return err_set(r->err, "%s does not describe sched_switch: record with trace-cmd record -e sched",
                       r->path);
    if (header->n_places == 0)
        return err_set(r->err, "%s holds no events: record with trace-cmd record -e sched", r->path);
    return true;
}

bool dat_header_read(struct dat_header *header, const struct bytes *bytes, const char *path, struct err *err)
{
    struct reading *r = mem_new(1, sizeof *r);
    *header = (struct dat_header){0};
    r->header = header;
    r->bytes = bytes;
    r->path = path;
    r->err = err;
    stretch_init(&r->stretch, bytes, 0, bytes->size, false);
    const bool good = read_version(r) && (header->version == 6 ? read_6(r) : read_7(r)) && check(r);
    unpack_free(r->unpack);
    free(r);
    return good;
}
