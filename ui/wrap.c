/* Running text as rows of a given width. */
#include "wrap.h"

#include "canvas.h"

#include <string.h>

#define ROW_SIZE 1024

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Passes the blanks; *ends tells that an empty line was among them. */
static const char *skip_blanks(const char *text, bool *ends)
{
    int newlines = 0;
    for (; is_blank(*text); text++)
        newlines += *text == '\n';
    *ends = newlines > 1;
    return text;
}

static size_t word_bytes(const char *text)
{
    size_t n = 0;
    while (text[n] && !is_blank(text[n]))
        n++;
    return n;
}

/* As much of a word as fits cols (at least a character), when it alone is too long for a row. */
static size_t cut_word(const char *word, size_t n, int cols, char *row, size_t size)
{
    n = n < size ? n : size - 1;
    for (;;) {
        memcpy(row, word, n);
        row[n] = '\0';
        size_t less = n - 1;
        while (less > 0 && ((unsigned char)word[less] & 0xc0) == 0x80)
            less--;
        if (canvas_text_cols(row) <= cols || less == 0)
            return n;
        n = less;
    }
}

/* Copies words from `at` to row as long as they fit; returns where the first that does not begins, or the
 * blanks before it. */
static const char *fill_row(const char *at, int cols, char *row, size_t size)
{
    size_t used = 0;
    for (bool ends = false; *at && !ends;) {
        bool ignored;
        const char *word = skip_blanks(at, used ? &ends : &ignored);
        const size_t n = word_bytes(word), gap = used > 0;
        if (!n || ends || used + gap + n + 1 > size)
            break;
        row[used] = ' ';
        memcpy(row + used + gap, word, n);
        row[used + gap + n] = '\0';
        if (canvas_text_cols(row) > cols)
            break;
        used += gap + n;
        at = word + n;
    }
    row[used] = '\0';
    return at;
}

bool wrap_row(const char **text, int cols, char *row, size_t size)
{
    bool is_new_paragraph;
    const char *at = skip_blanks(*text, &is_new_paragraph);
    row[0] = '\0';
    *text = at;
    if (!*at || is_new_paragraph)
        return *at != '\0';
    *text = fill_row(at, cols, row, size);
    if (*text == at)
        *text += cut_word(at, word_bytes(at), cols, row, size);
    return true;
}

int wrap_rows(const char *text, int cols)
{
    char row[ROW_SIZE];
    int n = 0;
    while (wrap_row(&text, cols, row, sizeof row))
        n++;
    return n;
}
