/* Text beneath the loader: comments, numbers, times, and words that were nearly right. */
#include "load_text.h"

#include "../err.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- Comments ---- */

struct reader {
    const char *text;
    size_t length, at;
    size_t copied;  /* what is before it has been written to out */
    size_t comment; /* where the last comment begins */
    char *out;
    size_t n_out;
};

static bool is_tail_byte(char c) /* of a character of several bytes in UTF-8 */
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static struct place place_at(const char *text, size_t offset)
{
    struct place place = {1, 1};

    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n')
            place = (struct place){place.line + 1, 1};
        else if (!is_tail_byte(text[i]))
            place.column++;
    }
    return place;
}

static char peek(const struct reader *r, size_t ahead)
{
    return r->at + ahead < r->length ? r->text[r->at + ahead] : '\0';
}

static char before(const struct reader *r)
{
    return r->at > 0 ? r->text[r->at - 1] : '\n';
}

static void copy(struct reader *r)
{
    memcpy(r->out + r->n_out, r->text + r->copied, r->at - r->copied);
    r->n_out += r->at - r->copied;
    r->copied = r->at;
}

/* A character of several bytes becomes one space, so that columns stay what they are. */
static void blank_until(struct reader *r, size_t end)
{
    copy(r);
    r->comment = r->at;
    for (; r->at < end; r->at++) {
        char c = r->text[r->at];
        if (!is_tail_byte(c))
            r->out[r->n_out++] = c == '\n' || c == '\r' ? c : ' ';
    }
    r->copied = r->at;
}

static size_t end_of_line(const struct reader *r)
{
    const char *end = memchr(r->text + r->at, '\n', r->length - r->at);
    return end ? (size_t)(end - r->text) : r->length;
}

/* False when it does not end. */
static bool blank_comment(struct reader *r)
{
    const char *end = memmem(r->text + r->at + 2, r->length - r->at - 2, "*/", 2);

    blank_until(r, end ? (size_t)(end - r->text) + 2 : r->length);
    return end != NULL;
}

static void skip_quoted(struct reader *r, char quote)
{
    size_t end = r->at + 1;

    while (end < r->length && r->text[end] != quote)
        end += r->text[end] == '\\' && quote == '"' ? 2 : 1;
    r->at = end < r->length ? end + 1 : r->length;
}

/* "//" inside of a word, as in an address, begins no comment; nor does a quote begin a string there. */
static bool at_word_begin(const struct reader *r)
{
    static const bool between[256] = {
        ['\0'] = true, [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true,
        [','] = true,  [':'] = true, ['{'] = true,  ['}'] = true,  ['['] = true,
        [']'] = true,  ['"'] = true, ['\''] = true, ['/'] = true};
    return between[(unsigned char)before(r)];
}

/* Goes to the first character that counts, with the comments before it blanked. */
static bool skip_beginning(struct reader *r)
{
    if (r->length >= 3 && memcmp(r->text, "\xEF\xBB\xBF", 3) == 0) /* a byte order mark */
        r->at = 3;
    while (r->at < r->length) {
        if (peek(r, 0) == '/' && peek(r, 1) == '*') {
            if (!blank_comment(r))
                return false;
        } else if (peek(r, 0) == '/' && peek(r, 1) == '/') {
            blank_until(r, end_of_line(r));
        } else if (peek(r, 0) == '#') {
            r->at = end_of_line(r);
        } else if (isspace((unsigned char)peek(r, 0))) {
            r->at++;
        } else {
            break;
        }
    }
    return true;
}

/* Where the next character is that could begin a comment or a string. */
static size_t end_of_plain(const struct reader *r)
{
    static const bool special[256] = {['/'] = true, ['#'] = true, ['"'] = true, ['\''] = true};
    size_t end = r->at;

    while (end < r->length && !special[(unsigned char)r->text[end]])
        end++;
    return end;
}

static bool skip_braced(struct reader *r)
{
    while (r->at < r->length) {
        char c = r->text[r->at];
        if (c == '/' && peek(r, 1) == '*') {
            if (!blank_comment(r))
                return false;
        } else if (c == '/' && peek(r, 1) == '/' && before(r) != ':' && at_word_begin(r)) {
            blank_until(r, end_of_line(r));
        } else if (c == '#' && isspace((unsigned char)before(r))) {
            r->at = end_of_line(r);
        } else if ((c == '"' || c == '\'') && at_word_begin(r)) {
            skip_quoted(r, c);
        } else {
            r->at++;
            r->at = end_of_plain(r);
        }
    }
    return true;
}

char *text_blank_comments(const char *text, size_t length, size_t *new_length, struct place *begin)
{
    struct reader r = {.text = text, .length = length, .out = mem_new(length + 1, 1)};
    bool whole = skip_beginning(&r);

    if (whole && peek(&r, 0) == '{')
        whole = skip_braced(&r);
    if (!whole) {
        *begin = place_at(text, r.comment);
        free(r.out);
        return NULL;
    }
    r.at = length;
    copy(&r);
    *new_length = r.n_out;
    return r.out;
}

/* ---- Numbers ---- */

enum text_number text_number(const char *text, int64_t *value)
{
    bool negative = *text == '-';
    bool too_large = false;
    int64_t sum = 0;

    text += negative;
    if (!*text)
        return TEXT_NO_NUMBER;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return TEXT_NO_NUMBER;
        too_large = too_large || __builtin_mul_overflow(sum, 10, &sum) ||
                    __builtin_sub_overflow(sum, *text - '0', &sum); /* below zero there is one more */
    }
    if (!negative && sum == INT64_MIN)
        too_large = true;
    if (too_large)
        return TEXT_NUMBER_TOO_LARGE;
    *value = negative ? sum : -sum;
    return TEXT_IS_NUMBER;
}

static bool find_unit(const char *word, uint64_t *ns)
{
    static const struct {
        const char *word;
        uint64_t ns;
    } units[] = {{"", 1},         {"ns", 1},         {"us", 1000},         {"\u00b5s", 1000},
                 {"ms", 1000000}, {"s", 1000000000}, {"min", 60000000000}, {"m", 60000000000}};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        *ns = units[i].ns;
        if (strcmp(word, units[i].word) == 0)
            return true;
    }
    return false;
}

/* The locale's decimal point does not count in a file, so strtod(3) is of no use. */
enum text_number text_time(const char *text, uint64_t *ns, bool *has_unit)
{
    const char *end = text + strspn(text, "0123456789");
    const char *fraction = *end == '.' ? end + 1 : "";
    const char *unit = *end == '.' ? fraction + strspn(fraction, "0123456789") : end;
    uint64_t scale, part;
    bool too_large = false;

    unit += *unit == ' ';
    *has_unit = *unit != '\0';
    if (end == text || (*end == '.' && (fraction[0] < '0' || fraction[0] > '9')) || !find_unit(unit, &scale))
        return TEXT_NO_NUMBER;
    *ns = 0;
    for (const char *digit = text; digit < end; digit++)
        too_large = too_large || __builtin_mul_overflow(*ns, UINT64_C(10), ns) ||
                    __builtin_add_overflow(*ns, (uint64_t)(*digit - '0'), ns);
    too_large = too_large || __builtin_mul_overflow(*ns, scale, ns);
    part = scale;
    for (const char *digit = fraction; *digit >= '0' && *digit <= '9'; digit++) {
        part /= 10;
        too_large = too_large || __builtin_add_overflow(*ns, part * (uint64_t)(*digit - '0'), ns);
    }
    return too_large ? TEXT_NUMBER_TOO_LARGE : TEXT_IS_NUMBER;
}

/* ---- Words ---- */

#define WORD_MAX 48 /* longer ones are not guessed */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

/* How many letters must be put in, taken out, changed or exchanged with their neighbour (Damerau's distance
 * without repeated edits of one place). */
static unsigned edit_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *older = rows[0], *old = rows[1], *row = rows[2];

    for (unsigned j = 0; j <= n_b; j++)
        old[j] = j;
    for (unsigned i = 1; i <= n_a; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= n_b; j++) {
            row[j] = min3(old[j] + 1, row[j - 1] + 1, old[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && older[j - 2] + 1 < row[j])
                row[j] = older[j - 2] + 1;
        }
        unsigned *spare = older;
        older = old;
        old = row;
        row = spare;
    }
    return old[n_b];
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
    size_t n = strlen(nearest->word), n_candidate = strlen(candidate);
    unsigned allowed = n <= 4 ? 1 : n <= 8 ? 2 : 3;

    if (n > WORD_MAX || n_candidate > WORD_MAX || n == 0 || n_candidate == 0)
        return;
    unsigned distance = edit_distance(nearest->word, n, candidate, n_candidate);
    if (distance <= allowed && distance < n_candidate && (!nearest->best || distance < nearest->distance)) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}
