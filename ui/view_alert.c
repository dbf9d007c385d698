/* What goes wrong: a deadlock that cannot be overlooked, with its cycle drawn; warnings as calm lines. */
#include "../src/export/export.h"
#include "view_lanes.h"

#include <stdio.h>
#include <string.h>

#define BIG_ROWS 26 /* rows of a screen with room for big letters */

/* ---- the cycle ---- */

/* A station of the cycle: a task, or the lock that it wants. */
struct station {
    bool is_task;
    uint32_t task;
    char lock[64];
};

#define ARROW_COLS 5 /* " --> " */

static void make_station(const struct scene *scene, unsigned i, struct station *station)
{
    const struct alert *alert = scene->deadlock;
    struct wait_object object = {0};
    char name[EVENT_NAME_SIZE * 4 + 1] = "?";
    station->is_task = i % 2 == 0;
    station->task = alert->tasks[i / 2];
    if (!station->is_task && waits_object(timeline_waits(scene->tl), alert->objects[i / 2], &object))
        export_safe_name(object.name, name, sizeof name);
    if (!station->is_task && object.kind_known && object.kind == OBJECT_JOIN)
        snprintf(station->lock, sizeof station->lock, "waits for the end of");
    else
        snprintf(station->lock, sizeof station->lock, "mutex %.50s", name);
}

static int draw_station(struct canvas *canvas, struct faces *faces, const struct station *station, int x,
                        int y, int max_cols)
{
    if (station->is_task)
        return view_chip(canvas, faces, station->task, x, y, max_cols, true);
    int cols = canvas_text_cols(station->lock);
    if (cols > max_cols)
        return 0;
    if (canvas)
        canvas_text(canvas, x, y, max_cols, PAINT_STRONG, PAINT_KEEP, CELL_BOLD, station->lock);
    return cols;
}

static void draw_arrow(const struct scene *scene, struct canvas *canvas, int x, int y)
{
    const struct glyphs *g = scene->glyphs;
    canvas_put(canvas, x + 1, y, g->box_h, PAINT_ALERT, PAINT_KEEP, 0);
    canvas_put(canvas, x + 2, y, g->box_h, PAINT_ALERT, PAINT_KEEP, 0);
    canvas_put(canvas, x + 3, y, g->arrow_right, PAINT_ALERT, PAINT_KEEP, 0);
}

static int chain_cols(const struct scene *scene, struct faces *faces)
{
    int cols = 0;
    for (unsigned i = 0; i < 2 * scene->deadlock->n; i++) {
        struct station station;
        make_station(scene, i, &station);
        cols += draw_station(NULL, faces, &station, 0, 0, 1000) + ARROW_COLS;
    }
    return cols - ARROW_COLS;
}

/* The whole cycle as a loop: the last lock leads back to the first task by a line under all of them. */
static void draw_loop(const struct scene *scene, struct canvas *canvas, struct faces *faces, int x, int y,
                      int cols)
{
    const struct glyphs *g = scene->glyphs;
    int left = x, right = x + 5 + cols + 3;
    canvas_put(canvas, left, y, g->box_tl, PAINT_ALERT, PAINT_KEEP, 0);
    canvas_put(canvas, left, y + 1, g->box_bl, PAINT_ALERT, PAINT_KEEP, 0);
    draw_arrow(scene, canvas, left, y);
    x += 5;
    for (unsigned i = 0; i < 2 * scene->deadlock->n; i++) {
        struct station station;
        make_station(scene, i, &station);
        if (i > 0) {
            draw_arrow(scene, canvas, x, y);
            x += ARROW_COLS;
        }
        x += draw_station(canvas, faces, &station, x, y, right - x);
    }
    for (x++; x < right; x++)
        canvas_put(canvas, x, y, g->box_h, PAINT_ALERT, PAINT_KEEP, 0);
    canvas_put(canvas, right, y, g->box_tr, PAINT_ALERT, PAINT_KEEP, 0);
    canvas_put(canvas, right, y + 1, g->box_br, PAINT_ALERT, PAINT_KEEP, 0);
    for (x = left + 1; x < right; x++)
        canvas_put(canvas, x, y + 1, g->box_h, PAINT_ALERT, PAINT_KEEP, 0);
}

/* One after the other over the rows there are, and the first task again at the end; of a cycle that is too
 * long its beginning, and how many more there are. */
static void draw_chain(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                       struct rect rect)
{
    const unsigned n = 2 * scene->deadlock->n;
    int x = rect.x, y = rect.y, end = rect.x + rect.cols, bottom = rect.y + rect.rows;
    for (unsigned i = 0; i <= n; i++) {
        struct station station;
        char rest[48] = "";
        make_station(scene, i % n, &station);
        int arrow = i > 0 ? ARROW_COLS : 0, need = draw_station(NULL, faces, &station, 0, 0, rect.cols);
        if (i < n)
            snprintf(rest, sizeof rest, " ... %u more", (n - i + 1) / 2);
        bool last_row = y + 1 >= bottom;
        if (x + arrow + need + (last_row ? (int)strlen(rest) : 0) > end) {
            if (last_row) {
                canvas_text(canvas, x, y, end - x, PAINT_FAINT, PAINT_KEEP, 0, rest);
                return;
            }
            x = rect.x;
            y++;
        }
        if (arrow) {
            draw_arrow(scene, canvas, x, y);
            x += ARROW_COLS;
        }
        x += draw_station(canvas, faces, &station, x, y, end - x);
    }
}

/* ---- the band ---- */

int view_alert_rows(const struct scene *scene, int rows_of_screen)
{
    if (!scene->deadlock)
        return 0;
    if (rows_of_screen >= BIG_ROWS || (scene->lecture && rows_of_screen >= 20))
        return 8;
    return rows_of_screen >= 16 ? 4 : rows_of_screen >= 9 ? 2 : rows_of_screen >= 4 ? 1 : 0;
}

static void what_it_means(const struct scene *scene, char *buf, size_t size)
{
    char time[32];
    uint64_t now = scene->at_ns, since = scene->deadlock->since_ns;
    const unsigned n = scene->deadlock->n;
    export_duration(now > since ? now - since : 0, time, sizeof time);
    if (n == 1)
        snprintf(buf, size, "a task waits for itself, for %s", time);
    else
        snprintf(buf, size, "%u tasks wait for each other, for %s; none will ever go on", n, time);
}

static void draw_words(const struct scene *scene, struct canvas *canvas, int x, int y, int end)
{
    char text[128];
    const char *close = "Esc: close";
    what_it_means(scene, text, sizeof text);
    if (x + canvas_text_cols(text) > end)
        text[strcspn(text, ";")] = '\0';
    x += canvas_text(canvas, x, y, end - x, PAINT_ON_ALERT, PAINT_KEEP, CELL_BOLD, text) + 3;
    if (x + (int)strlen(close) <= end)
        canvas_text(canvas, end - (int)strlen(close), y, end - x, PAINT_ON_ALERT, PAINT_KEEP, 0, close);
}

/* Returns its rows. */
static int draw_band(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    const int x = rect.x + 2, end = rect.x + rect.cols - 2, big = view_big_cols("DEADLOCK", 1);
    const int rows = rect.rows >= 8 ? 4 : 1, middle = rect.y + rows / 2;
    canvas_fill(canvas, (struct rect){rect.x, rect.y, rect.cols, rows}, ' ', PAINT_ON_ALERT, PAINT_ALERT, 0);
    if (rows == 4 && big + 30 < rect.cols) {
        view_big_text(scene, canvas, x, rect.y + 1, big, 1, PAINT_ON_ALERT, PAINT_ALERT, "DEADLOCK");
        draw_words(scene, canvas, x + big + 3, middle, end);
        return rows;
    }
    int n = canvas_text(canvas, x, middle, end - x, PAINT_ON_ALERT, PAINT_KEEP, CELL_BOLD, "DEADLOCK");
    draw_words(scene, canvas, x + n + 3, middle, end);
    return rows;
}

static void draw_cycle(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    struct faces faces;
    faces_init(&faces, scene);
    int cols = chain_cols(scene, &faces);
    if (rect.rows >= 2 && cols + 10 <= rect.cols)
        draw_loop(scene, canvas, &faces, rect.x, rect.y, cols);
    else if (rect.rows >= 1)
        draw_chain(scene, canvas, &faces, rect);
    faces_fini(&faces);
}

void view_alert(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    if (rect.rows < 1 || !scene->deadlock)
        return;
    const int band = draw_band(scene, canvas, rect), air = rect.rows - band > 2;
    const int above = band == 4; /* a blank row under the big letters, and one under the cycle */
    draw_cycle(
        scene, canvas,
        (struct rect){rect.x + 2, rect.y + band + above, rect.cols - 4, rect.rows - band - above - air});
    view_to_ascii(scene, canvas, rect);
}

/* ---- warnings ---- */

int view_warning_rows(const struct scene *scene, int rows_of_screen)
{
    return rows_of_screen >= 16 ? (int)scene->n_warnings : 0;
}

void view_warnings(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    for (unsigned i = 0; i < scene->n_warnings && (int)i < rect.rows; i++) {
        char text[sizeof scene->warnings[i]->text * 4];
        int y = rect.y + (int)i;
        export_safe_name(scene->warnings[i]->text, text, sizeof text);
        canvas_put(canvas, rect.x + 1, y, scene->glyphs->mark, PAINT_WARN, PAINT_KEEP, CELL_BOLD);
        canvas_text(canvas, rect.x + 3, y, rect.cols - 4, PAINT_WARN, PAINT_KEEP, 0, text);
    }
    view_to_ascii(scene, canvas, rect);
}
