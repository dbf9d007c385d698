/* How long one 200 x 60 frame takes, view by view and zoom by zoom, from a timeline of ten million slices.
 * Usage: bench_frame [SLICES] */
#include "bench.h"

#include "../../ui/view.h"
#include "../../ui/viewport.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_CPUS  8
#define N_TASKS 64
#define COLS    200
#define ROWS    60
#define ROUNDS  9

static struct timeline *tl;

/* 64 tasks take turns on 8 CPUs, in slices of 2 to 66 us, so that every zoom has something to summarise. */
static void fill(uint64_t n_slices)
{
    struct sink *sink = timeline_sink(tl);
    uint64_t time[N_CPUS] = {0};
    uint32_t seed = 1;
    for (unsigned i = 0; i < N_TASKS; i++) {
        struct event event = {.time_ns = NS_PER_S, .tid = 1000 + (int)i, .cpu = -1, .kind = EVENT_NEW};
        event.u.task.pid = event.tid;
        event.u.task.slot = (int)i;
        event.u.task.run = 1;
        event.u.task.role = ROLE_WORKLOAD;
        sink->push(sink, &event, 1);
    }
    for (unsigned c = 0; c < N_CPUS; c++)
        time[c] = NS_PER_S + c * 100;
    for (uint64_t i = 0; i < n_slices; i++) {
        unsigned c = 0;
        for (unsigned k = 1; k < N_CPUS; k++)
            c = time[k] < time[c] ? k : c;
        seed = seed * 1664525 + 1013904223;
        uint64_t length = 2000 + seed % 64000;
        int tid = 1000 + (int)(c * (N_TASKS / N_CPUS) + seed / 65536 % (N_TASKS / N_CPUS));
        struct event in = {.time_ns = time[c], .tid = tid, .cpu = (int16_t)c, .kind = EVENT_SWITCH_IN};
        struct event out = {.time_ns = time[c] + length,
                            .tid = tid,
                            .cpu = (int16_t)c,
                            .kind = EVENT_SWITCH_OUT,
                            .detail = seed % 8 ? OUT_PREEMPTED : OUT_BLOCKED};
        sink->push(sink, &in, 1);
        sink->push(sink, &out, 1);
        time[c] += length + 1500;
    }
    uint64_t end = 0;
    for (unsigned c = 0; c < N_CPUS; c++)
        end = time[c] > end ? time[c] : end;
    timeline_advance(tl, end);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double median_ms(const struct view_ops *view, const struct scene *scene, struct canvas *canvas,
                        double *worst)
{
    uint64_t times[ROUNDS];
    struct rect rect = {0, 1, COLS, ROWS - 5};
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t t0 = clock_now_ns();
        canvas_clear(canvas);
        view_title(scene, canvas, (struct rect){0, 0, COLS, 1});
        view->draw(scene, canvas, rect);
        view_summary(scene, canvas, (struct rect){0, ROWS - 4, COLS, 3});
        times[i] = clock_now_ns() - t0;
    }
    qsort(times, ROUNDS, sizeof *times, compare_u64);
    double ms = (double)times[ROUNDS / 2] / 1e6;
    *worst = ms > *worst ? ms : *worst;
    return ms;
}

int main(int argc, char **argv)
{
    static const struct view_ops *const views[] = {&view_cores, &view_tasks, &view_table, &view_counters};
    uint64_t n_slices = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    bench_print_speed();
    setlocale(LC_CTYPE, "C.UTF-8");
    tl = timeline_new((size_t)1 << 30);
    fill(n_slices);
    printf("%llu slices held in %.1f MiB: %.1f bytes a slice, summaries included (bar: 32)\n",
           (unsigned long long)timeline_n_slices(tl), (double)timeline_memory(tl) / 1048576,
           (double)timeline_memory(tl) / (double)timeline_n_slices(tl));

    struct machine machine = {.n_cpus = N_CPUS, .n_cores = N_CPUS, .n_packages = 1, .n_kinds = 1};
    struct machine_cpu rows[N_CPUS];
    struct scene_cpu lanes[N_CPUS];
    uint32_t tasks[N_TASKS];
    struct roster_row task_rows[N_TASKS];
    struct run run = {.number = 1, .n_tasks = N_TASKS, .start_ns = NS_PER_S};
    struct scene scene = {.tl = tl,
                          .machine = &machine,
                          .glyphs = &glyphs_unicode,
                          .cpus = lanes,
                          .n_cpus = N_CPUS,
                          .tasks = tasks,
                          .n_tasks = N_TASKS,
                          .rows = task_rows,
                          .n_rows = N_TASKS,
                          .run = &run};
    for (int c = 0; c < N_CPUS; c++) {
        rows[c] = (struct machine_cpu){.cpu = c, .core = c, .n_smt = 1};
        lanes[c] = (struct scene_cpu){.cpu = c, .chosen = true, .online = true};
        cpuset_add(&machine.online, c);
        cpuset_add(&machine.allowed, c);
    }
    machine.cpus = rows;
    run.cpus = scene.info.cpus = machine.allowed;
    scene.info.workload = (struct workload){.name = "interleave", .n_tasks = N_TASKS};
    scene.info.source = "perf";
    scene.info.exact = true;
    for (uint32_t i = 0; i < N_TASKS; i++) {
        tasks[i] = i;
        task_rows[i] = (struct roster_row){.task = i, .is_process = true, .n = 1};
    }

    struct canvas canvas;
    canvas_init(&canvas, COLS, ROWS);
    viewport_init(&scene.viewport);
    scene.viewport.cols = COLS - 30;
    scene.viewport.known_ns = timeline_now_ns(tl);
    double worst = 0;
    printf("ms a frame of %dx%d, median of %d:\n%12s", COLS, ROWS, ROUNDS, "a column");
    for (unsigned v = 0; v < sizeof views / sizeof *views; v++)
        printf("%10s", views[v]->name);
    printf("\n");
    for (uint64_t decade = VIEWPORT_MIN_COL_NS; decade <= VIEWPORT_MAX_COL_NS; decade *= 10) {
        for (unsigned lead = 1; lead <= 5 && decade * lead <= VIEWPORT_MAX_COL_NS;
             lead += lead == 1 ? 1 : 3) {
            scene.viewport.col_ns = decade * lead;
            uint64_t span = viewport_span_ns(&scene.viewport), life = timeline_now_ns(tl) - NS_PER_S;
            scene.viewport.start_ns = NS_PER_S + (span < life ? (life - span) / 2 : 0);
            printf("%9.2f ms", (double)scene.viewport.col_ns / 1e6);
            for (unsigned v = 0; v < sizeof views / sizeof *views; v++)
                printf("%10.3f", median_ms(views[v], &scene, &canvas, &worst));
            printf("\n");
        }
    }
    printf("worst median %.3f ms (bar: 2)\n", worst);
    canvas_fini(&canvas);
    timeline_free(tl);
    return 0;
}
