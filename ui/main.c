/* schedviz: an oscilloscope for the Linux scheduler. Wiring and exit codes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "../src/export/export.h"
#include "../src/privilege.h"
#include "../src/session/trace.h"
#include "app.h"
#include "batch.h"
#include "options.h"
#include "output.h"
#include "screen.h"
#include "setup.h"
#include "signals.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_DEADLOCK, EXIT_OURS = 125 /* env(1) has these three */ };

static int complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of schedviz itself, wrong usage included, where the status otherwise is the command's. */
static int failed(const struct options *options, int status)
{
    return options->command ? EXIT_OURS : status;
}

/* The command's own status, as a shell has it; of one that was not executed as env(1) has it. */
static int command_status(const struct session *session)
{
    struct session_target target;
    if (!session_target(session, &target) || !target.is_command || !target.ended || !target.known)
        return EXIT_OK;
    return WIFSIGNALED(target.status) ? 128 + WTERMSIG(target.status) : WEXITSTATUS(target.status);
}

/* A command that could not be executed said nothing itself. */
static bool was_executed(const struct options *options, const struct session *session)
{
    struct session_target target;
    if (!session_target(session, &target) || !target.exec_error)
        return true;
    complain(EXIT_OURS, "%s: %s", options->command[0], strerror(target.exec_error));
    return false;
}

/* What the user typed may be part of the line: it commands no terminal. */
static int complain(int status, const char *format, ...)
{
    char line[1024], safe[sizeof line];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    export_safe_name(line, safe, sizeof safe);
    fprintf(stderr, "schedviz: %s\n", safe);
    return status;
}

/* From the first event on. */
static void record(const struct options *options, struct setup *setup)
{
    setup->session.record = options->record;
    setup->session.record_force = options->force;
}

/* That it could not be written on is a failure, and was told when it happened. */
static int end_batch_recording(const struct options *options, struct session *session, int status)
{
    struct session_recording recording;
    struct err err;
    session_recording(session, &recording);
    if (session_record_end(session, &err))
        return status;
    return recording.has_failed ? failed(options, EXIT_FAILED)
                                : complain(failed(options, EXIT_FAILED), "%s", err.msg);
}

static int report_batch(const struct options *options, struct setup *setup, struct machine *machine,
                        struct output *output)
{
    struct err err;
    signals_open();
    record(options, setup);
    struct session *session = session_start(&setup->session, machine, &err);
    if (!session || !session_wait_started(session, &err)) {
        session_free(session);
        return complain(failed(options, EXIT_FAILED), "%s", err.msg);
    }
    signals_guard(session);
    struct lecture *lecture = setup_lecture(setup, session, machine, false);
    session_tell_lecture(session, lecture);
    const enum batch_end end = batch_run(options, setup, session, lecture);
    int status = end == BATCH_DEADLOCK ? EXIT_DEADLOCK
                 : end == BATCH_FAILED ? failed(options, EXIT_FAILED)
                                       : command_status(session);
    if (was_executed(options, session) && !batch_report(options, machine, session, lecture, output, &err))
        status = complain(failed(options, EXIT_FAILED), "%s", err.msg);
    status = end_batch_recording(options, session, status);
    session_tell_lecture(session, NULL);
    signals_guard(NULL);
    lecture_free(lecture);
    session_free(session);
    return status;
}

/* ---- recordings ---- */

static void free_traces(struct trace **traces, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        trace_free(traces[i]);
}

/* machine is made, where this succeeds. */
static struct session *open_traces(const struct options *options, struct machine *machine, struct err *err)
{
    struct trace *traces[OPTIONS_MAX_TRACES];
    for (unsigned i = 0; i < options->n_traces; i++) {
        traces[i] = trace_open(options->traces[i], err);
        if (!traces[i]) {
            free_traces(traces, i);
            return NULL;
        }
    }
    const struct session_replay what = {.traces = traces,
                                        .n_traces = options->n_traces,
                                        .memory_bytes = options->memory_bytes,
                                        .by_window = !options->batch,
                                        .record = options->record,
                                        .force = options->force};
    return session_replay(&what, machine, err);
}

static int replay_batch(const struct options *options, struct output *output)
{
    struct machine machine = {0};
    struct err err;
    int status = EXIT_OK;
    struct session *session = open_traces(options, &machine, &err);
    if (!session)
        return complain(EXIT_FAILED, "%s", err.msg);
    struct lecture *lecture = setup_recorded_lecture(session);
    for (unsigned i = 0; i < options->n_traces; i++)
        if (session_replay_remark(session, i)[0])
            complain(EXIT_OK, "%s: %s", options->traces[i], session_replay_remark(session, i));
    if (!batch_report(options, &machine, session, lecture, output, &err))
        status = complain(EXIT_FAILED, "%s", err.msg);
    lecture_free(lecture);
    session_free(session);
    machine_fini(&machine);
    return status;
}

/* A wrong name for the report costs nobody a run. */
static int run_batch(const struct options *options, struct machine *machine)
{
    const char *prefix = options->output ? "--output=" : "";
    struct output output;
    struct setup setup;
    struct err err;
    if (options->format == FORMAT_SQLITE && output_is_stream(options->output))
        return complain(failed(options, EXIT_USAGE),
                        "--output=%s: a database needs a file, and this is a device or a pipe",
                        options->output);
    if (options->n_traces) {
        if (!output_choose(&output, options->output, options->force, &err))
            return complain(EXIT_FAILED, "%s%s", prefix, err.msg);
        const int status = replay_batch(options, &output);
        output_fini(&output);
        return status;
    }
    if (!setup_make(&setup, options, machine, false, &err))
        return complain(failed(options, EXIT_USAGE), "%s", err.msg);
    int status = failed(options, EXIT_FAILED);
    /* Standard output is the command's own. */
    const char *name = !options->output && options->command ? "/dev/stderr" : options->output;
    if (output_choose(&output, name, options->force, &err)) {
        status = report_batch(options, &setup, machine, &output);
        output_fini(&output);
    } else {
        complain(status, "%s%s", prefix, err.msg);
    }
    setup_fini(&setup);
    return status;
}

/* A terminal that cannot show UTF-8 gets ASCII. */
static void choose_glyphs(struct options *options)
{
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        options->ascii = true;
}

/* The recording gets its end while what it tells of is still there. */
static int end_session(const struct options *options, struct session *session, struct lecture *lecture,
                       int status)
{
    struct err err;
    if (!session_record_end(session, &err))
        status = complain(failed(options, EXIT_FAILED), "%s", err.msg);
    session_tell_lecture(session, NULL);
    lecture_free(lecture);
    session_free(session);
    return status;
}

/* One lesson after the other, as the user opens them; a name that cannot be opened leaves the one before. */
static int show(const struct options *options, struct setup *setup, struct machine *machine,
                struct screen *screen)
{
    struct err err;
    for (;;) {
        signals_guard(NULL);
        struct session *session = session_start(&setup->session, machine, &err);
        if (!session) {
            session_free(session);
            screen_close(screen);
            return complain(failed(options, EXIT_FAILED), "%s", err.msg);
        }
        signals_guard(session);
        struct lecture *lecture = setup_lecture(setup, session, machine, true);
        session_tell_lecture(session, lecture);
        struct app_end end = app_run(options, setup, machine, session, lecture, screen);
        signals_guard(NULL);
        const int status = end.deadlock ? EXIT_DEADLOCK
                           : end.failed ? failed(options, EXIT_FAILED)
                                        : command_status(session);
        if (!end.next) {
            screen_close(screen);
            was_executed(options, session);
        }
        const int ended = end_session(options, session, lecture, status);
        setup_fini(setup);
        if (!end.next)
            return ended;
        *setup = *end.next;
        free(end.next);
    }
}

/* A recording; a lesson that is opened from its list is run here and now. */
static int show_traces(const struct options *options, struct screen *screen)
{
    struct machine machine = {0};
    struct setup setup = {0};
    struct err err;
    struct session *session = open_traces(options, &machine, &err);
    if (!session) {
        screen_close(screen);
        return complain(EXIT_FAILED, "%s", err.msg);
    }
    struct lecture *lecture = setup_recorded_lecture(session);
    struct app_end end = app_run(options, &setup, &machine, session, lecture, screen);
    lecture_free(lecture);
    session_free(session);
    machine_fini(&machine);
    if (!end.next) {
        screen_close(screen);
        return EXIT_OK;
    }
    setup = *end.next;
    free(end.next);
    if (!machine_load(&machine, &err)) {
        screen_close(screen);
        return complain(EXIT_FAILED, "%s", err.msg);
    }
    const int status = show(options, &setup, &machine, screen);
    machine_fini(&machine);
    return status;
}

static int run_screen(struct options *options, struct machine *machine)
{
    struct setup setup = {0};
    struct err err;
    if (!isatty(STDOUT_FILENO))
        return complain(failed(options, EXIT_USAGE),
                        "standard output is not a terminal: add --batch for a report without a screen");
    if (!isatty(STDIN_FILENO))
        return complain(
            failed(options, EXIT_USAGE),
            "standard input is not a terminal, and keys come from there: add --batch for a report");
    choose_glyphs(options);
    if (!options->n_traces && !setup_make(&setup, options, machine, true, &err))
        return complain(failed(options, EXIT_USAGE), "%s", err.msg);
    const char *no_color = getenv("NO_COLOR"); /* no-color.org: any value but the empty one */
    bool mono = no_color && *no_color;
    struct screen_config config = {.theme = mono && !options->theme_given ? THEME_MONO : options->theme,
                                   .max_depth = mono ? DEPTH_MONO : DEPTH_TRUE,
                                   .mouse = !options->no_mouse,
                                   .ascii = options->ascii};
    signals_open();
    struct screen *screen = screen_open(&config, &err);
    if (!screen) {
        setup_fini(&setup);
        return complain(failed(options, EXIT_USAGE), "%s", err.msg);
    }
    if (options->n_traces)
        return show_traces(options, screen);
    record(options, &setup);
    return show(options, &setup, machine, screen);
}

int main(int argc, char **argv)
{
    struct options options;
    struct machine machine;
    struct err err;
    if (!privilege_begin(&err))
        return complain(EXIT_FAILED, "%s", err.msg);
    if (!options_read(&options, argc, argv, &err))
        return complain(failed(&options, EXIT_USAGE), "%s", err.msg);
    /* --ascii: no other character leaves the program, in a report as well. */
    if (!options.ascii)
        setlocale(LC_CTYPE, "");
    switch (options.action) {
    case ASKED_HELP:
        options_help(stdout);
        return EXIT_OK;
    case ASKED_VERSION:
        puts(PACKAGE_STRING);
        return EXIT_OK;
    case ASKED_LIST:
        options_list_lessons(stdout);
        return EXIT_OK;
    case ASKED_RUN:
        break;
    }
    if (!machine_load(&machine, &err))
        return complain(failed(&options, EXIT_FAILED), "%s", err.msg);
    int status = options.batch ? run_batch(&options, &machine) : run_screen(&options, &machine);
    machine_fini(&machine);
    return status;
}
