/* What is recorded and replayed, on the screen. */
#include "tape.h"

#include "../src/clock.h"
#include "../src/export/export.h"
#include "../src/record/file.h"
#include "app.h"
#include "draw.h"
#include "field.h"
#include "output.h"
#include "view_dialog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- replay ---- */

/* The lesson stands at the step that is shown: the one that was begun last before then. */
static void follow_steps(struct app *app, uint64_t t_ns)
{
    const struct lecture *lecture = app->lectern.lecture;
    unsigned step = 0;
    uint64_t begun_ns = 0;
    if (!lecture)
        return;
    for (unsigned i = 0; i < lecture_lesson(lecture)->n_steps; i++) {
        const uint64_t step_ns = lecture_step_ns(lecture, i);
        if (step_ns > begun_ns && step_ns <= t_ns) {
            step = i;
            begun_ns = step_ns;
        }
    }
    if (step != lecture_step(lecture))
        lectern_follow(app, step);
}

void tape_init(struct app *app)
{
    struct tape *tape = &app->tape;
    *tape = (struct tape){.is_replay = session_is_replay(app->session)};
    if (!tape->is_replay)
        return;
    session_replay_span(app->session, &tape->first_ns, &tape->last_ns);
    if (!tape->last_ns) /* nothing is in it; but 0 is no instant */
        tape->first_ns = tape->last_ns = 1;
    tape->play_ns = tape->shown_ns = tape->first_ns;
    app->resume_mode = MODE_SCOPE;
    if (session_reference(app->session) && session_comparison(app->session) != COMPARE_NONE)
        app->view = 4;
    follow_steps(app, tape->first_ns); /* it may have been recorded from a later one on */
    app->lectern.sets_time = app->lectern.lecture;
}

void tape_show(struct app *app, uint64_t from_ns, uint64_t to_ns)
{
    viewport_fit(&app->viewport, session_timeline(app->session), from_ns, to_ns);
    app->tape.shown_ns = tape_at_ns(app);
}

void tape_set_time(struct app *app)
{
    struct tape *tape = &app->tape;
    if (!tape->is_replay || tape->is_placed)
        return;
    tape->is_placed = true;
    tape_show(app, tape->first_ns, tape->last_ns);
}

static bool is_played(const struct app *app)
{
    return app->viewport.mode == MODE_SCOPE || app->viewport.mode == MODE_SCROLL;
}

uint64_t tape_at_ns(const struct app *app)
{
    const struct viewport *vp = &app->viewport;
    if (!app->tape.is_replay)
        return timeline_now_ns(session_timeline(app->session));
    return vp->mode == MODE_SLOW     ? vp->playhead_ns
           : vp->mode == MODE_PAUSED ? vp->cursor_ns
                                     : app->tape.play_ns;
}

/* From where it stood. A window that shows all of it would be empty at first, and still after that. */
static void begin_to_play(struct app *app)
{
    struct tape *tape = &app->tape;
    struct viewport *vp = &app->viewport;
    tape->play_ns = tape->shown_ns < tape->last_ns ? tape->shown_ns : tape->first_ns;
    vp->live_ns = tape->play_ns;
    if (viewport_span_ns(vp) > (tape->last_ns - tape->first_ns) / 2)
        viewport_set_span(vp, session_timeline(app->session), (uint64_t)vp->cols * NS_PER_MS);
}

void tape_turn(struct app *app)
{
    struct tape *tape = &app->tape;
    struct viewport *vp = &app->viewport;
    const uint64_t now = clock_now_ns();
    if (!tape->is_replay)
        return;
    const bool plays = is_played(app);
    if (plays && !tape->plays)
        begin_to_play(app);
    else if (plays)
        tape->play_ns += now - tape->moved_ns;
    tape->plays = plays;
    tape->moved_ns = now;
    if (tape->play_ns < tape->first_ns)
        tape->play_ns = tape->first_ns;
    if (tape->play_ns >= tape->last_ns) {
        tape->play_ns = tape->last_ns;
        if (plays) {
            viewport_show_end(vp, session_timeline(app->session), tape->last_ns);
            app_notice(app, false, "the end of the recording: Home goes to its beginning, Space plays it");
        }
    }
    vp->live_ns = tape->play_ns;
    vp->clock_ns = now;
    vp->first_ns = tape->first_ns;
    vp->last_ns = tape->last_ns;
    const uint64_t end_ns = vp->start_ns + viewport_span_ns(vp);
    const uint64_t at_ns = tape_at_ns(app);
    if (at_ns != tape->shown_ns) /* else the user goes from step to step */
        follow_steps(app, at_ns);
    tape->shown_ns = at_ns;
    app->dirty |= session_show(app->session, vp->start_ns, end_ns, tape->shown_ns);
    app->scene.tl = session_timeline(app->session); /* the one before may be gone */
}

/* ---- names of files ---- */

static const struct {
    const char *name, *ending, *help;
} formats[TAPE_N_FORMATS] = {
    [TAPE_SVG] = {"svg", "svg", "a figure for slides and handouts"},
    [TAPE_HTML] = {"html", "html", "a page that zooms, for any browser"},
    [TAPE_PERFETTO] = {"perfetto", "perfetto-trace", "a trace for ui.perfetto.dev and its SQL"},
    [TAPE_CSV] = {"csv", "csv", "a line for each slice: R, pandas, a spreadsheet"},
    [TAPE_JSON] = {"json", "json", "the report"},
    [TAPE_SQLITE] = {"sqlite", "sqlite", "a database: task, slice, switch, mark"},
    [TAPE_TEXT] = {"text", "txt", "this screen in plain characters"},
    [TAPE_ANSI] = {"ansi", "ans", "this screen with its colours, for a terminal"},
};

/* NAME-20261122-084500.ENDING: what is watched, without what a shell or a path would take for its own. The
 * second one within a second is -2. */
static void propose(const struct app *app, char *buf, size_t size, const char *ending)
{
    char date[32] = "", what[40];
    const time_t now = time(NULL);
    struct tm tm;
    size_t n = 0;
    const char *name = app->scene.info.workload.name ? app->scene.info.workload.name : "schedviz";
    for (; *name && n + 1 < sizeof what; name++) {
        const bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                           (*name >= '0' && *name <= '9') || *name == '-' || *name == '_';
        if (plain || (n > 0 && what[n - 1] != '-'))
            what[n++] = plain ? *name : '-';
    }
    what[n] = '\0';
    if (localtime_r(&now, &tm))
        strftime(date, sizeof date, "%Y%m%d-%H%M%S", &tm);
    snprintf(buf, size, "%s-%s.%s", *what ? what : "schedviz", date, ending);
    for (unsigned i = 2; output_exists(buf) && i < 100; i++)
        snprintf(buf, size, "%s-%s-%u.%s", *what ? what : "schedviz", date, i, ending);
}

static bool is_nameless(struct app *app)
{
    if (!*app->tape.name)
        app_notice(app, true, "the file has no name: type one");
    return !*app->tape.name;
}

/* Nothing is written over without being asked: the first Enter only says that it would be. */
static bool is_asked_first(struct app *app)
{
    struct tape *tape = &app->tape;
    char name[160];
    if (tape->replaces)
        return false;
    tape->replaces = true;
    export_safe_name(tape->name, name, sizeof name);
    app_notice(app, true, "%s is there: Enter again writes over it", name);
    return true;
}

/* ---- recording ---- */

static const struct {
    uint64_t ns;
    const char *name;
} pasts[] = {{0, "now on"},
             {10 * NS_PER_S, "10 s before now"},
             {60 * NS_PER_S, "1 min before now"},
             {UINT64_MAX, "the oldest that is kept"}};
#define N_PASTS (sizeof pasts / sizeof *pasts)

static uint64_t past_ns(const struct app *app, uint64_t ns)
{
    const uint64_t now = timeline_now_ns(session_timeline(app->session));
    return ns == 0 ? UINT64_MAX : ns < now ? now - ns : 0;
}

static char *size_text(uint64_t n, char *buf, size_t size)
{
    if (n < 1000)
        snprintf(buf, size, "%u bytes", (unsigned)n);
    else if (n < 1000000)
        snprintf(buf, size, "%.1f kB", (double)n / 1e3);
    else
        snprintf(buf, size, "%.1f MB", (double)n / 1e6);
    return buf;
}

/* The name alone, and few words: at 60 columns the line is read to its end. */
static void end_recording(struct app *app, bool is_past)
{
    struct session_recording recording;
    struct err err;
    char size[32], name[160], length[32];
    const bool good = session_record_end(app->session, &err);
    session_recording(app->session, &recording);
    export_safe_name(recording.path ? recording.path : "", name, sizeof name);
    size_text(recording.n_bytes, size, sizeof size);
    export_duration(recording.length_ns, length, sizeof length);
    if (!good)
        app_notice(app, true, "%s", err.msg);
    else if (is_past)
        app_notice(app, false, "kept %s in %s, %s", length, name, size);
    else
        app_notice(app, false, "recorded in %s, %s", name, size);
}

static bool is_refused(struct app *app)
{
    if (app->tape.is_replay)
        app_notice(app, false, "this is a recording already; X exports from it");
    return app->tape.is_replay;
}

void action_record(struct app *app, int unused)
{
    (void)unused;
    struct session_recording recording;
    if (is_refused(app))
        return;
    session_recording(app->session, &recording);
    if (recording.is_on) {
        end_recording(app, false);
        return;
    }
    app->tape.from = 0;
    app->tape.replaces = app->tape.is_typed = false;
    propose(app, app->tape.name, sizeof app->tape.name, "svz");
    app->dialog = DIALOG_RECORD;
}

void action_past(struct app *app, int unused)
{
    (void)unused;
    struct session_recording recording;
    struct err err;
    char name[TAPE_NAME_SIZE];
    if (is_refused(app))
        return;
    session_recording(app->session, &recording);
    if (recording.is_on) {
        app_notice(app, false, "all of this is being recorded: R ends it");
        return;
    }
    propose(app, name, sizeof name, "svz");
    if (session_record(app->session, name, false, past_ns(app, 10 * NS_PER_S), &err))
        end_recording(app, true);
    else
        app_notice(app, true, "%s", err.msg);
}

static void start_recording(struct app *app)
{
    struct tape *tape = &app->tape;
    struct err err;
    if (is_nameless(app))
        return;
    const enum file_name there = file_look(tape->name, &err);
    if (there == FILE_TAKEN && is_asked_first(app))
        return;
    if (there != FILE_REFUSED &&
        session_record(app->session, tape->name, tape->replaces, past_ns(app, pasts[tape->from].ns), &err)) {
        app->dialog = DIALOG_NONE;
        app_notice(app, false, "recording: R ends it");
        return;
    }
    app_notice(app, true, "%s", err.msg);
}

void tape_draw_record(struct app *app)
{
    const struct tape *tape = &app->tape;
    struct dialog_line lines[2] = {{.left = "file"}, {.left = "from"}};
    snprintf(lines[0].right, sizeof lines[0].right, "%.140s_", tape->name);
    snprintf(lines[1].right, sizeof lines[1].right, "%s", pasts[tape->from].name);
    view_dialog(&app->scene, &app->canvas,
                &(struct dialog){.title = "Record",
                                 .footer = "Enter: record   Tab: from when   Esc: leave it",
                                 .lines = lines,
                                 .n_lines = 2,
                                 .selected = -1});
}

/* ---- export ---- */

static void propose_export(struct app *app)
{
    struct tape *tape = &app->tape;
    tape->replaces = false;
    if (!tape->is_typed)
        propose(app, tape->name, sizeof tape->name, formats[tape->format].ending);
}

void action_export(struct app *app, int unused)
{
    (void)unused;
    app->tape.is_typed = false;
    propose_export(app);
    app->dialog = DIALOG_EXPORT;
}

/* What is on the screen without the dialog over it. */
static bool write_screen(struct app *app, bool colours, FILE *out)
{
    app->dialog = DIALOG_NONE;
    app->notice_until_ns = 0;
    draw_canvas(app, clock_now_ns());
    if (colours)
        canvas_to_ansi(&app->canvas, screen_theme(app->screen), out);
    else
        canvas_to_text(&app->canvas, out);
    app->dialog = DIALOG_EXPORT;
    return fflush(out) == 0;
}

static bool write_format(struct app *app, const struct report *report, const struct output *output,
                         struct err *err)
{
    const struct tape *tape = &app->tape;
    const struct timeline *tl = session_timeline(app->session);
    const struct viewport *vp = &app->viewport;
    struct export_window window = {0};
    bool good = false;
    if (!tape->all)
        window = (struct export_window){vp->start_ns, viewport_span_ns(vp)};
    switch ((enum tape_format)tape->format) {
    case TAPE_SVG:
        good = export_svg(report, tl, &window, output->stream);
        break;
    case TAPE_HTML:
        good = export_html(report, tl, &window, output->stream);
        break;
    case TAPE_PERFETTO:
        good = export_perfetto(report, tl, &window, output->stream);
        break;
    case TAPE_CSV:
        good = export_csv(report, tl, &window, output->stream);
        break;
    case TAPE_JSON:
        good = export_json(report, output->stream);
        break;
    case TAPE_SQLITE:
        return export_sqlite(report, tl, output->temporary, err);
    case TAPE_TEXT:
    case TAPE_ANSI:
        good = write_screen(app, tape->format == TAPE_ANSI, output->stream);
        break;
    case TAPE_N_FORMATS:
        break;
    }
    return good || err_set(err, "%s", strerror(errno));
}

static bool write_export(struct app *app, struct err *err)
{
    struct output output;
    struct report report;
    struct err why;
    if (!output_choose(&output, app->tape.name, app->tape.replaces, err))
        return false;
    report_init(&report, app->session, app->machine);
    report.lecture = app->lectern.lecture;
    const bool good = output_begin(&output, &why) && write_format(app, &report, &output, &why) &&
                      output_finish(&output, &why);
    report_fini(&report);
    output_fini(&output);
    return good || err_set(err, "%s: %s", app->tape.name, why.msg);
}

/* Of what the choice between the window and all of it makes no difference. */
static bool has_window(unsigned format)
{
    return format == TAPE_SVG || format == TAPE_HTML || format == TAPE_PERFETTO || format == TAPE_CSV;
}

/* Of a recording larger than memory, what is shown is in it, or only sums of that. */
static bool is_too_large(struct app *app)
{
    const struct tape *tape = &app->tape;
    const bool of_window = has_window(tape->format) && !tape->all;
    if (tape->format == TAPE_TEXT || tape->format == TAPE_ANSI ||
        session_has_slices(app->session, !of_window))
        return false;
    app_notice(app, true, "too large to be read here: %sschedviz -b -f %s -o FILE RECORDING",
               of_window ? "zoom in, or " : "", formats[tape->format].name);
    return true;
}

/* What is being recorded is not written over. */
static bool is_recorded_into(struct app *app)
{
    struct session_recording recording;
    session_recording(app->session, &recording);
    const bool is_same = recording.is_on && output_is_same(recording.path, app->tape.name);
    if (is_same)
        app_notice(app, true, "this file is being recorded: choose another name");
    return is_same;
}

/* The screen would stand still until somebody reads from a pipe, and a terminal is the screen's own. */
static bool is_no_file(struct app *app)
{
    char name[160];
    const bool is_stream = output_is_stream(app->tape.name);
    export_safe_name(app->tape.name, name, sizeof name);
    if (is_stream)
        app_notice(app, true, "%s: is no regular file: name a new one", name);
    return is_stream;
}

static void export_now(struct app *app)
{
    struct tape *tape = &app->tape;
    char name[160];
    struct err err;
    if (is_too_large(app) || is_nameless(app) || is_no_file(app) || is_recorded_into(app) ||
        (output_exists(tape->name) && is_asked_first(app)))
        return;
    if (write_export(app, &err)) {
        app->dialog = DIALOG_NONE;
        export_safe_name(tape->name, name, sizeof name);
        app_notice(app, false, "written: %s", name);
        return;
    }
    app_notice(app, true, "%s", err.msg);
}

void tape_draw_export(struct app *app)
{
    const struct tape *tape = &app->tape;
    struct dialog_line lines[TAPE_N_FORMATS + 3] = {0};
    unsigned n = 0;
    for (; n < TAPE_N_FORMATS; n++) {
        snprintf(lines[n].left, sizeof lines[n].left, "%s", formats[n].name);
        snprintf(lines[n].right, sizeof lines[n].right, "%s", formats[n].help);
    }
    n++;
    snprintf(lines[n].left, sizeof lines[n].left, "what");
    if (has_window(tape->format)) {
        char span[32];
        export_duration(viewport_span_ns(&app->viewport), span, sizeof span);
        snprintf(lines[n].right, sizeof lines[n].right, tape->all ? "all that is kept" : "the window: %s",
                 span);
    } else {
        snprintf(lines[n].right, sizeof lines[n].right,
                 tape->format == TAPE_TEXT || tape->format == TAPE_ANSI ? "the screen" : "all of the run");
    }
    n++;
    snprintf(lines[n].left, sizeof lines[n].left, "file");
    snprintf(lines[n++].right, sizeof lines[0].right, "%.140s_", tape->name);
    view_dialog(
        &app->scene, &app->canvas,
        &(struct dialog){.title = "Export",
                         .footer = "Up, Down: format   Tab: window, all   Enter: write   Esc: leave it",
                         .lines = lines,
                         .n_lines = n,
                         .selected = (int)tape->format});
}

/* ---- keys ---- */

static void choose(struct app *app, int direction)
{
    struct tape *tape = &app->tape;
    if (app->dialog == DIALOG_RECORD) {
        tape->from = (unsigned)((tape->from + (direction > 0 ? 1 : N_PASTS - 1)) % N_PASTS);
        return;
    }
    tape->format = (tape->format + (direction > 0 ? 1 : TAPE_N_FORMATS - 1)) % TAPE_N_FORMATS;
    propose_export(app);
}

bool tape_key(struct app *app, const struct screen_key *key)
{
    struct tape *tape = &app->tape;
    if (app->dialog != DIALOG_RECORD && app->dialog != DIALOG_EXPORT)
        return false;
    switch (key->kind) {
    case SCREEN_CHAR:
        field_type(tape->name, sizeof tape->name, key->ch);
        tape->is_typed = true;
        tape->replaces = false;
        break;
    case SCREEN_BACKSPACE:
        field_untype(tape->name);
        tape->is_typed = true;
        tape->replaces = false;
        break;
    case SCREEN_UP:
    case SCREEN_DOWN:
        choose(app, key->kind == SCREEN_DOWN ? 1 : -1);
        break;
    case SCREEN_TAB:
        if (app->dialog == DIALOG_EXPORT)
            tape->all = !tape->all;
        else
            choose(app, 1);
        break;
    case SCREEN_ENTER:
        if (app->dialog == DIALOG_RECORD)
            start_recording(app);
        else
            export_now(app);
        break;
    case SCREEN_ESCAPE:
        app->dialog = DIALOG_NONE;
        break;
    default:
        break;
    }
    return true;
}
