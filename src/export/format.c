/* Names and durations as text: what every way out shares. */
#include "export.h"

#include <langinfo.h>
#include <math.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at s (RFC 3629: no overlong forms, no surrogates), 0 when it is
 * none. */
static size_t utf8_length(const unsigned char *s, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80) {
        *code = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xf0 && s[0] < 0xf5   ? 4
               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                                             : 0;
    if (n == 0)
        return 0;
    uint32_t c = s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *code = c;
    return n;
}

/* Controls (C0, DEL, C1) and the marks that reorder text command a terminal or mislead its reader. */
static bool is_harmless(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && !(c >= 0x200b && c <= 0x200f) &&
           !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff && c != 0x061c;
}

void export_safe_name(const char *name, char *buf, size_t size)
{
    const unsigned char *s = (const unsigned char *)name;
    size_t used = 0;
    while (*s && size > 0) {
        uint32_t code = 0;
        size_t n = utf8_length(s, &code);
        if (n > 0 && is_harmless(code)) {
            if (used + n >= size)
                break;
            memcpy(buf + used, s, n);
            used += n;
            s += n;
        } else {
            if (used + 4 >= size)
                break;
            snprintf(buf + used, 5, "\\x%02x", (unsigned)*s);
            used += 4;
            s++;
        }
    }
    if (size > 0)
        buf[used] = '\0';
}

/* v with three significant digits: 9.99, 99.9, 999. */
static void format_3_digits(double v, const char *unit, char *buf, size_t size)
{
    int decimals = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
    snprintf(buf, size, "%.*f %s", decimals, v, unit);
}

char *export_duration(uint64_t ns, char *buf, size_t size)
{
    if (ns < 1000)
        snprintf(buf, size, "%u ns", (unsigned)ns);
    else if (ns < 999500)
        format_3_digits((double)ns / 1e3, strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\u00b5s" : "us", buf,
                        size);
    else if (ns < 999500000)
        format_3_digits((double)ns / 1e6, "ms", buf, size);
    else if (ns < UINT64_C(119500000000))
        format_3_digits((double)ns / 1e9, "s", buf, size);
    else {
        uint64_t s = (ns + 500000000) / 1000000000;
        if (s < 7200)
            snprintf(buf, size, "%llu min %02u s", (unsigned long long)(s / 60), (unsigned)(s % 60));
        else
            snprintf(buf, size, "%llu h %02u min", (unsigned long long)(s / 3600), (unsigned)(s / 60 % 60));
    }
    return buf;
}

char *export_figure(double value, const char *unit, char *buf, size_t size)
{
    const double magnitude = fabs(value);
    const bool is_rate = unit && strncmp(unit, "1/", 2) == 0; /* 142/s, not 142 1/s */
    const char *space = unit && *unit && !is_rate ? " " : "";
    const char *shown = unit && strcmp(unit, "us") == 0 && strcmp(nl_langinfo(CODESET), "UTF-8") == 0
                            ? "\u00b5s"
                        : is_rate ? unit + 1
                        : unit    ? unit
                                  : "";
    if (magnitude >= 100 || value == floor(value))
        snprintf(buf, size, "%.0f%s%s", value, space, shown);
    else
        snprintf(buf, size, "%.*f%s%s", magnitude >= 10 ? 1 : magnitude >= 0.1 ? 2 : 4, value, space, shown);
    return buf;
}

const char *export_alert_kind(enum alert_kind kind)
{
    static const char *const words[] = {
        [ALERT_DEADLOCK] = "deadlock", [ALERT_HELD_LONG] = "held_long", [ALERT_QUEUE_GROWS] = "queue_grows"};
    return words[kind];
}
