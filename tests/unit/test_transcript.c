/* What a command printed, as rows: nothing in it commands the terminal, and what a terminal would show is
 * there. */
#include "../../ui/canvas.h"
#include "../../ui/transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The rows joined by '|'. */
static void check(const char *bytes, size_t n, int cols, const char *expected)
{
    struct transcript t;
    char all[4096] = "";
    transcript_init(&t);
    transcript_read(&t, bytes, n, cols);
    for (unsigned i = 0; i < t.n_rows; i++) {
        strcat(all, transcript_row(&t, i));
        strcat(all, "|");
    }
    assert_string_equal(all, expected);
    transcript_fini(&t);
}

static void lines_are_rows(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int cols;
        const char *rows;
    } cases[] = {
        {"", 80, ""},         {"one\ntwo\n", 80, "one|two|"},     {"one\n\ntwo", 80, "one||two|"},
        {"\n", 80, "|"},      {"trailing   \n", 80, "trailing|"}, {"abcdefgh", 3, "abc|def|gh|"},
        {"abc\n", 3, "abc|"}, {"a\tb\n", 80, "a       b|"},       {"\tb\n", 4, "    |    |b|"},
        {"\r\n", 80, "|"},    {"line\r\n", 80, "line|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].bytes, strlen(cases[i].bytes), cases[i].cols, cases[i].rows);
}

static void returns_write_over(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *rows;
    } cases[] = {
        {" 10 %\r 20 %\r100 %\n", "100 %|"},
        {"a long one\rshort\n", "shortg one|"},
        {"a long one\r\033[Kshort\n", "short|"},
        {"a long one\r\033[2Kshort\n", "short|"},
        {"abc\033[1Kd\n", "   d|"},
        {"abc\b\bX\n", "aXc|"},
        {"\b\b\bX\n", "X|"},
        {"x\xe5\xa5\xbdy\r--\n",
         "-- y|"}, /* over the first half of a wide character: its other half blanks */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].bytes, strlen(cases[i].bytes), 80, cases[i].rows);
}

static void sequences_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *rows;
    } cases[] = {
        {"\033[31mred\033[0m\n", "red|"},
        {"\033[38;5;200mx\033[?25ly\n", "xy|"},
        {"\033]0;a title\ax\n", "x|"},
        {"\033]8;;http://host\033\\link\033]8;;\033\\\n", "link|"},
        {"\033P1;2|device\033\\x\n", "x|"},
        {"\033(Bx\033=y\0337z\n", "xyz|"},
        {"\033]0;never ended\nnext\n", "|next|"},
        {"\033[12", ""},
        {"a\033", "a|"},
        {"\033[3\x01x\n", "x|"},
        {"bell\a\n", "bell|"},
        {"\033[2J\033[Hhome\n", "home|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].bytes, strlen(cases[i].bytes), 80, cases[i].rows);
}

static void what_is_no_text_is_replaced(void **state)
{
    (void)state;
    check("a\xff\xc3(b\n", 6, 80, "a\xef\xbf\xbd\xef\xbf\xbd(b|");
    check("a\0b\n", 4, 80, "ab|");
    check("\xc2\x9b"
          "31m\n",
          6, 80,
          "\xef\xbf\xbd"
          "31m|"); /* CSI as one character commands nothing */
    check("\xe2\x80\xae"
          "abc\n",
          7, 80,
          "\xef\xbf\xbd"
          "abc|"); /* right-to-left override */
    check("\xf0\x9f", 2, 80, "\xef\xbf\xbd|");
}

static void wide_characters_are_not_cut(void **state)
{
    (void)state;
    check("\xe5\xa5\xbd\xe5\xa5\xbd\n", 7, 3, "\xe5\xa5\xbd|\xe5\xa5\xbd|");
    check("\xe5\xa5\xbd\n", 4, 1, "\xef\xbf\xbd|");
}

/* Bytes of all kinds, in all widths: rows are no wider, and hold nothing that commands. */
static void any_bytes_make_harmless_rows(void **state)
{
    (void)state;
    char bytes[2000];
    uint32_t seed = 1;
    for (int round = 0; round < 300; round++) {
        struct transcript t;
        const int cols = 1 + round % 90;
        for (size_t i = 0; i < sizeof bytes; i++) {
            static const char common[] = "\033[]K\r\n\t\b;0m\xe5\xa5\xbd";
            seed = seed * 1664525 + 1013904223;
            bytes[i] = seed >> 31 ? common[(seed >> 8) % (sizeof common - 1)] : (char)(seed >> 16);
        }
        transcript_init(&t);
        transcript_read(&t, bytes, sizeof bytes, cols);
        for (unsigned i = 0; i < t.n_rows; i++) {
            const char *row = transcript_row(&t, i);
            assert_true(canvas_text_cols(row) <= cols);
            for (; *row; row++)
                assert_true((unsigned char)*row >= ' ' && *row != 0x7f);
        }
        transcript_fini(&t);
    }
}

static void a_line_without_end_is_bounded(void **state)
{
    (void)state;
    const size_t n = 300000;
    char *bytes = malloc(n);
    struct transcript t;
    memset(bytes, 'x', n);
    transcript_init(&t);
    transcript_read(&t, bytes, n, 100);
    assert_true(t.n_rows >= n / 100 && t.n_rows < n / 100 + 10);
    memset(bytes, '\t', n);
    transcript_read(&t, bytes, n, 100);
    assert_true(t.n_rows < 10);
    transcript_fini(&t);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_rows),
        cmocka_unit_test(returns_write_over),
        cmocka_unit_test(sequences_are_left_out),
        cmocka_unit_test(what_is_no_text_is_replaced),
        cmocka_unit_test(wide_characters_are_not_cut),
        cmocka_unit_test(any_bytes_make_harmless_rows),
        cmocka_unit_test(a_line_without_end_is_bounded),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
