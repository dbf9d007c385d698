/* Themes: every paint is set, text stands out from what it is drawn on, and the ASCII glyphs are ASCII. */
#include "../../ui/canvas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Relative luminance and contrast ratio as WCAG 2 defines them. */
static double luminance(uint32_t rgb)
{
    double sum = 0;
    const double weights[] = {0.0722, 0.7152, 0.2126};
    for (int i = 0; i < 3; i++) {
        double c = (double)(rgb >> (8 * i) & 0xff) / 255;
        sum += weights[i] * (c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static double contrast(const struct theme *theme, enum paint a, enum paint b)
{
    double x = luminance(theme->rgb[a]), y = luminance(theme->rgb[b]);
    return x > y ? (x + 0.05) / (y + 0.05) : (y + 0.05) / (x + 0.05);
}

static void text_is_readable(void **state)
{
    (void)state;
    for (int name = THEME_DARK; name <= THEME_LIGHT; name++) {
        struct theme theme;
        theme_init(&theme, (enum theme_name)name, DEPTH_TRUE);
        const enum paint texts[] = {PAINT_TEXT, PAINT_STRONG, PAINT_FAINT, PAINT_ACCENT, PAINT_GOOD,
                                    PAINT_WARN, PAINT_ALERT,  PAINT_MARK,  PAINT_HOLE};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            assert_true(contrast(&theme, texts[i], PAINT_BACK) >= 4.5);
        assert_true(contrast(&theme, PAINT_STRONG, PAINT_BAR) >= 7);
        assert_true(contrast(&theme, PAINT_ON_ALERT, PAINT_ALERT) >= 4.5);
        for (int i = 0; i < N_TASK_PAINTS; i++)
            assert_true(contrast(&theme, PAINT_ON_TASK, (enum paint)(PAINT_TASK0 + i)) >= 4.5);
    }
}

static void tasks_differ_at_every_depth(void **state)
{
    (void)state;
    struct theme theme;
    theme_init(&theme, THEME_DARK, DEPTH_256);
    for (int i = 0; i < N_TASK_PAINTS; i++) {
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(theme.rgb[PAINT_TASK0 + i], theme.rgb[PAINT_TASK0 + j]);
            assert_int_not_equal(theme.index256[PAINT_TASK0 + i], theme.index256[PAINT_TASK0 + j]);
        }
        int next = PAINT_TASK0 + (i + 1) % N_TASK_PAINTS;
        assert_int_not_equal(theme.index8[PAINT_TASK0 + i], theme.index8[next]);
        assert_int_not_equal(theme.rgb[PAINT_TASK0 + i], theme.rgb[PAINT_WAIT0 + i]);
    }
}

static void mono_has_no_colour(void **state)
{
    (void)state;
    struct theme theme;
    theme_init(&theme, THEME_MONO, DEPTH_TRUE);
    assert_int_equal(theme.depth, DEPTH_MONO);
    for (int i = 0; i < N_PAINTS; i++)
        assert_true(theme_is_default(&theme, (enum paint)i));
    unsigned a = theme_attr(&theme, PAINT_ON_TASK, PAINT_TASK0, 0),
             b = theme_attr(&theme, PAINT_ON_TASK, PAINT_TASK0 + 1, 0);
    assert_int_not_equal(a & CELL_REVERSE, b & CELL_REVERSE);
}

static void light_paints_its_own_background(void **state)
{
    (void)state;
    struct theme theme;
    theme_init(&theme, THEME_LIGHT, DEPTH_256);
    assert_false(theme_is_default(&theme, PAINT_BACK));
    theme_init(&theme, THEME_DARK, DEPTH_256);
    assert_true(theme_is_default(&theme, PAINT_BACK));
}

static void ascii_glyphs_are_ascii(void **state)
{
    (void)state;
    const struct glyphs *g = &glyphs_ascii;
    const char32_t *first = g->left_eighths, *end = (const char32_t *)((const char *)g + sizeof *g);
    for (const char32_t *p = first; p < end; p++)
        assert_true(*p >= 0x20 && *p < 0x7f);
    /* states differ by glyph */
    assert_true(g->full != g->runnable && g->runnable != g->blocked && g->blocked != g->gone &&
                g->hole != g->full);
    for (const char32_t *p = glyphs_unicode.left_eighths; p < (const char32_t *)(&glyphs_unicode + 1); p++)
        assert_true(*p >= 0x20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_readable),       cmocka_unit_test(tasks_differ_at_every_depth),
        cmocka_unit_test(mono_has_no_colour),     cmocka_unit_test(light_paints_its_own_background),
        cmocka_unit_test(ascii_glyphs_are_ascii),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
