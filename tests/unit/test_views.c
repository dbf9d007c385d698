/* The views: hand-written events drawn to text and held against golden files, and every size and setting
 * drawn whole. UPDATE_GOLDEN=1 rewrites the files; look at what changed before keeping it. */
#include "view_fixture.h"

#include "../../src/clock.h"
#include "../../ui/view_dialog.h"
#include "../../ui/view_stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct view_ops *const views[] = {&view_cores,    &view_tasks,   &view_table,
                                               &view_counters, &view_compare, &view_objects};
enum { N_VIEWS = sizeof views / sizeof *views };

static const char *const scenes[] = {"interleave", "parallel", "mixed",   "dense",   "lost",
                                     "work",       "compare",  "samples", "partial", "deadlock",
                                     "shared",     "green",    "watched", "folded",  "empty"};
enum { N_SCENES = sizeof scenes / sizeof *scenes };

/* ---- golden texts ---- */

struct golden {
    const char *scene;
    const struct view_ops *view;
    int cols, rows;
    bool ascii, mono, lecture;
    enum time_mode mode;
};

static char *read_file(const char *path)
{
    FILE *in = fopen(path, "r");
    if (!in)
        return NULL;
    char *text = calloc(1, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, in);
    text[n] = '\0';
    fclose(in);
    return text;
}

static void golden_path(const struct golden *g, char *path, size_t size)
{
    const char *srcdir = getenv("srcdir");
    static const char *const modes[] = {"", "-slow", "-scroll", "-paused"};
    snprintf(path, size, "%s/tests/data/golden/%s-%s-%dx%d%s%s%s%s.txt", srcdir ? srcdir : ".", g->scene,
             g->view->name, g->cols, g->rows, g->ascii ? "-ascii" : "", g->mono ? "-mono" : "",
             g->lecture ? "-lecture" : "", modes[g->mode]);
}

static void set_golden(struct fixture *fixture, const struct golden *g)
{
    struct scene *scene = &fixture->scene;
    struct viewport *vp = &scene->viewport;
    scene->glyphs = g->ascii ? &glyphs_ascii : &glyphs_unicode;
    scene->mono = g->mono;
    scene->lecture = g->lecture;
    vp->mode = g->mode;
    if (g->mode == MODE_SCOPE)
        vp->trigger_ns = vp->start_ns + 2 * NS_PER_MS;
    if (g->mode == MODE_SLOW)
        vp->playhead_ns = vp->start_ns + 40 * NS_PER_MS;
    if (g->mode == MODE_PAUSED) {
        vp->cursor_ns = vp->start_ns + 40 * NS_PER_MS;
        scene->show_selected = true;
    }
    if (g->mode == MODE_SLOW || g->mode == MODE_PAUSED)
        vp->behind_ns = 1234 * NS_PER_MS;
}

static void check_golden(const struct golden *g)
{
    char path[512], *text = NULL;
    size_t size = 0;
    struct canvas canvas;
    struct fixture *fixture = fixture_new(g->scene);
    assert_non_null(fixture);
    set_golden(fixture, g);
    canvas_init(&canvas, g->cols, g->rows);
    fixture_draw(fixture, g->view, &canvas);
    FILE *out = open_memstream(&text, &size);
    canvas_to_text(&canvas, out);
    fclose(out);
    golden_path(g, path, sizeof path);
    if (getenv("UPDATE_GOLDEN")) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
    }
    char *expected = read_file(path);
    if (!expected || strcmp(expected, text) != 0)
        print_message("# %s differs; this was drawn:\n%s\n", path, text);
    assert_non_null(expected);
    assert_string_equal(text, expected);
    free(expected);
    free(text);
    canvas_fini(&canvas);
    fixture_free(fixture);
}

static void golden_texts(void **state)
{
    (void)state;
    const struct golden all[] = {
        {.scene = "interleave", .view = &view_cores, .cols = 80, .rows = 24},
        {.scene = "interleave", .view = &view_cores, .cols = 120, .rows = 36},
        {.scene = "interleave", .view = &view_cores, .cols = 80, .rows = 24, .ascii = true},
        {.scene = "interleave", .view = &view_cores, .cols = 80, .rows = 24, .mono = true},
        {.scene = "interleave", .view = &view_cores, .cols = 100, .rows = 30, .lecture = true},
        {.scene = "interleave", .view = &view_cores, .cols = 100, .rows = 30, .mode = MODE_SLOW},
        {.scene = "interleave", .view = &view_cores, .cols = 20, .rows = 6},
        {.scene = "interleave", .view = &view_tasks, .cols = 100, .rows = 30, .mode = MODE_PAUSED},
        {.scene = "parallel", .view = &view_cores, .cols = 100, .rows = 30},
        {.scene = "mixed", .view = &view_cores, .cols = 120, .rows = 36},
        {.scene = "mixed", .view = &view_tasks, .cols = 80, .rows = 24, .ascii = true},
        {.scene = "mixed", .view = &view_table, .cols = 160, .rows = 24},
        {.scene = "dense", .view = &view_cores, .cols = 120, .rows = 24},
        {.scene = "lost", .view = &view_cores, .cols = 80, .rows = 24},
        {.scene = "work", .view = &view_cores, .cols = 120, .rows = 36},
        {.scene = "work", .view = &view_table, .cols = 80, .rows = 24},
        {.scene = "work", .view = &view_counters, .cols = 120, .rows = 36},
        {.scene = "dense", .view = &view_counters, .cols = 80, .rows = 24},
        {.scene = "compare", .view = &view_compare, .cols = 120, .rows = 36},
        {.scene = "interleave", .view = &view_compare, .cols = 80, .rows = 24},
        {.scene = "samples", .view = &view_cores, .cols = 80, .rows = 24},
        {.scene = "partial", .view = &view_tasks, .cols = 80, .rows = 24},
        {.scene = "partial", .view = &view_table, .cols = 120, .rows = 24},
        {.scene = "deadlock", .view = &view_objects, .cols = 80, .rows = 24},
        {.scene = "deadlock", .view = &view_objects, .cols = 80, .rows = 24, .ascii = true},
        {.scene = "deadlock", .view = &view_tasks, .cols = 120, .rows = 36, .mode = MODE_SCROLL},
        {.scene = "deadlock", .view = &view_tasks, .cols = 80, .rows = 24, .mono = true},
        {.scene = "deadlock", .view = &view_tasks, .cols = 100, .rows = 30, .lecture = true},
        {.scene = "deadlock", .view = &view_table, .cols = 160, .rows = 24},
        {.scene = "deadlock", .view = &view_cores, .cols = 40, .rows = 12},
        {.scene = "shared", .view = &view_objects, .cols = 80, .rows = 24},
        {.scene = "shared", .view = &view_objects, .cols = 120, .rows = 36},
        {.scene = "shared", .view = &view_objects, .cols = 120, .rows = 36, .ascii = true},
        {.scene = "green", .view = &view_tasks, .cols = 100, .rows = 30},
        {.scene = "watched", .view = &view_cores, .cols = 120, .rows = 36},
        {.scene = "watched", .view = &view_tasks, .cols = 80, .rows = 24},
        {.scene = "watched", .view = &view_table, .cols = 120, .rows = 24},
        {.scene = "folded", .view = &view_tasks, .cols = 100, .rows = 30, .mode = MODE_PAUSED},
        {.scene = "folded", .view = &view_tasks, .cols = 80, .rows = 24, .ascii = true},
        {.scene = "folded", .view = &view_table, .cols = 80, .rows = 24},
        {.scene = "empty", .view = &view_objects, .cols = 80, .rows = 24},
        {.scene = "empty", .view = &view_cores, .cols = 80, .rows = 24},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check_golden(&all[i]);
}

/* ---- every size and setting ---- */

static void check_cells(const struct canvas *canvas, bool ascii)
{
    for (int i = 0; i < canvas->cols * canvas->rows; i++) {
        const struct cell *cell = &canvas->cells[i];
        assert_true(cell->fg < N_PAINTS && cell->bg < N_PAINTS && cell->bg != PAINT_KEEP &&
                    cell->fg != PAINT_KEEP);
        assert_true(cell->ch == 0 || cell->ch >= 0x20);
        if (ascii)
            assert_true(cell->ch < 0x7f);
    }
}

static void every_size_is_drawn_whole(void **state)
{
    (void)state;
    static const int sizes[][2] = {{20, 6},  {21, 7},   {30, 9},   {40, 12},  {59, 17},
                                   {80, 24}, {100, 30}, {200, 60}, {300, 100}};
    for (size_t s = 0; s < N_SCENES; s++) {
        struct fixture *fixture = fixture_new(scenes[s]);
        for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++)
            for (unsigned setting = 0; setting < 16; setting++)
                for (int v = 0; v < N_VIEWS; v++) {
                    struct canvas canvas;
                    struct golden g = {.scene = scenes[s],
                                       .view = views[v],
                                       .ascii = setting & 1,
                                       .lecture = setting & 2,
                                       .mode = (enum time_mode)(setting / 4)};
                    set_golden(fixture, &g);
                    canvas_init(&canvas, sizes[z][0], sizes[z][1]);
                    fixture_draw(fixture, views[v], &canvas);
                    check_cells(&canvas, g.ascii);
                    canvas_fini(&canvas);
                }
        fixture_free(fixture);
    }
}

static void any_zoom_is_drawn_whole(void **state)
{
    (void)state;
    for (size_t s = 0; s < N_SCENES; s++) {
        struct fixture *fixture = fixture_new(scenes[s]);
        struct canvas canvas;
        uint64_t start = fixture->scene.viewport.start_ns;
        canvas_init(&canvas, 80, 24);
        for (uint64_t col = VIEWPORT_MIN_COL_NS; col <= VIEWPORT_MAX_COL_NS; col *= 10)
            for (int step = -1; step <= 2; step++)
                for (int v = 0; v < N_VIEWS; v++) {
                    fixture->scene.viewport.col_ns = col;
                    fixture->scene.viewport.start_ns = start + (uint64_t)(step * 60) * NS_PER_MS;
                    fixture_draw(fixture, views[v], &canvas);
                    check_cells(&canvas, false);
                }
        canvas_fini(&canvas);
        fixture_free(fixture);
    }
}

/* ---- single promises ---- */

static void colours_and_borders_of_a_lane(void **state)
{
    (void)state;
    struct canvas canvas;
    struct fixture *fixture = fixture_new("interleave");
    canvas_init(&canvas, 80, 24);
    fixture_draw(fixture, &view_cores, &canvas);
    int y = -1, x0 = -1;
    for (int i = 0; i < 24 && y < 0; i++)
        if (canvas.cells[i * 80 + 1].ch == 'c' && canvas.cells[i * 80 + 6].ch == '0')
            y = i;
    assert_true(y >= 0);
    for (int x = 0; x < 80 && x0 < 0; x++)
        if (canvas.cells[y * 80 + x].ch == glyphs_unicode.lane_left)
            x0 = x + 1;
    const struct cell *lane = &canvas.cells[y * 80 + x0];
    assert_int_equal(lane[0].bg, PAINT_LANE); /* idle until 2 ms */
    assert_int_equal(lane[2].bg, PAINT_TASK0);
    assert_int_equal(lane[5].ch, ' '); /* A's slice ends at 5.98 ms: rounded to the cell, no false border */
    assert_int_equal(lane[6].bg, PAINT_TASK0 + 1);
    assert_int_equal(lane[33].bg,
                     PAINT_TASK0); /* the eighth one ends at 33.85 ms: seven eighths of D, then A */
    assert_int_equal(lane[33].fg, PAINT_TASK0 + 3);
    assert_int_equal(lane[33].ch, glyphs_unicode.left_eighths[7]);
    canvas_fini(&canvas);
    fixture_free(fixture);
}

static void holes_and_the_unknown_are_not_idle(void **state)
{
    (void)state;
    struct canvas canvas;
    struct fixture *fixture = fixture_new("lost");
    unsigned holes = 0;
    canvas_init(&canvas, 80, 24);
    fixture_draw(fixture, &view_cores, &canvas);
    for (int i = 0; i < 80 * 24; i++)
        holes += canvas.cells[i].ch == glyphs_unicode.hole && canvas.cells[i].fg == PAINT_HOLE;
    assert_true(holes > 0);
    fixture->scene.viewport.known_ns = fixture->scene.viewport.start_ns + 10 * NS_PER_MS;
    fixture_draw(fixture, &view_cores, &canvas);
    unsigned edges = 0;
    for (int i = 0; i < 80 * 24; i++)
        edges += canvas.cells[i].ch == glyphs_unicode.edge && canvas.cells[i].bg == PAINT_BACK;
    assert_true(edges > 0);
    canvas_fini(&canvas);
    fixture_free(fixture);
}

static void words_are_by_number(void **state)
{
    (void)state;
    const struct {
        const char *scene;
        enum view_word word;
        double parallelism;
    } cases[] = {{"interleave", WORD_INTERLEAVED, 0.97},
                 {"parallel", WORD_PARALLEL, 3.9},
                 {"mixed", WORD_MIXED, 1.9},
                 {"dense", WORD_INTERLEAVED, 0.9},
                 {"work", WORD_MIXED, 1.97}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct view_stats stats;
        struct fixture *fixture = fixture_new(cases[i].scene);
        fixture->scene.viewport.cols = 80;
        assert_true(view_stats(&fixture->scene, &stats));
        assert_int_equal(stats.word, cases[i].word);
        assert_true(stats.parallelism > cases[i].parallelism - 0.1 &&
                    stats.parallelism < cases[i].parallelism + 0.1);
        fixture_free(fixture);
    }
    const double even[] = {2, 2, 2, 2}, one[] = {5, 0, 0, 0};
    assert_true(view_jain(even, 4) > 0.9999);
    assert_true(view_jain(one, 4) > 0.2499 && view_jain(one, 4) < 0.2501);
}

static char *drawn_text(struct fixture *fixture, const struct view_ops *view, int cols, int rows)
{
    struct canvas canvas;
    char *text = NULL;
    size_t size = 0;
    canvas_init(&canvas, cols, rows);
    fixture_draw(fixture, view, &canvas);
    FILE *out = open_memstream(&text, &size);
    canvas_to_text(&canvas, out);
    fclose(out);
    canvas_fini(&canvas);
    return text;
}

/* In a recording nothing is to come. */
static void nothing_is_waited_for_in_a_replay(void **state)
{
    (void)state;
    const struct view_ops *const two[] = {&view_cores, &view_counters};
    for (size_t i = 0; i < sizeof two / sizeof *two; i++) {
        struct fixture *fixture = fixture_new("empty");
        fixture->scene.is_replay = true;
        char *text = drawn_text(fixture, two[i], 100, 30);
        assert_non_null(strstr(text, "nothing was seen here"));
        assert_null(strstr(text, "waiting"));
        free(text);
        fixture_free(fixture);
    }
}

/* Nothing runs and nothing is idle: the tasks wait for the answer to a question. */
static void held_tasks_are_ready(void **state)
{
    (void)state;
    static const struct {
        bool lecture;
        int rows;
    } cases[] = {{false, 30}, {true, 30}, {true, 20}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *fixture = fixture_new("empty");
        fixture->scene.n_held = 3;
        fixture->scene.lecture = cases[i].lecture;
        char *text = drawn_text(fixture, &view_cores, 100, cases[i].rows);
        assert_non_null(strstr(text, "3 tasks at the gate: the run waits for your answer"));
        assert_true(cases[i].lecture || strstr(text, "READY"));
        assert_null(strstr(text, "waiting for the first events"));
        free(text);
        fixture_free(fixture);
    }
}

/* Who is blocked may well wait for something that the one that runs has: only of a core nobody waits for it.
 */
static void alone_among_blocked_tasks_is_told(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new("deadlock");
    struct viewport *vp = &fixture->scene.viewport;
    vp->start_ns += 600100 * NS_PER_US;
    vp->known_ns = vp->start_ns + 1800 * NS_PER_US;
    vp->col_ns = 20 * NS_PER_US;
    char *text = drawn_text(fixture, &view_cores, 120, 36);
    assert_non_null(strstr(text, "ALONE"));
    assert_non_null(strstr(text, "one of 2 tasks runs, the rest is blocked: nobody waits for a core"));
    free(text);
    fixture_free(fixture);
}

/* What waits at the gate has no length: the reference is seen on its own scale. */
static void a_run_that_has_not_begun_is_not_compared(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new("compare");
    fixture->runs[1].start_ns = fixture->runs[1].end_ns = 0;
    fixture->runs[1].complete = false;
    char *text = drawn_text(fixture, &view_compare, 120, 36);
    assert_non_null(strstr(text, "this run has not begun"));
    assert_non_null(strstr(text, "4 tasks on 2 cores, not begun"));
    assert_null(strstr(text, "goes on"));
    assert_non_null(strstr(text, " 180 ms"));
    free(text);
    fixture_free(fixture);
}

static void other_work_gains_nothing(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new("compare");
    struct scene *scene = &fixture->scene;
    scene->works_differ = true;
    scene->reference_work = scene->compared_work = "interleave";
    fixture->runs[1].n_tasks = 5;
    fixture->runs[1].work_ns = 10 * NS_PER_MS;
    char *text = drawn_text(fixture, &view_compare, 120, 36);
    assert_non_null(strstr(text, " not the same work: 4 tasks of 50.0 ms against 5 tasks of 10.0 ms "));
    assert_null(strstr(text, "faster"));
    assert_null(strstr(text, "2.00×"));
    assert_non_null(strstr(text, " 96.1 ms"));
    free(text);
    scene->compared_work = "sleep";
    scene->lecture = true;
    text = drawn_text(fixture, &view_compare, 120, 36);
    assert_non_null(strstr(text, " not the same work: interleave against sleep "));
    free(text);
    fixture_free(fixture);
}

static void clicks_find_rows_and_times(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new("mixed");
    struct canvas canvas;
    canvas_init(&canvas, 100, 30);
    for (int v = 0; v < 3; v++) {
        struct rect rect = {0, 1, 100, 24};
        unsigned row = 99, found = 0;
        uint64_t t;
        fixture_draw(fixture, views[v], &canvas);
        for (int y = 0; y < 30; y++)
            if (views[v]->hit(&fixture->scene, rect, 50, y, &row, &t)) {
                found |= 1u << row;
                assert_true(y > 0 && row < views[v]->n_rows(&fixture->scene));
                if (v < 2)
                    assert_true(t > fixture->scene.viewport.start_ns && t < fixture->scene.viewport.known_ns);
            }
        assert_int_equal(found, (1u << views[v]->n_rows(&fixture->scene)) - 1);
    }
    assert_false(view_counters.hit(&fixture->scene, (struct rect){0, 1, 100, 24}, 5, 5, &(unsigned){0},
                                   &(uint64_t){0}));
    canvas_fini(&canvas);
    fixture_free(fixture);
}

static void tables_sort(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new("mixed");
    for (int column = 0; column < view_table_n_columns(); column++)
        for (int reverse = 0; reverse < 2; reverse++) {
            unsigned seen = 0;
            fixture->scene.sort_column = column;
            fixture->scene.sort_reverse = reverse;
            for (unsigned row = 0; row < fixture->scene.n_rows; row++)
                seen |= 1u << view_table_task(&fixture->scene, row);
            assert_int_equal(seen, (1u << fixture->scene.n_rows) - 1);
        }
    assert_true(view_table_task(&fixture->scene, 1000) == TIMELINE_NO_TASK);
    fixture_free(fixture);
}

/* All that a dialog says can be read, by scrolling, whatever the size of the screen. */
static void narrow_dialogs_lose_no_word(void **state)
{
    (void)state;
    static const char *const words[] = {"pinned", "core", "kernel", "chooses)", "Shift-Tab", "before"};
    const struct dialog_line lines[] = {
        {.left = "Cores and tasks", .is_heading = true},
        {.left = "m", .right = "pinned (task i on core i mod k) or free (the kernel chooses)"},
        {.left = "Shift-Tab", .right = "the view before"},
    };
    struct fixture *fixture = fixture_new("interleave");
    for (int cols = 20; cols < 100; cols += 3) {
        bool found[sizeof words / sizeof *words] = {false};
        struct canvas canvas;
        canvas_init(&canvas, cols, 6);
        for (unsigned top = 0; top < 20; top++) {
            unsigned first = top;
            size_t size;
            char *text;
            view_dialog(&fixture->scene, &canvas,
                        &(struct dialog){
                            .title = "Keys", .lines = lines, .n_lines = 3, .selected = -1, .first = &first});
            FILE *out = open_memstream(&text, &size);
            canvas_to_text(&canvas, out);
            fclose(out);
            for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                found[i] |= strstr(text, words[i]) != NULL;
            free(text);
        }
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            assert_true(found[i]);
        canvas_fini(&canvas);
    }
    fixture_free(fixture);
}

/* A list that does not fit tells how many rows lie on either side of it, and they add up. */
static void lists_tell_what_does_not_fit(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new("mixed");
    struct scene *scene = &fixture->scene;
    for (int v = 0; v < 3; v++) {
        const struct rect rect = {0, 0, 80, v == 0 ? 4 : 6};
        struct canvas canvas;
        canvas_init(&canvas, rect.cols, rect.rows);
        scene->scroll = 1;
        unsigned fit = views[v]->n_fit(scene, rect), all = views[v]->n_rows(scene), below, above;
        assert_true(1 + fit < all);
        views[v]->draw(scene, &canvas, rect);
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        canvas_to_text(&canvas, out);
        fclose(out);
        const char *line = strstr(text, " more below");
        assert_non_null(line);
        while (line > text && line[-1] >= '0' && line[-1] <= '9')
            line--;
        assert_int_equal(sscanf(line, "%u more below (Down), %u above (Up)", &below, &above), 2);
        assert_int_equal(above, 1);
        assert_int_equal(above + fit + below, all);
        free(text);
        canvas_fini(&canvas);
    }
    fixture_free(fixture);
}

static void dialogs_scroll_and_inspectors_fit(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new("interleave");
    struct dialog_line lines[40] = {0};
    struct slice slice;
    for (int i = 0; i < 40; i++)
        snprintf(lines[i].left, sizeof lines[i].left, "key %d", i);
    for (int rows = 6; rows < 60; rows += 9) {
        struct canvas canvas;
        unsigned first = 1000;
        canvas_init(&canvas, rows * 3, rows);
        view_dialog(&fixture->scene, &canvas,
                    &(struct dialog){.title = "Keys",
                                     .footer = "Esc: close",
                                     .lines = lines,
                                     .n_lines = 40,
                                     .selected = -1,
                                     .first = &first});
        assert_true(first < 40);
        view_dialog(&fixture->scene, &canvas,
                    &(struct dialog){.title = "Keys", .lines = lines, .n_lines = 40, .selected = 39});
        assert_true(
            timeline_cpu_slice(fixture->tl, 0, fixture->scene.viewport.start_ns + 40 * NS_PER_MS, 0, &slice));
        view_inspect(&fixture->scene, &canvas, (struct rect){0, 1, canvas.cols, rows / 2}, &slice,
                     TIMELINE_NO_TASK);
        check_cells(&canvas, false);
        canvas_fini(&canvas);
    }
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_texts),
        cmocka_unit_test(every_size_is_drawn_whole),
        cmocka_unit_test(any_zoom_is_drawn_whole),
        cmocka_unit_test(colours_and_borders_of_a_lane),
        cmocka_unit_test(holes_and_the_unknown_are_not_idle),
        cmocka_unit_test(words_are_by_number),
        cmocka_unit_test(nothing_is_waited_for_in_a_replay),
        cmocka_unit_test(held_tasks_are_ready),
        cmocka_unit_test(alone_among_blocked_tasks_is_told),
        cmocka_unit_test(a_run_that_has_not_begun_is_not_compared),
        cmocka_unit_test(other_work_gains_nothing),
        cmocka_unit_test(clicks_find_rows_and_times),
        cmocka_unit_test(tables_sort),
        cmocka_unit_test(narrow_dialogs_lose_no_word),
        cmocka_unit_test(lists_tell_what_does_not_fit),
        cmocka_unit_test(dialogs_scroll_and_inspectors_fit),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
