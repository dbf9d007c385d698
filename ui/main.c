/* schedviz: an oscilloscope for the Linux scheduler. Wiring and exit codes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "../src/export/export.h"
#include "app.h"
#include "batch.h"
#include "options.h"
#include "screen.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

static int complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

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

/* The report's file is opened before anything runs, so that a wrong name costs nobody a run; an existing file
 * is emptied only when there is a report to write into it. */
static FILE *open_output(const struct options *options, struct err *err)
{
    if (!options->output)
        return stdout;
    int fd = open(options->output, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out)
        err_set(err, "--output=%s: %s", options->output, strerror(errno));
    return out;
}

static int run_batch(const struct options *options, struct machine *machine)
{
    struct err err;
    FILE *out = open_output(options, &err);
    if (!out)
        return complain(EXIT_USAGE, "%s", err.msg);
    signals_open();
    struct session *session = session_start(&options->session, machine, &err);
    if (!session || !session_wait_started(session, &err)) {
        session_free(session);
        return complain(EXIT_FAILED, "%s", err.msg);
    }
    signals_guard(session);
    struct stat stat;
    if (options->output && fstat(fileno(out), &stat) == 0 && S_ISREG(stat.st_mode) &&
        ftruncate(fileno(out), 0) != 0)
        complain(EXIT_OK, "--output=%s: not emptied: %s", options->output, strerror(errno));
    int status = batch_run(options, machine, session, out);
    signals_guard(NULL);
    session_free(session);
    if (fclose(out) != 0 && status == EXIT_OK)
        status = complain(EXIT_FAILED, "the report could not be written: %s", strerror(errno));
    return status;
}

/* A terminal that cannot show UTF-8 gets ASCII. */
static void choose_glyphs(struct options *options)
{
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        options->ascii = true;
}

static int run_screen(struct options *options, struct machine *machine)
{
    struct err err;
    if (!isatty(STDOUT_FILENO))
        return complain(EXIT_USAGE,
                        "standard output is not a terminal: add --batch for a report without a screen");
    if (!isatty(STDIN_FILENO))
        return complain(
            EXIT_USAGE,
            "standard input is not a terminal, and keys come from there: add --batch for a report");
    choose_glyphs(options);
    const char *no_color = getenv("NO_COLOR"); /* no-color.org: any value but the empty one */
    bool mono = no_color && *no_color;
    struct screen_config config = {.theme = mono && !options->theme_given ? THEME_MONO : options->theme,
                                   .max_depth = mono ? DEPTH_MONO : DEPTH_TRUE,
                                   .mouse = !options->no_mouse,
                                   .ascii = options->ascii};
    signals_open();
    struct screen *screen = screen_open(&config, &err);
    if (!screen)
        return complain(EXIT_USAGE, "%s", err.msg);
    signals_guard(NULL);
    struct session *session = session_start(&options->session, machine, &err);
    if (!session) {
        screen_close(screen);
        return complain(EXIT_FAILED, "%s", err.msg);
    }
    signals_guard(session);
    int status = app_run(options, machine, session, screen);
    screen_close(screen);
    signals_guard(NULL);
    session_free(session);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    struct machine machine;
    struct err err;
    if (!options_read(&options, argc, argv, &err))
        return complain(EXIT_USAGE, "%s", err.msg);
    /* --ascii: no other character leaves the program, in a report as well. */
    if (!options.ascii)
        setlocale(LC_CTYPE, "");
    switch (options.action) {
    case ACTION_HELP:
        options_help(stdout);
        return EXIT_OK;
    case ACTION_VERSION:
        puts(PACKAGE_STRING);
        return EXIT_OK;
    case ACTION_LIST:
        options_list_lessons(stdout);
        return EXIT_OK;
    case ACTION_RUN:
        break;
    }
    if (!machine_load(&machine, &err))
        return complain(EXIT_FAILED, "%s", err.msg);
    int status;
    if (!options_choose_cpus(&options, &machine, &err))
        status = complain(EXIT_USAGE, "%s", err.msg);
    else
        status = options.batch ? run_batch(&options, &machine) : run_screen(&options, &machine);
    machine_fini(&machine);
    return status;
}
