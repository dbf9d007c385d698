/* The screen as a text, where there is no screen. */
#include "picture.h"

#include "../src/clock.h"
#include "../src/err.h"
#include "app.h"
#include "draw.h"
#include "watching.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLS       120
#define ROWS       36
#define LEAST_COLS 40
#define LEAST_ROWS 12

/* The size of the terminal; false: it is none. */
static bool read_size(FILE *out, int *cols, int *rows)
{
    struct winsize size;
    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) != 0)
        return false;
    *cols = size.ws_col > LEAST_COLS ? size.ws_col : LEAST_COLS;
    *rows = size.ws_row > LEAST_ROWS ? size.ws_row : LEAST_ROWS;
    return true;
}

/* All of it fills the window; how wide that is, the first frame tells. */
static void draw_all(struct app *app)
{
    const struct timeline *tl = session_timeline(app->session);
    const struct run *run = session_current_run(app->session);
    draw_canvas(app, clock_now_ns());
    if (!app->tape.is_replay) {
        const uint64_t from_ns = run->start_ns ? run->start_ns : timeline_first_ns(tl);
        const uint64_t to_ns = run->end_ns ? run->end_ns : timeline_now_ns(tl);
        tape_show(app, from_ns, to_ns);
    }
    draw_canvas(app, clock_now_ns());
}

bool picture_write(const struct options *options, struct machine *machine, struct session *session,
                   struct lecture *lecture, FILE *out)
{
    struct options how = *options;
    const struct setup setup = {0};
    int cols = COLS, rows = ROWS;
    struct theme theme;
    const bool has_colours = read_size(out, &cols, &rows) && !getenv("NO_COLOR");
    how.ascii = options->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    theme_init(&theme, options->theme, has_colours ? DEPTH_TRUE : DEPTH_MONO);

    struct app *app = mem_new(1, sizeof *app);
    *app = (struct app){.options = &how,
                        .setup = &setup,
                        .machine = machine,
                        .session = session,
                        .depth = theme.depth,
                        .theme = theme.name};
    viewport_init(&app->viewport);
    canvas_init(&app->canvas, cols, rows);
    lectern_init(&app->lectern, lecture);
    app->scene.tl = session_timeline(session);
    tape_init(app);
    watching_init(app);
    draw_all(app);

    struct canvas shown = app->canvas;
    shown.rows--; /* without the keys, which do nothing here */
    if (has_colours)
        canvas_to_ansi(&shown, &theme, out);
    else
        canvas_to_text(&shown, out);
    canvas_fini(&app->canvas);
    lectern_fini(&app->lectern);
    watching_fini(app);
    scene_fini(app);
    free(app);
    return fflush(out) == 0;
}
