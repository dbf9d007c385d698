/* The command line: one table of options, read once. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "options.h"

#include "../src/clock.h"
#include "../src/lesson/catalogue.h"
#include "../src/session/trace.h"
#include "../src/workload/lesson.h"
#include "output.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

const struct option_row option_rows[] = {
    {'n', "tasks", "N", "start N tasks (4, or as the lesson has it)"},
    {'c', "cores", "N", "use the first N cores that may be used (1, or as the lesson has it)"},
    {'C', "cpu-list", "LIST", "use these CPUs, as 0,2-3"},
    {'k', "kind", "KIND", "thread, process or green: user-level threads (thread)"},
    {'m', "placement", "HOW", "pinned: task i on core i mod k; free: the kernel chooses (pinned)"},
    {'w', "work", "TIME", "each task computes for TIME of CPU, then ends (without end)"},
    {'d', "duration", "TIME", "end after TIME"},
    {'s', "source", "SOURCE", "who tells the switches: auto, perf, engine or proc (auto)"},
    {'p', "pid", "PID", "watch a running process, with its threads and descendants"},
    {'a', "all", NULL, "see all tasks of the machine on the cores (as root, or with cap_perfmon)"},
    {'b', "batch", NULL, "no screen: run to the end, then write a report (1 s without -w or -d)"},
    {'f', "format", "FORMAT", "text, json, csv, svg, html, perfetto, sqlite or screen (text)"},
    {'o', "output", "FILE", "write the report to FILE"},
    {'r', "record", "FILE", "record all that is seen into FILE"},
    {0, "force", NULL, "write over a FILE that exists"},
    {0, "memory", "SIZE", "keep at most SIZE of history, as 64M or 1G (256M)"},
    {'l', "list", NULL, "name the lessons"},
    {0, "exit-on-deadlock", NULL, "end with status 3 when tasks wait for each other in a ring"},
    {0, "theme", "THEME", "dark, light or mono (dark; mono where NO_COLOR is set)"},
    {0, "ascii", NULL, "draw with ASCII alone"},
    {'M', "no-mouse", NULL, "leave the mouse to the terminal"},
    {'h', "help", NULL, "show this"},
    {'V', "version", NULL, "show the version"},
};
const unsigned n_option_rows = sizeof option_rows / sizeof *option_rows;

enum { LONG_ONLY = 256 }; /* getopt_long's value of a row without a letter: LONG_ONLY + its index */

static bool parse_count(const char *text, const char *option, unsigned long most, unsigned *n,
                        struct err *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end || text[0] == '-' || text[0] == '+')
        return err_set(err, "--%s=%s: not a number; give one from 1 to %lu", option, text, most);
    if (errno || value < 1 || value > most)
        return err_set(err, "--%s=%s: give a number from 1 to %lu", option, text, most);
    *n = (unsigned)value;
    return true;
}

bool options_parse_time(const char *text, uint64_t *ns, struct err *err)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"", 1e9},   {"ns", 1},  {"us", 1e3},   {"\u00b5s", 1e3},
                 {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"m", 60e9}};
    char *end = NULL;
    bool number = (text[0] >= '0' && text[0] <= '9') || text[0] == '.';
    double value = number ? strtod(text, &end) : 0;
    for (size_t i = 0; number && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        value *= units[i].ns;
        if (!(value >= 1))
            return err_set(err, "a time of nothing: %s", text);
        if (value > 365.0 * 86400e9)
            return err_set(err, "longer than a year: %s", text);
        *ns = (uint64_t)(value + 0.5);
        return true;
    }
    return err_set(err, "not a time: %s; write it as 200us, 500ms, 2s, 3min or bare seconds", text);
}

static bool parse_size(const char *text, size_t *bytes, struct err *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    unsigned shift = 0;
    if (end != text && *end) {
        static const char units[3] = {'K', 'M', 'G'};
        const char *unit = memchr(units, *end & ~0x20, sizeof units);
        shift = unit ? 10u * (unsigned)(unit - units + 1) : 64;
        if (end[1] && strcasecmp(end + 1, "iB") != 0 && strcasecmp(end + 1, "B") != 0)
            shift = 64;
    }
    if (end == text || text[0] == '-' || shift == 64 || errno)
        return err_set(err, "--memory=%s: not a size; write it as 64M or 1G", text);
    if (value > (UINT64_C(1) << 40) >> shift || value << shift < (1u << 20))
        return err_set(err, "--memory=%s: give a size from 1M to 1024G", text);
    *bytes = (size_t)(value << shift);
    return true;
}

/* The index of text in a NULL-ended list of words, or -1 with a line that names them all. */
static int parse_word(const char *text, const char *option, const char *const *words, struct err *err)
{
    char list[160] = "";
    for (int i = 0; words[i]; i++) {
        if (strcmp(text, words[i]) == 0)
            return i;
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    }
    err_set(err, "--%s=%s: give %s", option, text, list);
    return -1;
}

static bool parse_kind(struct options *o, const char *text, struct err *err)
{
    static const char *const words[] = {"thread", "process", "green", NULL};
    int i = parse_word(text, "kind", words, err);
    o->kind = (enum task_kind)(i < 0 ? 0 : i);
    o->kind_given = true;
    return i >= 0;
}

static bool parse_format(struct options *o, const char *text, struct err *err)
{
    static const char *const words[] = {"text",     "json",   "csv",    "svg", "html",
                                        "perfetto", "sqlite", "screen", NULL};
    int i = parse_word(text, "format", words, err);
    o->format = (enum output_format)(i < 0 ? 0 : i);
    return i >= 0;
}

static bool named(struct err *err, const char *option)
{
    struct err inner = *err;
    return err_set(err, "--%s: %.250s", option, inner.msg);
}

static bool take_value(struct options *o, const struct option_row *row, const char *value, struct err *err)
{
    static const char *const placements[] = {"pinned", "free", NULL},
                             *const sources[] = {"auto", "perf", "engine", "proc", NULL},
                             *const themes[] = {"dark", "light", "mono", NULL};
    unsigned number = 0;
    int i;
    switch (row->letter) {
    case 'n':
        return parse_count(value, row->name, WORKLOAD_MAX_TASKS, &o->n_tasks, err);
    case 'c':
        return parse_count(value, row->name, CPUSET_MAX, &o->n_cores, err) ||
               err_set(err, "--cores=%.40s: give a number from 1 to %ld, the cores that are there", value,
                       sysconf(_SC_NPROCESSORS_ONLN));
    case 'C':
        o->cpus_given = true;
        return cpuset_parse(&o->cpus, value, err) || named(err, row->name);
    case 'k':
        return parse_kind(o, value, err);
    case 'm':
        i = parse_word(value, row->name, placements, err);
        o->placement = i == 1 ? PLACEMENT_FREE : PLACEMENT_PINNED;
        o->placement_given = true;
        return i >= 0;
    case 'w':
        return options_parse_time(value, &o->work_ns, err) || named(err, row->name);
    case 'd':
        return options_parse_time(value, &o->duration_ns, err) || named(err, row->name);
    case 's':
        i = parse_word(value, row->name, sources, err);
        o->source = (enum source_choice)(i < 0 ? 0 : i);
        return i >= 0;
    case 'f':
        return parse_format(o, value, err);
    case 'p':
        if (!parse_count(value, row->name, INT32_MAX, &number, err))
            return false;
        o->pid = (int)number;
        return true;
    case 'o':
        o->output = value;
        return *value || err_set(err, "--output: name a file");
    case 'r':
        o->record = value;
        return (*value && strcmp(value, "-") != 0) ||
               err_set(err, "--record=%s: a recording needs a file: name one", value);
    default:
        if (strcmp(row->name, "memory") == 0)
            return parse_size(value, &o->memory_bytes, err);
        i = parse_word(value, row->name, themes, err);
        o->theme = (enum theme_name)(i < 0 ? 0 : i);
        o->theme_given = true;
        return i >= 0;
    }
}

static void take_flag(struct options *o, const struct option_row *row)
{
    switch (row->letter) {
    case 'a':
        o->all = true;
        break;
    case 'b':
        o->batch = true;
        break;
    case 'l':
        o->action = ASKED_LIST;
        break;
    case 'M':
        o->no_mouse = true;
        break;
    case 'h':
        o->action = ASKED_HELP;
        break;
    case 'V':
        o->action = ASKED_VERSION;
        break;
    default:
        if (strcmp(row->name, "force") == 0)
            o->force = true;
        else if (strcmp(row->name, "exit-on-deadlock") == 0)
            o->exit_on_deadlock = true;
        else
            o->ascii = true;
    }
}

static bool take_traces(struct options *o, char *const *names, unsigned n, struct err *err)
{
    if (n > OPTIONS_MAX_TRACES)
        return err_set(err, "%s: at most two recordings at once", names[OPTIONS_MAX_TRACES]);
    for (unsigned i = 0; i < n; i++) {
        if (!trace_is_one(names[i]))
            return err_set(err, "%s: is no recording: beside %s goes another one", names[i], names[0]);
        o->traces[o->n_traces++] = names[i];
    }
    return true;
}

/* Those that are no command: n_before before the dashes. */
static bool take_operands(struct options *o, int argc, char **argv, bool dashes, int n_before,
                          struct err *err)
{
    if (dashes && n_before > 0 && trace_is_one(argv[optind]))
        return err_set(err, "%s: is a recording: either that or a command after --, not both", argv[optind]);
    if (dashes && n_before > 0)
        return err_set(err, "%s: either a lesson or a command after --, not both", argv[optind]);
    if (dashes && optind == argc)
        return err_set(err, "--: a command is missing after it");
    if (dashes || optind == argc)
        return true;
    if (trace_is_one(argv[optind]))
        return take_traces(o, argv + optind, (unsigned)(argc - optind), err);
    if (argc - optind > 1)
        return err_set(err, "%s: one lesson at a time; a command comes after --", argv[optind + 1]);
    o->lesson = argv[optind];
    return true;
}

/* A program that is watched is what it is. */
static bool check_program(const struct options *o, struct err *err)
{
    const char *what = o->n_tasks           ? "tasks"
                       : o->kind_given      ? "kind"
                       : o->placement_given ? "placement"
                                            : "work";
    if (o->command && o->pid)
        return err_set(err, "--pid and a command after --: one program at a time");
    if (o->pid && o->lesson)
        return err_set(err, "%s: either a lesson or --pid, not both", o->lesson);
    if (!o->command && !o->pid)
        return true;
    if (o->n_tasks || o->kind_given || o->placement_given || o->work_ns)
        return err_set(err, "--%s is for tasks that schedviz makes: a program that is watched makes its own",
                       what);
    if (o->source == SOURCE_ENGINE)
        return err_set(err, "--source=engine knows schedviz's own tasks alone: use auto, perf or proc");
    return true;
}

/* What happened, happened; only how it is shown can be chosen. */
static bool check_recording(const struct options *o, struct err *err)
{
    if (!o->n_traces)
        return true;
    const char *what = o->n_tasks                                     ? "tasks"
                       : o->n_cores                                   ? "cores"
                       : o->cpus_given                                ? "cpu-list"
                       : o->kind_given                                ? "kind"
                       : o->placement_given                           ? "placement"
                       : o->work_ns                                   ? "work"
                       : o->duration_ns                               ? "duration"
                       : o->source != SOURCE_AUTO                     ? "source"
                       : o->all                                       ? "all"
                       : o->exit_on_deadlock                          ? "exit-on-deadlock"
                       : o->record && !trace_is_foreign(o->traces[0]) ? "record"
                                                                      : NULL;
    if (o->pid)
        return err_set(err, "%s: either a recording or --pid, not both", o->traces[0]);
    if (o->n_traces > 1 && o->batch && o->format != FORMAT_SCREEN)
        return err_set(err, "--batch reports one recording; --format=screen shows how two compare");
    if (what)
        return err_set(err, "--%s is of a run, and %s is a recording: leave it out", what, o->traces[0]);
    return true;
}

static bool check(const struct options *o, bool format_given, struct err *err)
{
    if (o->n_cores && o->cpus_given)
        return err_set(err, "--cores and --cpu-list both choose the cores: give one of them");
    if (o->all && o->source != SOURCE_AUTO && o->source != SOURCE_PERF)
        return err_set(err, "--all needs the source perf: leave --source out");
    if (!o->batch && format_given)
        return err_set(err, "--format is of the report: add --batch");
    if (!o->batch && o->output)
        return err_set(err, "--output is for the report: add --batch");
    if (o->record && o->output && output_is_same(o->record, o->output))
        return err_set(err, "--record=%s is --output as well: name two files", o->record);
    if (o->force && !o->output && !o->record)
        return err_set(err, "--force is for a file that exists: name it with --output or --record");
    if (o->format == FORMAT_SQLITE && !o->output)
        return err_set(err, "--format=sqlite: a database needs a file: add --output=FILE");
    if (o->batch && ((o->theme_given && o->format != FORMAT_SCREEN) || o->no_mouse))
        return err_set(err, "--%s is of the screen, and --batch has none: leave one out",
                       o->no_mouse ? "no-mouse" : "theme");
    return true;
}

/* The text that the user typed for an option that getopt refused. */
static bool refuse(int code, char **argv, struct err *err)
{
    const char *word = argv[optind - 1];
    if (code == ':')
        return err_set(err, "%s: needs a value; see schedviz --help", word);
    if (optopt && optopt < LONG_ONLY && strncmp(word, "--", 2) != 0)
        return err_set(err, "-%c: no such option; see schedviz --help", optopt);
    return err_set(err, "%s: no such option, or one without a value; see schedviz --help", word);
}

bool options_read(struct options *o, int argc, char **argv, struct err *err)
{
    struct option longs[sizeof option_rows / sizeof *option_rows + 1] = {0};
    char shorts[2 * sizeof option_rows / sizeof *option_rows + 2] = ":";
    for (unsigned i = 0; i < n_option_rows; i++) {
        const struct option_row *row = &option_rows[i];
        longs[i] = (struct option){row->name, row->argument ? required_argument : no_argument, NULL,
                                   row->letter ? row->letter : LONG_ONLY + (int)i};
        if (row->letter) {
            char add[3] = {row->letter, row->argument ? ':' : '\0', '\0'};
            strcat(shorts, add);
        }
    }
    /* getopt moves operands behind the dashes; those that were there already are the command. */
    const char *mark = NULL;
    int n_after = 0;
    for (int i = argc - 1; i > 0; i--) {
        if (strcmp(argv[i], "--") == 0) {
            mark = argv[i];
            n_after = argc - 1 - i;
        }
    }
    *o = (struct options){0};
    bool format_given = false;
    opterr = 0;
    bool good = true;
    int code;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (!good) /* only whether there is a command is still to be known */
            continue;
        if (code == ':' || code == '?') {
            good = refuse(code, argv, err);
            continue;
        }
        unsigned i = 0;
        while (longs[i].val != code) /* it is there: getopt found it */
            i++;
        const struct option_row *row = &option_rows[i];
        if (row->argument)
            good = take_value(o, row, optarg, err);
        else
            take_flag(o, row);
        format_given = format_given || row->letter == 'f';
        if (o->action == ASKED_HELP || o->action == ASKED_VERSION || o->action == ASKED_LIST)
            return true;
    }
    const bool dashes = optind > 0 && argv[optind - 1] == mark;
    const int n_before = dashes ? argc - optind - n_after : 0;
    if (dashes && n_after > 0)
        o->command = argv + argc - n_after;
    return good && take_operands(o, argc, argv, dashes, n_before, err) && check_program(o, err) &&
           check_recording(o, err) && check(o, format_given, err);
}

void options_help(FILE *out)
{
    fputs("Usage: schedviz [OPTION...] [LESSON | FILE]\n"
          "       schedviz [OPTION...] RECORDING [RECORDING]\n"
          "       schedviz [OPTION...] -p PID\n"
          "       schedviz [OPTION...] -- COMMAND [ARGUMENT...]\n"
          "An oscilloscope for the Linux scheduler: starts tasks on the cores that you choose, or watches a\n"
          "program, and shows every time slice and context switch that the kernel really gave them.\n\n",
          out);
    for (unsigned i = 0; i < n_option_rows; i++) {
        const struct option_row *row = &option_rows[i];
        char names[40], letter[8] = "    ";
        if (row->letter)
            snprintf(letter, sizeof letter, "-%c, ", row->letter);
        snprintf(names, sizeof names, "%s--%s%s%s", letter, row->name, row->argument ? "=" : "",
                 row->argument ? row->argument : "");
        fprintf(out, "  %-26s %s\n", names, row->help);
    }
    fputs("\nTimes take us, ms, s, min; bare numbers are seconds. In the program, h shows the keys.\n"
          "Exit status: 0 success, 1 failure, 2 usage, 3 a deadlock (--exit-on-deadlock); of a COMMAND its "
          "own,\n"
          "and 125 to 127 as env(1) has them. The manual: man schedviz\n",
          out);
}

void options_list_lessons(FILE *out)
{
    for (unsigned i = 0; i < n_catalogue; i++) {
        struct err err;
        struct program *program = catalogue_load(catalogue[i].name, &err);
        fprintf(out, "%-22s %s\n", catalogue[i].name, program ? program->lesson->summary : err.msg);
        program_free(program);
    }
}
