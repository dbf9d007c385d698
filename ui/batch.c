/* The program without a screen: run to the end, then report. */
#include "batch.h"

#include "../src/clock.h"
#include "../src/export/export.h"
#include "../src/timeline/waits.h"
#include "picture.h"
#include "signals.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_FDS        4200 /* one ring per CPU, and ours */
#define PROGRESS_NS    (250 * NS_PER_MS)
#define DEFAULT_END_NS NS_PER_S
#define TURN_NS        (100 * NS_PER_MS) /* events wake us before; samples are taken twice as often */

static void show_progress(const struct session *session, uint64_t start_ns, uint64_t duration_ns)
{
    char passed[40], whole[40] = "";
    export_duration(clock_now_ns() - start_ns, passed, sizeof passed);
    if (duration_ns)
        export_duration(duration_ns, whole, sizeof whole);
    const struct timeline *tl = session_timeline(session);
    fprintf(stderr, "\r\033[Kschedviz: %s%s%s, %llu slices", passed, *whole ? " of " : "", whole,
            (unsigned long long)timeline_n_slices(tl));
    fflush(stderr);
}

/* When the run, if it is no lecture, is to end; 0: when its tasks have ended. */
static uint64_t duration_of(const struct setup *setup)
{
    return setup->duration_ns || setup->ends ? setup->duration_ns : DEFAULT_END_NS;
}

static void tell_message(struct session *session, bool progress)
{
    struct session_info info;
    session_info(session, &info);
    if (info.message[0])
        fprintf(stderr, "%sschedviz: %s\n", progress ? "\r\033[K" : "", info.message);
    session_forget_message(session);
}

static bool has_deadlock(const struct session *session)
{
    const struct waits *waits = timeline_waits(session_timeline(session));
    for (unsigned i = 0; i < waits_n_alerts(waits); i++) {
        if (waits_alert(waits, i)->kind == ALERT_DEADLOCK)
            return true;
    }
    return false;
}

/* One step after the other. False after the last one, or when the next cannot be begun. */
static bool follow(struct lecture *lecture, uint64_t now_ns)
{
    struct err err;
    lecture_turn(lecture, now_ns);
    if (lecture_state(lecture) != LECTURE_MEASURED)
        return true;
    const unsigned next = lecture_step(lecture) + 1;
    if (next == lecture_lesson(lecture)->n_steps)
        return false;
    if (lecture_go(lecture, next, &err))
        return true;
    fprintf(stderr, "schedviz: step %u: %s\n", next + 1, err.msg);
    return false;
}

enum batch_end batch_run(const struct options *options, const struct setup *setup, struct session *session,
                         struct lecture *lecture)
{
    const uint64_t duration = lecture ? options->duration_ns : duration_of(setup);
    const bool progress = isatty(STDERR_FILENO) == 1;
    const uint64_t begun_ns = clock_now_ns();
    uint64_t next_progress_ns = 0;
    struct session_info info;
    struct session_recording recording;
    enum batch_end end = BATCH_DONE;
    bool is_cut = false;
    static struct pollfd fds[MAX_FDS];
    const int signals_fd = signals_open();
    for (;;) {
        const struct run *run = session_current_run(session);
        const uint64_t now = clock_now_ns();
        const uint64_t start = lecture ? begun_ns : run->start_ns ? run->start_ns : now;
        const bool over = (duration && now >= start + duration) || (!lecture && run->end_ns) ||
                          (lecture && !follow(lecture, now));
        tell_message(session, progress);
        if (options->exit_on_deadlock && has_deadlock(session))
            end = BATCH_DEADLOCK;
        if (over || end != BATCH_DONE || !session_alive(session, NULL))
            break;
        if (progress && now >= next_progress_ns) {
            show_progress(session, start, duration);
            next_progress_ns = now + PROGRESS_NS;
        }
        session_info(session, &info);
        uint64_t timeout_ns = info.exact ? TURN_NS : TURN_NS / 2;
        if (duration && start + duration - now < timeout_ns)
            timeout_ns = start + duration - now + NS_PER_MS;
        fds[0] = (struct pollfd){.fd = signals_fd, .events = POLLIN};
        unsigned n = 1 + session_poll_fds(session, fds + 1, MAX_FDS - 1);
        session_sleep(session, fds, n, (int)(timeout_ns / NS_PER_MS));
        if (signals_read(signals_fd) & (SIGNAL_END)) {
            is_cut = true;
            break;
        }
        session_turn(session);
    }
    if (progress)
        fputs("\r\033[K", stderr);
    if (is_cut && lecture) {
        fprintf(stderr, "schedviz: a signal ended the lesson in step %u of %u\n", lecture_step(lecture) + 1,
                lecture_lesson(lecture)->n_steps);
        end = BATCH_FAILED;
    }
    if (!session_alive(session, NULL))
        end = BATCH_FAILED;
    session_stop(session);
    session_recording(session, &recording);
    if (recording.has_failed)
        tell_message(session, false);
    return end;
}

/* A table of headings alone would be a run in which nothing happened. */
static void tell_samples(const struct report *report)
{
    if (!report->info.exact)
        fputs("schedviz: slices are not known from samples: --format=text and json have the totals\n",
              stderr);
}

static bool write_format(const struct options *options, const struct report *report,
                         const struct timeline *tl, const struct output *output, struct err *err)
{
    const struct export_window all = {0};
    FILE *out = output->stream;
    bool good = false;
    switch (options->format) {
    case FORMAT_TEXT:
        good = export_text(report, out);
        break;
    case FORMAT_JSON:
        good = export_json(report, out);
        break;
    case FORMAT_CSV:
        tell_samples(report);
        good = export_csv(report, tl, &all, out);
        break;
    case FORMAT_SVG:
        good = export_svg(report, tl, &all, out);
        break;
    case FORMAT_HTML:
        good = export_html(report, tl, &all, out);
        break;
    case FORMAT_PERFETTO:
        good = export_perfetto(report, tl, &all, out);
        break;
    case FORMAT_SQLITE:
        return export_sqlite(report, tl, output->temporary, err);
    case FORMAT_SCREEN: /* not of the report */
        break;
    }
    return good || err_set(err, "%s", strerror(errno));
}

static bool write_report(const struct options *options, struct machine *machine, struct session *session,
                         struct lecture *lecture, const struct output *output, struct err *err)
{
    struct report report;
    if (options->format == FORMAT_SCREEN)
        return picture_write(options, machine, session, lecture, output->stream) ||
               err_set(err, "%s", strerror(errno));
    report_init(&report, session, machine);
    report.lecture = lecture;
    const bool good = write_format(options, &report, session_timeline(session), output, err);
    report_fini(&report);
    return good;
}

bool batch_report(const struct options *options, struct machine *machine, struct session *session,
                  struct lecture *lecture, struct output *output, struct err *err)
{
    struct err why;
    const bool good = output_begin(output, &why) &&
                      write_report(options, machine, session, lecture, output, &why) &&
                      output_finish(output, &why);
    return good || err_set(err, "the report could not be written to %s: %s",
                           output->name ? output->name : "standard output", why.msg);
}
