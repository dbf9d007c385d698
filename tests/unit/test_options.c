/* The command line: what is taken, what is refused, and that the table is sound. */
#include "../../ui/options.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct options options;
static struct err error;

/* Reads a command line given as one string with single spaces. */
static bool take(const char *line)
{
    static char words[512];
    char *argv[32];
    int argc = 0;
    snprintf(words, sizeof words, "schedviz %s", line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    optind = 0; /* glibc: begin anew */
    error.msg[0] = '\0';
    return options_read(&options, argc, argv, &error);
}

static void takes_what_it_should(void **state)
{
    (void)state;
    assert_true(take(""));
    assert_int_equal(options.n_tasks, 0);
    assert_int_equal(options.action, ASKED_RUN);
    assert_true(take("-n 7 -k process -m free -w 250ms -d 1.5 -s engine -b -f json -o x.json interleave"));
    assert_int_equal(options.n_tasks, 7);
    assert_int_equal(options.kind, TASK_PROCESS);
    assert_int_equal(options.placement, PLACEMENT_FREE);
    assert_int_equal(options.work_ns, 250000000);
    assert_int_equal(options.duration_ns, 1500000000);
    assert_int_equal(options.source, SOURCE_ENGINE);
    assert_true(options.batch);
    assert_int_equal(options.format, FORMAT_JSON);
    assert_string_equal(options.output, "x.json");
    assert_false(options.force);
    assert_true(take("-b -f sqlite -o x.db --force"));
    assert_int_equal(options.format, FORMAT_SQLITE);
    assert_true(options.force);
    assert_true(take("--tasks=2 --cores=3 --theme=light --ascii --no-mouse --memory=64M"));
    assert_int_equal(options.n_cores, 3);
    assert_int_equal(options.theme, THEME_LIGHT);
    assert_true(options.ascii && options.no_mouse);
    assert_int_equal(options.memory_bytes, 64 << 20);
    assert_true(take("-c 1 -b -- make -j4 -- x"));
    assert_string_equal(options.command[0], "make");
    assert_string_equal(options.command[1], "-j4");
    assert_string_equal(options.command[2], "--");
    assert_string_equal(options.command[3], "x");
    assert_null(options.command[4]);
    assert_null(options.lesson);
    assert_true(take("-p 17"));
    assert_int_equal(options.pid, 17);
    assert_null(options.command);
    assert_true(take("-C 0,2-3"));
    assert_true(cpuset_has(&options.cpus, 3) && !cpuset_has(&options.cpus, 1));
    assert_true(take("-b --exit-on-deadlock -k green deadlock"));
    assert_true(options.exit_on_deadlock);
    assert_int_equal(options.kind, TASK_GREEN);
    assert_string_equal(options.lesson, "deadlock");
    assert_true(take("--version"));
    assert_int_equal(options.action, ASKED_VERSION);
}

/* Each is refused, and the line names the thing. */
static void refuses_with_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *names;
    } cases[] = {
        {"-n 0", "1024"},
        {"-n x", "x"},
        {"-n -1", "-1"},
        {"-n 5000", "1024"},
        {"-n 4x", "4x"},
        {"-c 0", "--cores=0"},
        {"-C 9-1", "cpu-list"},
        {"-C ,", "cpu-list"},
        {"-d 0", "duration"},
        {"-d -1", "duration"},
        {"-w x", "work"},
        {"-w 5parsecs", "5parsecs"},
        {"-w nan", "nan"},
        {"-w inf", "inf"},
        {"-k fiber", "process"},
        {"-m loose", "pinned"},
        {"-s guess", "engine"},
        {"-b -f xml", "json"},
        {"-f json", "--batch"},
        {"-o x", "--batch"},
        {"-c 1 -C 0", "--cpu-list"},
        {"-a -s proc", "--all"},
        {"-f csv", "--batch"},
        {"a.svz -r x.svz", "record"},
        {"a.svz -n 2", "--tasks"},
        {"-r -", "--record"},
        {"-b a.svz b.svz", "one"},
        {"a.svz interleave", "interleave"},
        {"a.svz b.svz c.svz", "two"},
        {"-p 1 a.svz", "a.svz"},
        {"--force", "--output"},
        {"-b --force", "--output"},
        {"--force -o x", "--batch"},
        {"-b -f sqlite", "--output"},
        {"--", "command"},
        {"interleave -- true", "either a lesson"},
        {"a.svz -- true", "a.svz: is a recording"},
        {"-p 1 -- true", "--pid"},
        {"-n 3 -- true", "--tasks"},
        {"-s engine -p 1", "--source"},
        {"interleave interleave", "one lesson"},
        {"-x", "-x"},
        {"--tasks", "--tasks"},
        {"--frobnicate", "--frobnicate"},
        {"--memory=1", "memory"},
        {"--memory=1Q", "1Q"},
        {"-b --theme=dark", "theme"},
        {"-n", "-n"},
        {"-w 1e300", "year"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (take(cases[i].line))
            fail_msg("%s was taken", cases[i].line);
        if (!strstr(error.msg, cases[i].names))
            fail_msg("%s: \"%s\" does not name %s", cases[i].line, error.msg, cases[i].names);
        assert_null(strchr(error.msg, '\n'));
    }
}

static void reads_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {{"200us", 200000},      {"500ms", 500000000}, {"2s", 2000000000}, {"1.5", 1500000000},
                 {"3min", 180000000000}, {".5s", 500000000},   {"1ns", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ns = 0;
        assert_true(options_parse_time(cases[i].text, &ns, &error));
        assert_int_equal(ns, cases[i].ns);
    }
}

static void the_table_is_sound(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_option_rows; i++) {
        for (unsigned j = i + 1; j < n_option_rows; j++) {
            assert_string_not_equal(option_rows[i].name, option_rows[j].name);
            if (option_rows[i].letter)
                assert_int_not_equal(option_rows[i].letter, option_rows[j].letter);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_it_should),
        cmocka_unit_test(refuses_with_one_line),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(the_table_is_sound),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
