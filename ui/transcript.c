/* Raw output as rows: a terminal of one line that grows to the right. */
#include "transcript.h"

#include "../src/err.h"
#include "canvas.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE  65536 /* columns; more of a line are new lines */
#define TAB_COLS  8
#define REPLACED  U'\uFFFD'
#define ESC       0x1b
#define WIDE_REST 0 /* the second column of a wide character */

/* The line that is being written. */
struct line {
    char32_t *cells;
    size_t n, room;
    size_t at; /* where the next character goes */
};

struct reader {
    struct transcript *transcript;
    const unsigned char *bytes;
    size_t n, i;
    int cols;
    struct line line;
};

void transcript_init(struct transcript *transcript)
{
    *transcript = (struct transcript){0};
}

void transcript_fini(struct transcript *transcript)
{
    free(transcript->text);
    free(transcript->rows);
    *transcript = (struct transcript){0};
}

const char *transcript_row(const struct transcript *transcript, unsigned i)
{
    return transcript->text + transcript->rows[i];
}

/* ---- rows ---- */

static void add_bytes(struct transcript *t, const char *bytes, size_t n)
{
    if (t->text_room - t->n_text < n) {
        t->text_room = 2 * t->text_room + n + 4096;
        t->text = mem_resize(t->text, t->text_room, 1);
    }
    memcpy(t->text + t->n_text, bytes, n);
    t->n_text += n;
}

static void begin_row(struct transcript *t)
{
    if (t->n_rows == t->rows_room) {
        t->rows_room = t->rows_room ? 2 * t->rows_room : 256;
        t->rows = mem_resize(t->rows, t->rows_room, sizeof *t->rows);
    }
    t->rows[t->n_rows++] = t->n_text;
}

/* The line as rows; an empty one is a row, too. */
static void end_line(struct reader *r)
{
    struct line *line = &r->line;
    const size_t cols = (size_t)r->cols;
    size_t used = 0;
    while (line->n > 0 && line->cells[line->n - 1] == U' ')
        line->n--;
    begin_row(r->transcript);
    for (size_t i = 0; i < line->n; i++) {
        char bytes[CANVAS_CHAR_BYTES];
        const bool is_wide = i + 1 < line->n && line->cells[i + 1] == WIDE_REST;
        char32_t ch = line->cells[i];
        if (ch == WIDE_REST)
            continue;
        if (is_wide && cols < 2)
            ch = REPLACED;
        const size_t width = is_wide && cols >= 2 ? 2 : 1;
        if (used + width > cols) {
            add_bytes(r->transcript, "", 1);
            begin_row(r->transcript);
            used = 0;
        }
        add_bytes(r->transcript, bytes, canvas_utf8(ch, bytes));
        used += width;
    }
    add_bytes(r->transcript, "", 1);
    line->n = line->at = 0;
}

/* ---- the line ---- */

static void set_cell(struct line *line, size_t at, char32_t ch)
{
    if (at >= line->room) {
        line->room = 2 * line->room + at + 256;
        line->cells = mem_resize(line->cells, line->room, sizeof *line->cells);
    }
    while (line->n <= at)
        line->cells[line->n++] = U' ';
    line->cells[at] = ch;
}

/* Writing over one half of a wide character blanks the other. */
static void break_wide(struct line *line, size_t at)
{
    if (at < line->n && line->cells[at] == WIDE_REST && at > 0)
        line->cells[at - 1] = U' ';
    if (at + 1 < line->n && line->cells[at + 1] == WIDE_REST)
        line->cells[at + 1] = U' ';
}

static void write_char(struct reader *r, char32_t ch, bool is_wide)
{
    struct line *line = &r->line;
    if (line->at >= MAX_LINE)
        end_line(r);
    for (size_t i = 0; i < (is_wide ? 2u : 1u); i++) {
        break_wide(line, line->at);
        set_cell(line, line->at++, i ? WIDE_REST : ch);
    }
}

/* EL of ECMA-48: 0 to the end, 1 from the beginning, 2 all. */
static void erase(struct line *line, unsigned how)
{
    if (line->at < line->n)
        break_wide(line, line->at);
    for (size_t i = 0; how > 0 && i < line->n && i <= line->at; i++)
        line->cells[i] = U' ';
    if (how != 1 && line->n > line->at)
        line->n = line->at;
}

/* ---- escape sequences: ECMA-48 ---- */

/* After CSI: parameters and intermediates, then the byte that says what it is. */
static void skip_control_sequence(struct reader *r)
{
    unsigned parameter = 0;
    bool is_plain = true; /* a number or nothing */
    for (; r->i < r->n; r->i++) {
        const unsigned char c = r->bytes[r->i];
        if (c < 0x20 || c > 0x7e)
            return; /* broken off: this byte is no part of it */
        if (c >= 0x40) {
            r->i++;
            if (c == 'K' && is_plain && parameter <= 2)
                erase(&r->line, parameter);
            return;
        }
        if (c >= '0' && c <= '9')
            parameter = parameter < 1000 ? parameter * 10 + c - '0' : parameter;
        else
            is_plain = false;
    }
}

/* After OSC, DCS, SOS, PM or APC: up to ST or, as xterm has it, BEL. A newline breaks it off, so that nothing
 * that forgets its end hides all that follows. */
static void skip_string(struct reader *r)
{
    for (; r->i < r->n; r->i++) {
        const unsigned char c = r->bytes[r->i];
        if (c == '\n' || c == ESC)
            break;
        if (c == '\a') {
            r->i++;
            return;
        }
    }
    if (r->i + 1 < r->n && r->bytes[r->i] == ESC && r->bytes[r->i + 1] == '\\')
        r->i += 2;
}

static void skip_escape(struct reader *r)
{
    if (r->i >= r->n)
        return;
    const unsigned char c = r->bytes[r->i];
    if (c == '[') {
        r->i++;
        skip_control_sequence(r);
    } else if (c != '\0' && strchr("]PX^_", c)) {
        r->i++;
        skip_string(r);
    } else {
        while (r->i < r->n && r->bytes[r->i] >= 0x20 && r->bytes[r->i] < 0x30)
            r->i++;
        if (r->i < r->n && r->bytes[r->i] >= 0x30 && r->bytes[r->i] < 0x7f)
            r->i++;
    }
}

/* ---- bytes ---- */

static void take_control(struct reader *r, unsigned char c)
{
    struct line *line = &r->line;
    switch (c) {
    case '\n':
    case '\v':
    case '\f':
        end_line(r);
        break;
    case '\r':
        line->at = 0;
        break;
    case '\b':
        line->at -= line->at > 0;
        break;
    case '\t':
        line->at = (line->at / TAB_COLS + 1) * TAB_COLS;
        line->at = line->at < MAX_LINE ? line->at : MAX_LINE;
        break;
    case ESC:
        skip_escape(r);
        break;
    default: /* a bell and the like */
        break;
    }
}

static void take_char(struct reader *r)
{
    int cols;
    size_t taken;
    const char32_t ch = canvas_char((const char *)r->bytes + r->i, r->n - r->i, &taken, &cols);
    r->i += taken;
    write_char(r, ch, cols == 2);
}

void transcript_read(struct transcript *transcript, const char *bytes, size_t n, int cols)
{
    struct reader r = {
        .transcript = transcript, .bytes = (const unsigned char *)bytes, .n = n, .cols = cols > 0 ? cols : 1};
    transcript->n_text = transcript->n_rows = 0;
    while (r.i < n) {
        const unsigned char c = r.bytes[r.i];
        if (c < 0x20 || c == 0x7f) {
            r.i++;
            take_control(&r, c);
        } else {
            take_char(&r);
        }
    }
    if (r.line.n > 0)
        end_line(&r);
    free(r.line.cells);
}
