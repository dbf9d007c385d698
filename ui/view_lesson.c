/* The lesson pane: the text of a step, its question, and what the run revealed. */
#include "view_lesson.h"

#include "../src/export/export.h"
#include "view_lanes.h"
#include "wrap.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ROW_SIZE     512
#define AT_RIGHT_MIN 140 /* columns of a screen that has room for it beside the view */

/* Draws from y on downwards, only in the rows of clip; without a canvas it only measures. */
struct pen {
    const struct scene *scene;
    struct canvas *canvas;
    struct rect clip;
    int x, y, cols;
    int leading; /* blank rows after each row of running text */
    bool roomy;  /* blank rows between all parts */
};

static bool is_seen(const struct pen *pen, int y)
{
    return pen->canvas && y >= pen->clip.y && y < pen->clip.y + pen->clip.rows;
}

static void put(const struct pen *pen, int x, enum paint fg, unsigned attr, const char *text)
{
    if (is_seen(pen, pen->y))
        canvas_text(pen->canvas, x, pen->y, pen->x + pen->cols - x, fg, PAINT_KEEP, attr, text);
}

static void put_glyph(const struct pen *pen, int x, enum paint fg, char32_t glyph)
{
    if (is_seen(pen, pen->y))
        canvas_put(pen->canvas, x, pen->y, glyph, fg, PAINT_KEEP, CELL_BOLD);
}

/* Running text, the first row at indent, the others too. */
static void fill(struct pen *pen, int indent, enum paint fg, unsigned attr, const char *text)
{
    char row[ROW_SIZE];
    while (wrap_row(&text, pen->cols - indent, row, sizeof row)) {
        put(pen, pen->x + indent, fg, attr, row);
        pen->y += 1 + (*row ? pen->leading : 0);
    }
}

static void fill_format(struct pen *pen, int indent, enum paint fg, unsigned attr, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void fill_format(struct pen *pen, int indent, enum paint fg, unsigned attr, const char *format, ...)
{
    char text[ROW_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fill(pen, indent, fg, attr, text);
}

/* A blank row, but not two. */
static void space(struct pen *pen)
{
    pen->y += pen->leading ? 0 : 1;
}

static void space_if_roomy(struct pen *pen)
{
    if (pen->roomy)
        space(pen);
}

static const struct lesson_step *step_of(const struct lesson_pane *pane)
{
    return &pane->lesson->steps[pane->step];
}

/* As export_figure() has it, but large whole numbers to be read by their thousands. */
static char *figure_text(double value, const char *unit, char *buf, size_t size)
{
    char count[32], one[48];
    if (value != floor(value) || fabs(value) < 10000 || fabs(value) > 1e15)
        return export_figure(value, unit, buf, size);
    const char *behind = export_figure(1, unit, one, sizeof one) + 1; /* the unit as it stands behind a 1 */
    snprintf(buf, size, "%s%s", view_exact_count((int64_t)value, count, sizeof count), behind);
    return buf;
}

/* A unit without its figure: export_figure() writes 142/s, not 142 1/s. */
static const char *unit_text(const char *unit)
{
    return strncmp(unit, "1/", 2) == 0 ? unit + 1 : unit;
}

/* ---- the question ---- */

static bool is_asked_later(const struct lesson_pane *pane, unsigned i)
{
    return pane->state == LECTURE_ASKS && pane->question >= 0 && (int)i >= pane->question;
}

static char *prediction_text(const struct lecture_answer *answer, char *buf, size_t size)
{
    const struct lesson_measure *measure = answer->measure;
    if (!measure->n_choices)
        return figure_text(answer->prediction, measure->unit, buf, size);
    const unsigned i = answer->prediction >= 0 ? (unsigned)answer->prediction : 0;
    snprintf(buf, size, "%s", i < measure->n_choices ? measure->choices[i].text : "");
    return buf;
}

/* What was predicted so far, while it is not known yet. */
static void draw_predictions(struct pen *pen, const struct lesson_pane *pane)
{
    char text[96];
    for (unsigned i = 0; i < step_of(pane)->n_measures; i++) {
        const struct lecture_answer *answer = pane->answers[i];
        if (!answer->is_predicted || is_asked_later(pane, i))
            continue;
        put_glyph(pen, pen->x, PAINT_ACCENT, pen->scene->glyphs->arrow_right);
        fill_format(pen, 2, PAINT_TEXT, 0, "%s: you predict %s", answer->measure->label,
                    prediction_text(answer, text, sizeof text));
    }
}

static void draw_field(struct pen *pen, const struct lesson_pane *pane)
{
    const struct lesson_measure *measure = &step_of(pane)->measures[pane->question];
    const char *label = measure->n_choices ? "your choice" : "your answer";
    int x = pen->x + 2 + (int)strlen(label) + 1, cols = 12;
    put(pen, pen->x + 2, PAINT_FAINT, 0, label);
    if (is_seen(pen, pen->y)) {
        canvas_fill(pen->canvas, (struct rect){x, pen->y, cols, 1}, ' ', PAINT_TEXT, PAINT_BAR, 0);
        int n = canvas_text(pen->canvas, x + 1, pen->y, cols - 2, PAINT_STRONG, PAINT_BAR, CELL_BOLD,
                            pane->typed);
        canvas_put(pen->canvas, x + 1 + n, pen->y, U'_', PAINT_ACCENT, PAINT_BAR, CELL_BOLD);
    }
    x += cols + 1;
    if (!measure->n_choices && *measure->unit)
        x += 1 + (is_seen(pen, pen->y) ? canvas_text(pen->canvas, x, pen->y, pen->x + pen->cols - x,
                                                     PAINT_TEXT, PAINT_KEEP, 0, unit_text(measure->unit))
                                       : 0);
    const char *hint = "Enter: answer   Esc: run without";
    if (x + 1 + (int)strlen(hint) > pen->x + pen->cols) {
        pen->y++;
        x = pen->x + 1;
    }
    put(pen, x + 1, PAINT_FAINT, 0, hint);
    pen->y++;
}

static void draw_question(struct pen *pen, const struct lesson_pane *pane)
{
    const struct lesson_measure *measure = &step_of(pane)->measures[pane->question];
    put(pen, pen->x, PAINT_ACCENT, CELL_BOLD, "?");
    fill(pen, 2, PAINT_STRONG, CELL_BOLD, measure->question);
    space_if_roomy(pen);
    for (unsigned i = 0; i < measure->n_choices; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", i + 1);
        bool chosen = strcmp(pane->typed, number) == 0;
        put(pen, pen->x + 2, PAINT_ACCENT, CELL_BOLD, number);
        fill(pen, 5, chosen ? PAINT_ACCENT : PAINT_TEXT, chosen ? CELL_BOLD : 0, measure->choices[i].text);
    }
    space_if_roomy(pen);
    draw_field(pen, pane);
}

/* ---- the run ---- */

static void draw_progress(struct pen *pen, const struct lesson_pane *pane)
{
    const char *text = pane->passed < 0 ? "it runs until all its tasks have ended" : "it runs";
    int cols = pen->cols / 3 < 24 ? pen->cols / 3 : 24, x = pen->x;
    if (pane->passed >= 0 && cols >= 6) {
        if (is_seen(pen, pen->y))
            view_bar(pen->scene, pen->canvas, x, pen->y, cols, pane->passed, PAINT_ACCENT);
        x += cols + 2;
    }
    put(pen, x, PAINT_FAINT, 0, text);
    pen->y++;
}

/* ---- what was revealed ---- */

struct table {
    int label_cols, value_cols;
};

static char *value_text(const struct lecture_answer *answer, char *buf, size_t size)
{
    if (!answer->is_measured) {
        snprintf(buf, size, "-");
        return buf;
    }
    return figure_text(answer->value, answer->measure->unit, buf, size);
}

static struct table table_of(const struct pen *pen, const struct lesson_pane *pane)
{
    struct table table = {0};
    for (unsigned i = 0; i < step_of(pane)->n_measures; i++) {
        char value[64];
        int label = canvas_text_cols(step_of(pane)->measures[i].label);
        int cols = canvas_text_cols(value_text(pane->answers[i], value, sizeof value));
        table.label_cols = label > table.label_cols ? label : table.label_cols;
        table.value_cols = cols > table.value_cols ? cols : table.value_cols;
    }
    /* Where there is room for details behind the value, long labels leave it to them. */
    int most = pen->cols >= 70 ? pen->cols * 2 / 5 : pen->cols - 4 - table.value_cols;
    most = most > 8 ? most : 8;
    table.label_cols = table.label_cols < most ? table.label_cols : most;
    return table;
}

/* What was measured of a disturbed run says nothing about a prediction. */
static bool is_judged(const struct lesson_pane *pane, const struct lecture_answer *answer)
{
    return answer->is_measured && !answer->is_disturbed && !pane->is_changed;
}

static enum paint verdict_paint(const struct lesson_pane *pane, const struct lecture_answer *answer,
                                enum paint wrong)
{
    return !is_judged(pane, answer) ? PAINT_FAINT : answer->is_right ? PAINT_GOOD : wrong;
}

/* "predicted 2: wrong", and of choices, which one it is. */
static void prediction_details(const struct lesson_pane *pane, const struct lecture_answer *answer, char *buf,
                               size_t size)
{
    const struct lesson_measure *measure = answer->measure;
    char predicted[96];
    const char *verdict = answer->is_right ? "right" : "wrong";
    buf[0] = '\0';
    if (!is_judged(pane, answer)) {
        if (answer->is_predicted)
            snprintf(buf, size, "predicted %s", prediction_text(answer, predicted, sizeof predicted));
        return;
    }
    if (answer->is_predicted)
        snprintf(buf, size, "predicted %s: %s", prediction_text(answer, predicted, sizeof predicted),
                 verdict);
    if (measure->n_choices && answer->right_choice >= 0 && !answer->is_right)
        snprintf(buf + strlen(buf), size - strlen(buf), "%s%s",
                 *buf ? "; it is: " : "it is: ", measure->choices[answer->right_choice].text);
}

/* A number of the lesson's author: as few digits as it has, with the unit as figures have it. */
static char *bound_text(double bound, const char *unit, char *buf, size_t size)
{
    char figure[48];
    figure_text(bound, unit, figure, sizeof figure);
    if (bound == floor(bound) || fabs(bound) >= 100)
        snprintf(buf, size, "%s", figure);
    else
        snprintf(buf, size, "%.3g%s", bound, figure + strspn(figure, "-0123456789.,"));
    return buf;
}

static void bounds_details(const struct lecture_answer *answer, char *buf, size_t size)
{
    char lo[48], hi[48];
    const char *unit = answer->measure->unit;
    const char *words = answer->is_inside ? "expected" : "outside what is expected:";
    if (answer->lo == answer->hi)
        snprintf(buf, size, "%s %s", words, bound_text(answer->lo, unit, lo, sizeof lo));
    else
        snprintf(buf, size, "%s %s to %s", words, bound_text(answer->lo, "", lo, sizeof lo),
                 bound_text(answer->hi, unit, hi, sizeof hi));
}

#define DISTURBED_TEXT "disturbed: not judged; r runs it again"

/* Behind the value when it fits there, else in rows of its own. */
static void draw_details(struct pen *pen, int *x, enum paint fg, const char *text)
{
    if (!*text)
        return;
    int cols = canvas_text_cols(text);
    if (*x + cols <= pen->x + pen->cols) {
        put(pen, *x, fg, 0, text);
        *x += cols + 3;
        return;
    }
    pen->y++;
    char row[ROW_SIZE];
    while (wrap_row(&text, pen->cols - 4, row, sizeof row)) {
        put(pen, pen->x + 4, fg, 0, row);
        *x = pen->x + 4 + canvas_text_cols(row) + 3;
        pen->y += *text != '\0';
    }
}

static void draw_verdict(struct pen *pen, const struct lesson_pane *pane, const struct lecture_answer *answer)
{
    const struct glyphs *g = pen->scene->glyphs;
    if (answer->is_measured && !is_judged(pane, answer))
        put_glyph(pen, pen->x, PAINT_FAINT, g->bullet);
    else if (answer->is_predicted && answer->is_measured)
        put_glyph(pen, pen->x, answer->is_right ? PAINT_GOOD : PAINT_ALERT,
                  answer->is_right ? g->check : g->cross);
}

/* Lecture size: the figure in letters for the last row, when there is room. */
static bool draw_big_value(struct pen *pen, const struct lesson_pane *pane,
                           const struct lecture_answer *answer, const char *value)
{
    char number[32];
    const int length = (int)strspn(value, "-0123456789.,");
    snprintf(number, sizeof number, "%.*s", length, value);
    int cols = view_big_cols(number, 1);
    const char *unit = value + length + strspn(value + length, " ");
    if (cols + 24 > pen->cols)
        return false;
    draw_verdict(pen, pane, answer);
    if (is_seen(pen, pen->y) && is_seen(pen, pen->y + 2))
        view_big_text(pen->scene, pen->canvas, pen->x + 2, pen->y, cols, 1,
                      answer->is_predicted ? verdict_paint(pane, answer, PAINT_ALERT) : PAINT_STRONG,
                      PAINT_KEEP, number);
    int x = pen->x + 2 + cols + 2;
    pen->y++;
    put(pen, x, PAINT_STRONG, CELL_BOLD, unit);
    put(pen, x + (*unit ? canvas_text_cols(unit) + 2 : 0), PAINT_TEXT, CELL_BOLD, answer->measure->label);
    pen->y++;
    char text[256];
    prediction_details(pane, answer, text, sizeof text);
    put(pen, x, verdict_paint(pane, answer, PAINT_TEXT), 0, text);
    if (answer->is_disturbed && !pane->is_changed)
        put(pen, x + (*text ? canvas_text_cols(text) + 3 : 0), PAINT_WARN, 0, DISTURBED_TEXT);
    pen->y += 2;
    return true;
}

static void draw_answer(struct pen *pen, const struct lesson_pane *pane, const struct lecture_answer *answer,
                        const struct table *table)
{
    char value[64], text[256], row[ROW_SIZE];
    const char *label = answer->measure->label;
    value_text(answer, value, sizeof value);
    if (pen->leading && answer->measure->question && answer->is_measured &&
        draw_big_value(pen, pane, answer, value))
        return;
    draw_verdict(pen, pane, answer);
    while (wrap_row(&label, table->label_cols, row, sizeof row)) {
        put(pen, pen->x + 2, PAINT_TEXT, 0, row);
        pen->y += *label != '\0';
    }
    int x = pen->x + 2 + table->label_cols + 2;
    put(pen, x + table->value_cols - canvas_text_cols(value), PAINT_STRONG, CELL_BOLD, value);
    x += table->value_cols + 3;
    if (!answer->is_measured) {
        draw_details(pen, &x, PAINT_FAINT, *answer->why ? answer->why : "not measured");
    } else {
        prediction_details(pane, answer, text, sizeof text);
        draw_details(pen, &x, verdict_paint(pane, answer, PAINT_TEXT), text);
        if (answer->is_disturbed && !pane->is_changed)
            draw_details(pen, &x, PAINT_WARN, DISTURBED_TEXT);
        if (answer->has_bounds && (!pen->leading || !answer->is_inside)) {
            bounds_details(answer, text, sizeof text);
            draw_details(pen, &x, answer->is_inside ? PAINT_FAINT : PAINT_WARN, text);
        }
    }
    pen->y++;
}

static void draw_rule(struct pen *pen, const struct lesson_pane *pane)
{
    const int top = pen->y;
    fill(pen, 2, PAINT_STRONG, CELL_BOLD, step_of(pane)->rule);
    for (int y = top; y < pen->y - pen->leading; y++)
        if (is_seen(pen, y))
            canvas_put(pen->canvas, pen->x, y, pen->scene->glyphs->playhead, PAINT_ACCENT, PAINT_KEEP,
                       CELL_BOLD);
}

static void draw_revealed(struct pen *pen, const struct lesson_pane *pane)
{
    const struct table table = table_of(pen, pane);
    if (pane->is_changed && step_of(pane)->n_measures)
        fill(pen, 0, PAINT_WARN, 0, "changed by hand while it ran: not judged; r runs it again");
    for (unsigned i = 0; i < step_of(pane)->n_measures; i++) {
        draw_answer(pen, pane, pane->answers[i], &table);
        space_if_roomy(pen);
    }
    if (!step_of(pane)->rule)
        return;
    if (step_of(pane)->n_measures && !pen->roomy)
        pen->y++;
    draw_rule(pen, pane);
}

/* ---- all of a step ---- */

static bool has_outcome(const struct lesson_pane *pane)
{
    const struct lesson_step *step = step_of(pane);
    return step->n_measures > 0 || step->rule;
}

/* Draws the step. Returns the row, from its beginning, that must be seen in the state it is in. */
static int draw_step(struct pen *pen, const struct lesson_pane *pane)
{
    const struct lesson_step *step = step_of(pane);
    const int top = pen->y;
    if (step->text)
        fill(pen, 0, pen->leading ? PAINT_STRONG : PAINT_TEXT, 0, step->text);
    if (pane->step == 0 && pane->lesson->watch && *pane->lesson->watch) {
        char text[ROW_SIZE];
        snprintf(text, sizeof text, "Watch: %s", pane->lesson->watch);
        space_if_roomy(pen);
        fill(pen, 0, PAINT_ACCENT, 0, text);
    }
    if (*pane->note)
        space_if_roomy(pen);
    if (*pane->note)
        fill(pen, 0, PAINT_WARN, 0, pane->note);
    const int outcome = pen->y - top;
    switch (pane->state) {
    case LECTURE_ASKS:
        space(pen);
        draw_predictions(pen, pane);
        if (pane->question >= 0)
            draw_question(pen, pane);
        return pen->y - top;
    case LECTURE_RUNS:
        space(pen);
        draw_predictions(pen, pane);
        draw_progress(pen, pane);
        return 0;
    case LECTURE_MEASURED:
        if (has_outcome(pane)) {
            space(pen);
            draw_revealed(pen, pane);
        }
        return outcome;
    }
    return 0;
}

/* ---- the pane ---- */

int view_lesson_cols(int cols)
{
    if (cols < AT_RIGHT_MIN)
        return 0;
    return cols * 3 / 10 < 46 ? 46 : cols * 3 / 10 < 66 ? cols * 3 / 10 : 66;
}

static int step_rows(const struct scene *scene, const struct lesson_pane *pane, int cols, int leading,
                     bool roomy)
{
    int most = 0;
    for (int state = LECTURE_ASKS; state <= LECTURE_MEASURED; state++) {
        struct lesson_pane as = *pane;
        struct pen pen = {.scene = scene, .cols = cols, .leading = leading, .roomy = roomy};
        as.state = (enum lecture_state)state;
        if (state == LECTURE_ASKS && as.question < 0)
            for (unsigned i = step_of(pane)->n_measures; i-- > 0;)
                as.question = step_of(pane)->measures[i].question ? (int)i : as.question;
        draw_step(&pen, &as);
        most = pen.y > most ? pen.y : most;
    }
    return most;
}

#define MARGIN 1 /* columns on either side */

int view_lesson_rows(const struct scene *scene, const struct lesson_pane *pane, int cols, int rows)
{
    const int most = rows / 2, text_cols = cols - 2 * MARGIN - 1;
    int need = 1 + step_rows(scene, pane, text_cols, scene->lecture, false);
    if (most < 3)
        return 0;
    if (need > most && scene->lecture)
        need = 1 + step_rows(scene, pane, text_cols, 0, false);
    return need < most ? need + 1 : most; /* a blank row under the title */
}

static void progress_text(const struct lesson_pane *pane, bool with_title, char *buf, size_t size)
{
    snprintf(buf, size, "%s%sstep %u of %u", with_title ? pane->lesson->title : "", with_title ? " · " : "",
             pane->step + 1, pane->lesson->n_steps);
}

static void score_text(const struct lesson_pane *pane, char *buf, size_t size)
{
    buf[0] = '\0';
    if (pane->n_predicted)
        snprintf(buf, size, "right: %u of %u", pane->n_right, pane->n_predicted);
}

/* A rule across the screen that carries the title: returns the rows used. */
static int draw_head_under(struct canvas *canvas, struct rect rect, const struct lesson_pane *pane)
{
    char progress[128], score[48];
    int x = rect.x + 1, end = rect.x + rect.cols - 1;
    canvas_fill(canvas, (struct rect){rect.x, rect.y, rect.cols, 1}, ' ', PAINT_TEXT, PAINT_BAR, 0);
    score_text(pane, score, sizeof score);
    if (*score) {
        end -= canvas_text_cols(score);
        canvas_text(canvas, end, rect.y, rect.cols, PAINT_ACCENT, PAINT_KEEP, CELL_BOLD, score);
        end -= 3;
    }
    const char *title = step_of(pane)->title;
    progress_text(pane, true, progress, sizeof progress);
    if (x + canvas_text_cols(title) + 3 + canvas_text_cols(progress) > end)
        progress_text(pane, false, progress, sizeof progress);
    end -= canvas_text_cols(progress);
    x += canvas_text(canvas, x, rect.y, end - 2 - x, PAINT_STRONG, PAINT_KEEP, CELL_BOLD, title);
    if (x + 2 <= end)
        canvas_text(canvas, end, rect.y, rect.cols, PAINT_FAINT, PAINT_KEEP, 0, progress);
    return 1;
}

static int draw_head_at_right(const struct scene *scene, struct canvas *canvas, struct rect rect,
                              const struct lesson_pane *pane)
{
    char progress[128], score[48];
    struct pen pen = {
        .scene = scene, .canvas = canvas, .clip = rect, .x = rect.x, .y = rect.y, .cols = rect.cols};
    pen.y += rect.rows > 20;
    score_text(pane, score, sizeof score);
    progress_text(pane, true, progress, sizeof progress);
    put(&pen, pen.x, PAINT_FAINT, 0, progress);
    if (canvas_text_cols(progress) + 2 + canvas_text_cols(score) <= rect.cols)
        view_right(canvas, rect.x, pen.y, rect.cols, PAINT_ACCENT, CELL_BOLD, score);
    pen.y += 1 + (rect.rows > 20);
    fill(&pen, 0, PAINT_STRONG, CELL_BOLD, step_of(pane)->title);
    return pen.y + (rect.rows > 12) - rect.y;
}

/* Where the text stands by itself, moved by what was scrolled. */
static int first_row(const struct lesson_pane *pane, int needed, int all, int fit)
{
    const int last = all > fit ? all - fit : 0;
    int home = pane->state == LECTURE_ASKS ? needed - fit : needed;
    home = home < 0 ? 0 : home > last ? last : home;
    *pane->scroll = *pane->scroll < -home ? -home : *pane->scroll;
    *pane->scroll = *pane->scroll > last - home ? last - home : *pane->scroll;
    return home + *pane->scroll;
}

static void draw_body(const struct scene *scene, struct canvas *canvas, struct rect rect,
                      const struct lesson_pane *pane, bool at_right)
{
    const int cols = rect.cols - 1;
    const bool airy = scene->lecture && step_rows(scene, pane, cols, 1, false) <= rect.rows;
    const bool roomy = at_right && step_rows(scene, pane, cols, airy, true) <= rect.rows;
    struct pen pen = {.scene = scene, .cols = cols, .leading = airy, .roomy = roomy};
    const int needed = draw_step(&pen, pane), all = pen.y;
    const int first = first_row(pane, needed, all, rect.rows);
    pen = (struct pen){.scene = scene,
                       .canvas = canvas,
                       .clip = rect,
                       .x = rect.x,
                       .y = rect.y - first,
                       .cols = cols,
                       .leading = airy,
                       .roomy = roomy};
    draw_step(&pen, pane);
    if (first > 0)
        canvas_put(canvas, rect.x + rect.cols - 1, rect.y, scene->glyphs->arrow_up, PAINT_FAINT, PAINT_KEEP,
                   0);
    if (first + rect.rows < all)
        canvas_put(canvas, rect.x + rect.cols - 1, rect.y + rect.rows - 1, scene->glyphs->arrow_down,
                   PAINT_FAINT, PAINT_KEEP, 0);
}

void view_lesson(const struct scene *scene, struct canvas *canvas, struct rect rect,
                 const struct lesson_pane *pane, bool at_right)
{
    struct rect inner = {rect.x + MARGIN, rect.y, rect.cols - 2 * MARGIN, rect.rows};
    if (rect.rows < 2 || inner.cols < 10)
        return;
    if (at_right) {
        for (int y = rect.y; y < rect.y + rect.rows; y++)
            canvas_put(canvas, rect.x, y, scene->glyphs->vline, PAINT_OFF, PAINT_BACK, 0);
        inner.x += 1;
        inner.cols -= 1;
    }
    const int head =
        at_right ? draw_head_at_right(scene, canvas, inner, pane) : draw_head_under(canvas, rect, pane);
    inner.y += head;
    inner.rows -= head;
    if (!at_right && step_rows(scene, pane, inner.cols - 1, scene->lecture, false) < inner.rows) {
        inner.y++;
        inner.rows--;
    }
    draw_body(scene, canvas, inner, pane, at_right);
    view_to_ascii(scene, canvas, rect);
}
