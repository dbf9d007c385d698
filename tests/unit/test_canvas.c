/* The canvas: clipping, wide characters, harmless text, and its ways out. */
#include "../../ui/canvas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text_of(const struct canvas *canvas)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    canvas_to_text(canvas, out);
    fclose(out);
    return text;
}

static void assert_canvas(const struct canvas *canvas, const char *expected)
{
    char *text = text_of(canvas);
    assert_string_equal(text, expected);
    free(text);
}

static void clips_at_all_sides(void **state)
{
    (void)state;
    struct canvas canvas;
    canvas_init(&canvas, 5, 3);
    canvas_fill(&canvas, (struct rect){-3, -3, 100, 100}, '.', PAINT_TEXT, PAINT_BACK, 0);
    assert_int_equal(canvas_text(&canvas, -2, 0, 20, PAINT_TEXT, PAINT_BACK, 0, "abcdefghij"), 10);
    assert_int_equal(canvas_text(&canvas, 1, 1, 2, PAINT_TEXT, PAINT_BACK, 0, "xyz"), 2);
    canvas_text(&canvas, 0, 3, 5, PAINT_TEXT, PAINT_BACK, 0, "below");
    canvas_text(&canvas, 0, -1, 5, PAINT_TEXT, PAINT_BACK, 0, "above");
    canvas_put(&canvas, 5, 2, '!', PAINT_TEXT, PAINT_BACK, 0);
    assert_canvas(&canvas, "cdefg\n.xy..\n.....\n");
    canvas_fini(&canvas);
}

static void makes_text_harmless(void **state)
{
    (void)state;
    struct canvas canvas;
    canvas_init(&canvas, 30, 1);
    int n = canvas_text(&canvas, 0, 0, 30, PAINT_TEXT, PAINT_BACK, 0,
                        "a\033[31mb\r\n\xff\xc3(\xe2\x80\xae\xc2\x9b"
                        "c");
    assert_int_equal(n, canvas_text_cols("a\033[31mb\r\n\xff\xc3(\xe2\x80\xae\xc2\x9b"
                                         "c"));
    for (int i = 0; i < n; i++) {
        char32_t ch = canvas.cells[i].ch;
        assert_true(ch >= 0x20 && ch != 0x7f && !(ch >= 0x80 && ch < 0xa0) && ch != 0x202e);
    }
    assert_canvas(&canvas, "a�[31mb����(��c\n");
    canvas_fini(&canvas);
}

static void overlong_and_cut_utf8(void **state)
{
    (void)state;
    struct canvas canvas;
    canvas_init(&canvas, 10, 1);
    canvas_text(&canvas, 0, 0, 10, PAINT_TEXT, PAINT_BACK, 0, "\xc0\xaf\xe0\x80\xaf|\xf0\x9f\x98");
    for (int i = 0; i < 10; i++)
        assert_true(canvas.cells[i].ch != '/' && canvas.cells[i].ch != 0);
    canvas_fini(&canvas);
}

static void wide_characters_take_two(void **state)
{
    (void)state;
    struct canvas canvas;
    canvas_init(&canvas, 6, 1);
    assert_int_equal(canvas_text_cols("漢字x"), 5);
    assert_int_equal(canvas_text(&canvas, 0, 0, 6, PAINT_TEXT, PAINT_BACK, 0, "漢字x"), 5);
    assert_int_equal(canvas.cells[1].ch, 0);
    assert_canvas(&canvas, "漢字x\n");
    canvas_put(&canvas, 1, 0, '!', PAINT_TEXT, PAINT_BACK, 0); /* its other half goes */
    assert_canvas(&canvas, " !字x\n");
    canvas_put(&canvas, 2, 0, '?', PAINT_TEXT, PAINT_BACK, 0);
    assert_canvas(&canvas, " !? x\n");
    assert_int_equal(canvas_text(&canvas, 0, 0, 3, PAINT_TEXT, PAINT_BACK, 0, "漢字"),
                     2);                                            /* no half of one */
    canvas_text(&canvas, 5, 0, 6, PAINT_TEXT, PAINT_BACK, 0, "漢"); /* nor at the right edge */
    assert_int_equal(canvas.cells[5].ch, ' ');
    canvas_fini(&canvas);
}

static void keeps_background(void **state)
{
    (void)state;
    struct canvas canvas;
    canvas_init(&canvas, 3, 1);
    canvas_fill(&canvas, (struct rect){0, 0, 3, 1}, ' ', PAINT_TEXT, PAINT_BAR, 0);
    canvas_printf(&canvas, 0, 0, 3, PAINT_STRONG, PAINT_KEEP, CELL_BOLD, "%d", 42);
    assert_int_equal(canvas.cells[0].bg, PAINT_BAR);
    assert_int_equal(canvas.cells[0].fg, PAINT_STRONG);
    assert_int_equal(canvas.cells[1].attr, CELL_BOLD);
    canvas_fini(&canvas);
}

static void ansi_has_the_themes_colours(void **state)
{
    (void)state;
    struct canvas canvas;
    struct theme theme;
    char *text = NULL;
    size_t size = 0;
    canvas_init(&canvas, 2, 1);
    canvas_put(&canvas, 0, 0, 'A', PAINT_ON_TASK, PAINT_TASK0, CELL_BOLD);
    theme_init(&theme, THEME_DARK, DEPTH_256);
    FILE *out = open_memstream(&text, &size);
    canvas_to_ansi(&canvas, &theme, out);
    fclose(out);
    assert_string_equal(text, "\033[0;1;38;5;16;48;5;74mA\033[0m \033[0m\n");
    free(text);
    canvas_fini(&canvas);
}

static void sizes_of_nothing(void **state)
{
    (void)state;
    struct canvas canvas;
    canvas_init(&canvas, 0, 0);
    canvas_text(&canvas, 0, 0, 10, PAINT_TEXT, PAINT_BACK, 0, "x漢");
    assert_canvas(&canvas, "");
    canvas_resize(&canvas, -1, 4);
    assert_int_equal(canvas.cols, 0);
    canvas_resize(&canvas, 1, 1);
    canvas_text(&canvas, -1, 0, 10, PAINT_TEXT, PAINT_BACK, 0, "漢");
    canvas_fini(&canvas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clips_at_all_sides),    cmocka_unit_test(makes_text_harmless),
        cmocka_unit_test(overlong_and_cut_utf8), cmocka_unit_test(wide_characters_take_two),
        cmocka_unit_test(keeps_background),      cmocka_unit_test(ansi_has_the_themes_colours),
        cmocka_unit_test(sizes_of_nothing),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
