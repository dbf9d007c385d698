/* The program without a screen: run to the end, then report. */
#include "batch.h"

#include "../src/clock.h"
#include "../src/export/export.h"
#include "signals.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_FDS        4200 /* one ring per CPU, and ours */
#define PROGRESS_NS    (250 * NS_PER_MS)
#define DEFAULT_END_NS NS_PER_S

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

static int write_report(const struct options *options, const struct machine *machine,
                        const struct session *session, FILE *out)
{
    struct report report;
    report_init(&report, session, machine);
    bool ok = options->format == FORMAT_JSON ? export_json(&report, out) : export_text(&report, out);
    if (!ok)
        fprintf(stderr, "schedviz: the report could not be written to %s: %s\n",
                options->output ? options->output : "standard output", strerror(errno));
    report_fini(&report);
    return ok ? 0 : 1;
}

int batch_run(const struct options *options, const struct machine *machine, struct session *session,
              FILE *out)
{
    uint64_t duration = options->duration_ns;
    if (!duration && !options->session.workload.work_ns)
        duration = DEFAULT_END_NS;
    bool progress = isatty(STDERR_FILENO) == 1;
    uint64_t next_progress_ns = 0;
    static struct pollfd fds[MAX_FDS];
    struct err err;
    int signals_fd = signals_open();
    for (;;) {
        const struct run *run = session_current_run(session);
        uint64_t now = clock_now_ns(), start = run->start_ns ? run->start_ns : now;
        bool over = run->end_ns || (duration && now >= start + duration);
        struct session_info info;
        session_info(session, &info);
        if (info.message[0])
            fprintf(stderr, "%sschedviz: %s\n", progress ? "\r\033[K" : "", info.message);
        session_forget_message(session);
        if (over || !session_alive(session, &err))
            break;
        if (progress && now >= next_progress_ns) {
            show_progress(session, start, duration);
            next_progress_ns = now + PROGRESS_NS;
        }
        int timeout_ms = 50;
        if (duration && start + duration - now < 50 * NS_PER_MS)
            timeout_ms = (int)((start + duration - now) / NS_PER_MS) + 1;
        fds[0] = (struct pollfd){.fd = signals_fd, .events = POLLIN};
        unsigned n = 1 + session_poll_fds(session, fds + 1, MAX_FDS - 1);
        session_sleep(session, fds, n, timeout_ms);
        if (signals_read(signals_fd) & (SIGNAL_END))
            break;
        session_turn(session);
    }
    if (progress)
        fputs("\r\033[K", stderr);
    bool alive = session_alive(session, &err);
    session_stop(session);
    int status = write_report(options, machine, session, out);
    return alive ? status : 1;
}
