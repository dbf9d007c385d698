/* The lesson pane: each state of a step drawn to text and held against golden files, every size drawn whole,
 * all of its text within reach. UPDATE_GOLDEN=1 rewrites the files. */
#include "view_fixture.h"

#include "../../ui/view_lesson.h"
#include "../../ui/wrap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a lesson ---- */

static struct lesson_measure measures[] = {
    {.label = "times as fast",
     .formula = {.text = "speedup"},
     .unit = "",
     .lo = {.text = "1"},
     .hi = {.text = "2"},
     .question = "The same work on two cores. How many times as fast is it done?"},
    {.label = "switches",
     .formula = {.text = "switches"},
     .unit = "1/s",
     .question = "And how many switches are there?",
     .choices = {{.text = "more than before"}, {.text = "about as many"}, {.text = "none at all"}},
     .n_choices = 3},
    {.label = "additions that were expected of all four tasks together",
     .formula = {.text = "sum"},
     .unit = ""},
    {.label = "a switch costs", .formula = {.text = "switch_cost"}, .unit = "us"},
};

static struct lesson_step steps[] = {
    {.title = "On one core", .text = "Four tasks take turns.\n", .no_run = true},
    {.title = "On two cores",
     .text = "Half a second of work for each of four tasks, now\non two cores. Each core has two of "
             "them\nand they "
             "take turns there.\n\nLook at the lanes by core: both are full.\n",
     .rule = "As many run at once as there are cores; the others wait.",
     .measures = measures,
     .n_measures = 4},
};

static struct lesson lesson = {
    .title = "Parallel", .summary = "more cores", .watch = "both lanes", .steps = steps, .n_steps = 2};

/* ---- what is known of it ---- */

struct state {
    const char *name;
    unsigned step;
    enum lecture_state state;
    int question;
    const char *typed;
    double passed;
};

static const struct state states[] = {
    {"text", 0, LECTURE_MEASURED, -1, "", 1}, {"asks", 1, LECTURE_ASKS, 0, "1.", 0},
    {"chooses", 1, LECTURE_ASKS, 1, "2", 0},  {"runs", 1, LECTURE_RUNS, -1, "", 0.4},
    {"endless", 1, LECTURE_RUNS, -1, "", -1}, {"revealed", 1, LECTURE_MEASURED, -1, "", 1},
};
enum { N_STATES = sizeof states / sizeof *states };

static const struct lecture_answer answers[4] = {
    {.measure = &measures[0],
     .is_predicted = true,
     .prediction = 2,
     .is_measured = true,
     .value = 1.94,
     .has_bounds = true,
     .is_inside = true,
     .lo = 1,
     .hi = 2,
     .right_choice = -1,
     .is_right = true},
    {.measure = &measures[1],
     .is_predicted = true,
     .prediction = 2,
     .is_measured = true,
     .value = 502,
     .has_bounds = true,
     .lo = 0.5,
     .hi = 100,
     .right_choice = 1},
    {.measure = &measures[2], .is_measured = true, .value = 20000000, .right_choice = -1},
    {.measure = &measures[3],
     .why = "needs perf: tasks that time themselves see no switch cost",
     .right_choice = -1},
};

struct fixture_pane {
    struct fixture *fixture;
    struct lesson_pane pane;
    const struct lecture_answer *answers[4];
    int scroll;
};

static void pane_init(struct fixture_pane *f, const struct state *state)
{
    f->fixture = fixture_new("interleave");
    f->scroll = 0;
    for (int i = 0; i < 4; i++)
        f->answers[i] = &answers[i];
    f->pane = (struct lesson_pane){.lesson = &lesson,
                                   .step = state->step,
                                   .state = state->state,
                                   .question = state->question,
                                   .typed = state->typed,
                                   .note = state->step ? "made for 4 cores; this machine lets us use 2" : "",
                                   .answers = f->answers,
                                   .passed = state->passed,
                                   .n_right = 1,
                                   .n_predicted = state->state == LECTURE_MEASURED ? 2 : 1,
                                   .scroll = &f->scroll};
}

static void pane_fini(struct fixture_pane *f)
{
    fixture_free(f->fixture);
}

/* At the right on a wide canvas, else at the bottom of it. */
static void pane_draw(struct fixture_pane *f, struct canvas *canvas)
{
    struct scene *scene = &f->fixture->scene;
    int cols = view_lesson_cols(canvas->cols);
    canvas_clear(canvas);
    if (cols) {
        struct rect rect = {canvas->cols - cols, 1, cols, canvas->rows - 2};
        view_lesson(scene, canvas, rect, &f->pane, true);
        return;
    }
    int rows = view_lesson_rows(scene, &f->pane, canvas->cols, canvas->rows);
    assert_true(rows <= canvas->rows / 2);
    view_lesson(scene, canvas, (struct rect){0, canvas->rows - 1 - rows, canvas->cols, rows}, &f->pane,
                false);
}

static char *canvas_text_of(const struct canvas *canvas)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    canvas_to_text(canvas, out);
    fclose(out);
    return text;
}

/* ---- golden texts ---- */

struct golden {
    const char *state;
    int cols, rows;
    bool ascii, mono, lecture;
};

static const struct state *find_state(const char *name)
{
    for (int i = 0; i < N_STATES; i++)
        if (strcmp(states[i].name, name) == 0)
            return &states[i];
    fail_msg("no state %s", name);
    return NULL;
}

static char *read_file(const char *path)
{
    char *text = calloc(1, 1 << 16);
    FILE *in = fopen(path, "r");
    if (in) {
        size_t n = fread(text, 1, (1 << 16) - 1, in);
        text[n] = '\0';
        fclose(in);
    }
    return text;
}

static void check_golden(const struct golden *g)
{
    char path[512];
    const char *srcdir = getenv("srcdir");
    struct fixture_pane f;
    struct canvas canvas;
    pane_init(&f, find_state(g->state));
    f.fixture->scene.glyphs = g->ascii ? &glyphs_ascii : &glyphs_unicode;
    f.fixture->scene.mono = g->mono;
    f.fixture->scene.lecture = g->lecture;
    canvas_init(&canvas, g->cols, g->rows);
    pane_draw(&f, &canvas);
    char *text = canvas_text_of(&canvas);
    snprintf(path, sizeof path, "%s/tests/data/golden/lesson-%s-%dx%d%s%s%s.txt", srcdir ? srcdir : ".",
             g->state, g->cols, g->rows, g->ascii ? "-ascii" : "", g->mono ? "-mono" : "",
             g->lecture ? "-lecture" : "");
    if (getenv("UPDATE_GOLDEN")) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
    }
    char *expected = read_file(path);
    if (strcmp(expected, text) != 0)
        print_message("# %s differs; this was drawn:\n%s\n", path, text);
    assert_string_equal(text, expected);
    free(expected);
    free(text);
    canvas_fini(&canvas);
    pane_fini(&f);
}

static void golden_texts(void **state)
{
    (void)state;
    const struct golden all[] = {
        {.state = "text", .cols = 80, .rows = 24},
        {.state = "asks", .cols = 80, .rows = 24},
        {.state = "asks", .cols = 80, .rows = 24, .ascii = true},
        {.state = "chooses", .cols = 120, .rows = 36},
        {.state = "chooses", .cols = 200, .rows = 60},
        {.state = "runs", .cols = 80, .rows = 24},
        {.state = "endless", .cols = 120, .rows = 36},
        {.state = "revealed", .cols = 80, .rows = 24},
        {.state = "revealed", .cols = 80, .rows = 24, .ascii = true},
        {.state = "revealed", .cols = 120, .rows = 36, .mono = true},
        {.state = "revealed", .cols = 120, .rows = 60, .lecture = true},
        {.state = "revealed", .cols = 160, .rows = 50},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check_golden(&all[i]);
}

/* ---- promises ---- */

static void every_size_is_drawn_whole(void **state)
{
    (void)state;
    static const int sizes[][2] = {{20, 6},  {21, 8},   {30, 9},   {40, 12},  {60, 17},
                                   {80, 24}, {139, 40}, {140, 10}, {200, 60}, {300, 100}};
    for (int s = 0; s < N_STATES; s++)
        for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++)
            for (int setting = 0; setting < 4; setting++) {
                struct fixture_pane f;
                struct canvas canvas;
                pane_init(&f, &states[s]);
                f.fixture->scene.glyphs = setting & 1 ? &glyphs_ascii : &glyphs_unicode;
                f.fixture->scene.lecture = setting & 2;
                canvas_init(&canvas, sizes[z][0], sizes[z][1]);
                pane_draw(&f, &canvas);
                for (int i = 0; i < canvas.cols * canvas.rows; i++) {
                    const struct cell *cell = &canvas.cells[i];
                    assert_true(cell->fg < N_PAINTS && cell->fg != PAINT_KEEP && cell->bg != PAINT_KEEP);
                    assert_true(!(setting & 1) || cell->ch < 0x7f);
                }
                canvas_fini(&canvas);
                pane_fini(&f);
            }
}

/* The lanes stand still while a step goes from its question to its answers. */
static void height_is_that_of_the_step(void **state)
{
    (void)state;
    for (int cols = 30; cols < 140; cols += 7) {
        int rows[N_STATES];
        for (int s = 1; s < N_STATES; s++) {
            struct fixture_pane f;
            pane_init(&f, &states[s]);
            rows[s] = view_lesson_rows(&f.fixture->scene, &f.pane, cols, 60);
            assert_int_equal(rows[s], rows[1]);
            pane_fini(&f);
        }
    }
}

/* By scrolling, whatever the size; and what the state is about is seen without. */
static void no_word_is_lost(void **state)
{
    (void)state;
    static const char *const words[] = {"Half", "lanes", "full.",      "machine",    "fast",   "predicted",
                                        "1.94", "502/s", "20,000,000", "themselves", "others", "wait."};
    const int sizes[][2] = {{40, 12}, {60, 16}, {80, 24}, {150, 20}};
    for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++) {
        bool found[sizeof words / sizeof *words] = {false};
        struct fixture_pane f;
        struct canvas canvas;
        pane_init(&f, find_state("revealed"));
        canvas_init(&canvas, sizes[z][0], sizes[z][1]);
        for (int scroll = -60; scroll < 60; scroll++) {
            f.scroll = scroll;
            pane_draw(&f, &canvas);
            char *text = canvas_text_of(&canvas);
            for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                found[i] |= strstr(text, words[i]) != NULL;
            free(text);
            assert_true(f.scroll > -60 && f.scroll < 59);
        }
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (!found[i])
                fail_msg("%s is not to be seen at %dx%d", words[i], sizes[z][0], sizes[z][1]);
        canvas_fini(&canvas);
        pane_fini(&f);
    }
}

static void the_question_is_seen_at_once(void **state)
{
    (void)state;
    for (int rows = 16; rows < 40; rows += 4) {
        struct fixture_pane f;
        struct canvas canvas;
        pane_init(&f, find_state("chooses"));
        canvas_init(&canvas, 80, rows);
        pane_draw(&f, &canvas);
        char *text = canvas_text_of(&canvas);
        assert_non_null(strstr(text, "none at all"));
        assert_non_null(strstr(text, "your choice"));
        free(text);
        canvas_fini(&canvas);
        pane_fini(&f);
    }
}

static char *drawn_text(struct fixture_pane *f)
{
    struct canvas canvas;
    canvas_init(&canvas, 120, 60);
    pane_draw(f, &canvas);
    char *text = canvas_text_of(&canvas);
    canvas_fini(&canvas);
    return text;
}

/* Neither right nor wrong: by the lecture's word, or because keys changed the run. */
static void what_was_disturbed_is_not_judged(void **state)
{
    (void)state;
    struct fixture_pane f;
    pane_init(&f, find_state("revealed"));
    struct lecture_answer disturbed = answers[1];
    disturbed.is_disturbed = true;
    f.answers[1] = &disturbed;
    char *text = drawn_text(&f);
    assert_non_null(strstr(text, "disturbed: not judged; r runs it again"));
    assert_non_null(strstr(text, "predicted 2: right"));
    assert_null(strstr(text, "wrong"));
    free(text);

    f.answers[1] = &answers[1];
    f.pane.is_changed = true;
    text = drawn_text(&f);
    assert_non_null(strstr(text, "changed by hand while it ran: not judged"));
    assert_non_null(strstr(text, "predicted 2"));
    assert_null(strstr(text, "right   "));
    assert_null(strstr(text, ": right\n"));
    assert_null(strstr(text, "wrong"));
    free(text);
    pane_fini(&f);
}

static void bounds_have_the_unit_of_the_figure(void **state)
{
    (void)state;
    struct fixture_pane f;
    pane_init(&f, find_state("revealed"));
    struct lecture_answer answer = answers[1];
    answer.lo = 82.6;
    answer.hi = 258;
    f.answers[1] = &answer;
    char *text = drawn_text(&f);
    assert_non_null(strstr(text, "82.6 to 258/s"));
    free(text);
    pane_fini(&f);
}

/* A lesson that says nothing of what to watch. */
static void no_label_stands_alone(void **state)
{
    (void)state;
    static char empty[] = "";
    char *const watches[] = {NULL, empty};
    const struct lesson with = lesson;
    for (int i = 0; i < 2; i++) {
        struct fixture_pane f;
        pane_init(&f, find_state("text"));
        struct lesson without = with;
        without.watch = watches[i];
        f.pane.lesson = &without;
        char *text = drawn_text(&f);
        assert_non_null(strstr(text, "Four tasks take turns."));
        assert_null(strstr(text, "Watch"));
        free(text);
        pane_fini(&f);
    }
}

static void text_is_filled(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int cols;
        const char *rows[8];
    } cases[] = {
        {"one two\nthree four\n", 9, {"one two", "three", "four"}},
        {"one\n\n\ntwo\n\n", 20, {"one", "", "two"}},
        {"  indented", 20, {"indented"}},
        {"abcdefgh", 3, {"abc", "def", "gh"}},
        {"\u00e4\u00f6\u00fc\u00e4\u00f6", 2, {"\u00e4\u00f6", "\u00fc\u00e4", "\u00f6"}},
        {"ab", 0, {"a", "b"}},
        {"\n \n", 5, {NULL}},
        {"", 5, {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        char row[64];
        int n = 0;
        for (; wrap_row(&text, cases[i].cols, row, sizeof row); n++) {
            assert_true(n < 8 && cases[i].rows[n]);
            assert_string_equal(row, cases[i].rows[n]);
        }
        assert_true(n == 8 || !cases[i].rows[n]);
    }
}

/* A row that does not fit the buffer is cut between words, or in one that is too long: nothing is lost. */
static void short_buffers_are_enough(void **state)
{
    (void)state;
    const char *text = "a bb ccc dddd eeeee ffffff ggggggg hhhhhhhh";
    char row[8], all[64] = "";
    while (wrap_row(&text, 40, row, sizeof row))
        for (const char *c = row; *c; c++)
            if (*c != ' ')
                all[strlen(all)] = c[0];
    assert_string_equal(all, "abbcccddddeeeeeffffffggggggghhhhhhhh");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_texts),
        cmocka_unit_test(every_size_is_drawn_whole),
        cmocka_unit_test(height_is_that_of_the_step),
        cmocka_unit_test(no_word_is_lost),
        cmocka_unit_test(the_question_is_seen_at_once),
        cmocka_unit_test(what_was_disturbed_is_not_judged),
        cmocka_unit_test(bounds_have_the_unit_of_the_figure),
        cmocka_unit_test(no_label_stands_alone),
        cmocka_unit_test(text_is_filled),
        cmocka_unit_test(short_buffers_are_enough),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
