/* Parsers of the text of /proc/PID/task/TID files (proc(5)). Pure; the text need not end in a NUL. */
#include "proc.h"

#include <string.h>

/* Digits at *text, of which there must be one; moves past them. Too large a number is no number. */
static bool take_number(const char **text, const char *end, uint64_t *value)
{
    const char *s = *text;
    uint64_t v = 0;
    if (s == end || *s < '0' || *s > '9')
        return false;
    for (; s < end && *s >= '0' && *s <= '9'; s++) {
        if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
            return false;
    }
    *text = s;
    *value = v;
    return true;
}

static void skip_blanks(const char **text, const char *end)
{
    while (*text < end && (**text == ' ' || **text == '\t'))
        ++*text;
}

bool proc_parse_schedstat(const char *text, size_t n, uint64_t *run_ns, uint64_t *wait_ns, uint64_t *slices)
{
    const char *end = text + n;
    uint64_t *const values[3] = {run_ns, wait_ns, slices};
    for (int i = 0; i < 3; i++) {
        skip_blanks(&text, end);
        if (!take_number(&text, end, values[i]))
            return false;
    }
    return true;
}

/* The number of a line. The key has the newline before it, so that no other key and no name can hold it: the
 * kernel escapes newlines in names. */
static bool find_number(const char *text, size_t n, const char *key, uint64_t *value)
{
    const char *line = memmem(text, n, key, strlen(key));
    if (!line)
        return false;
    line += strlen(key);
    skip_blanks(&line, text + n);
    return take_number(&line, text + n, value);
}

bool proc_parse_status(const char *text, size_t n, uint64_t *voluntary, uint64_t *involuntary)
{
    return find_number(text, n, "\nvoluntary_ctxt_switches:", voluntary) &&
           find_number(text, n, "\nnonvoluntary_ctxt_switches:", involuntary);
}

/* The name, field 2, is in parentheses and may hold any character, parentheses and blanks too: fields are
 * counted from the last parenthesis, after which the state is field 3 and the processor field 39. */
bool proc_parse_stat(const char *text, size_t n, char *letter, int *processor)
{
    const char *end = text + n;
    const char *s = memrchr(text, ')', n);
    uint64_t cpu;
    if (!s)
        return false;
    s++;
    skip_blanks(&s, end);
    if (s == end)
        return false;
    const char state = *s;
    for (int field = 3; field < 39; field++) {
        s = memchr(s, ' ', (size_t)(end - s));
        if (!s)
            return false;
        skip_blanks(&s, end);
    }
    if (!take_number(&s, end, &cpu) || cpu > INT16_MAX || state < 'A' || state > 'z')
        return false;
    *letter = state;
    *processor = (int)cpu;
    return true;
}
