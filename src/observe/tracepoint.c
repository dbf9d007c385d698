/* Tracepoints: format files of tracefs, and the raw data that they describe. */
#include "tracepoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT_BYTES_MAX 8192
/* PROC_PID_INIT_INO of include/linux/proc_ns.h: the name of the first pid namespace. */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"

/* ---- format files ---- */

/* The number behind `key' in a line, which ends at `end'. */
static bool number_after(const char *line, const char *end, const char *key, unsigned max, unsigned *number)
{
    const size_t n_key = strlen(key);
    for (const char *at = line; (size_t)(end - at) > n_key; at++) {
        if (memcmp(at, key, n_key) != 0)
            continue;
        unsigned value = 0;
        for (at += n_key; at < end && *at == ' '; at++)
            ;
        const char *first = at;
        for (; at < end && *at >= '0' && *at <= '9' && value <= max; at++)
            value = value * 10 + (unsigned)(*at - '0');
        *number = value;
        return at > first && value <= max;
    }
    return false;
}

/* Whether a line declares the field: "\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;" */
static bool declares(const char *line, const char *end, const char *field)
{
    static const char key[] = "field:";
    const size_t n_field = strlen(field);
    for (; line < end && (*line == ' ' || *line == '\t'); line++)
        ;
    if ((size_t)(end - line) < sizeof key - 1 || memcmp(line, key, sizeof key - 1) != 0)
        return false;
    const char *semicolon = memchr(line, ';', (size_t)(end - line));
    return semicolon && (size_t)(semicolon - line) > n_field + 1 &&
           memcmp(semicolon - n_field, field, n_field) == 0 && semicolon[-(ptrdiff_t)n_field - 1] == ' ';
}

static bool place(const char *line, const char *end, unsigned wanted_size, uint16_t *offset)
{
    unsigned at, size;
    if (!number_after(line, end, "offset:", UINT16_MAX - 8, &at) ||
        !number_after(line, end, "size:", UINT16_MAX, &size) || size != wanted_size)
        return false;
    *offset = (uint16_t)at;
    return true;
}

bool tracepoint_parse(const char *text, size_t n, struct tracepoint *tracepoint)
{
    enum { ID = 1, TYPE = 2, PID = 4, CPU = 8, ALL = 15 };
    const char *const text_end = text + n;
    unsigned found = 0;
    *tracepoint = (struct tracepoint){0};
    for (const char *line = text, *end; line < text_end; line = end + 1) {
        unsigned id;
        uint16_t type_at;
        end = memchr(line, '\n', (size_t)(text_end - line));
        if (!end)
            end = text_end;
        if (end - line > 3 && memcmp(line, "ID:", 3) == 0 &&
            number_after(line, end, "ID:", UINT16_MAX, &id)) {
            tracepoint->id = (uint16_t)id;
            found |= ID;
        } else if (declares(line, end, "common_type")) {
            found |= place(line, end, 2, &type_at) && type_at == 0 ? TYPE : 0;
        } else if (declares(line, end, "pid")) {
            found |= place(line, end, 4, &tracepoint->pid_at) ? PID : 0;
        } else if (declares(line, end, "target_cpu")) {
            found |= place(line, end, 4, &tracepoint->target_cpu_at) ? CPU : 0;
        }
        if (end == text_end)
            break;
    }
    return found == ALL;
}

/* ---- tracefs ---- */

static bool in_first_pid_namespace(void)
{
    char link[64];
    const ssize_t n = readlink("/proc/self/ns/pid", link, sizeof link);
    return n == (ssize_t)sizeof FIRST_PID_NAMESPACE - 1 && memcmp(link, FIRST_PID_NAMESPACE, (size_t)n) == 0;
}

static int open_format(const char *name)
{
    static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
    int fd = -1;
    for (unsigned i = 0; i < sizeof roots / sizeof *roots && fd < 0; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/events/sched/%s/format", roots[i], name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT)
            break;
    }
    return fd;
}

static bool read_one(const char *name, struct tracepoint *tracepoint, struct err *err)
{
    char text[FORMAT_BYTES_MAX];
    const int fd = open_format(name);
    if (fd < 0 && errno == ENOENT)
        return err_set(err, "who woke whom is not known: tracefs is not mounted; "
                            "sudo mount -t tracefs none /sys/kernel/tracing");
    if (fd < 0)
        return err_set(err, "who woke whom is not known: tracefs cannot be read (%s); run as root",
                       strerror(errno));
    size_t n_read = 0;
    ssize_t n;
    while (n_read < sizeof text && (n = read(fd, text + n_read, sizeof text - n_read)) > 0)
        n_read += (size_t)n;
    close(fd);
    if (!tracepoint_parse(text, n_read, tracepoint))
        return err_set(err, "who woke whom is not known: this kernel's sched:%s has another format", name);
    return true;
}

bool tracepoint_read_wakes(struct tracepoint_wakes *wakes, struct err *err)
{
    if (!in_first_pid_namespace())
        return err_set(err, "who woke whom is not known: we are in a pid namespace, where the kernel's "
                            "tracepoints name tasks otherwise; run outside the container");
    return read_one("sched_waking", &wakes->waking, err) &&
           read_one("sched_wakeup_new", &wakes->wakeup_new, err);
}

/* ---- records ---- */

static bool field(const void *raw, size_t n, size_t at, int32_t *value)
{
    if (n < sizeof *value || at > n - sizeof *value)
        return false;
    memcpy(value, (const char *)raw + at, sizeof *value);
    return true;
}

bool tracepoint_parse_wake(const struct tracepoint_wakes *wakes, const void *raw, size_t n,
                           struct tracepoint_wake *wake)
{
    uint16_t id;
    int32_t target_cpu;
    if (n < sizeof id)
        return false;
    memcpy(&id, raw, sizeof id);
    wake->is_new = id == wakes->wakeup_new.id;
    if (!wake->is_new && id != wakes->waking.id)
        return false;
    const struct tracepoint *tracepoint = wake->is_new ? &wakes->wakeup_new : &wakes->waking;
    if (!field(raw, n, tracepoint->pid_at, &wake->tid) ||
        !field(raw, n, tracepoint->target_cpu_at, &target_cpu))
        return false;
    wake->target_cpu = target_cpu;
    return true;
}
