/* Calibration: the fastest of many short trials is the one that nothing disturbed. */
#include "calibrate.h"
#include "../clock.h"
#include "self.h"
#include "worker.h"

#define TRIALS_NS   (4 * NS_PER_MS)
#define TRIAL_UNITS 256 /* about 60 us: short enough to fall between two ticks and two slices */
#define MIN_TRIALS  3
#define LOOK_TRIALS 16

/* Beyond a unit and a look at the counts: no task can be switched out and in again within this. */
#define GAP_MARGIN_NS NS_PER_US

static uint64_t fastest_trial_ns(bool self_timed)
{
    struct slot scratch = {.stage = STAGE_EMPTY};
    struct watch blind;
    uint64_t begin_ns = clock_now_ns(), now_ns = begin_ns, fastest_ns = UINT64_MAX;

    for (int i = 0; i < MIN_TRIALS || now_ns - begin_ns < TRIALS_NS; i++) {
        watch_init_blind(&blind);
        uint64_t trial_ns = clock_now_ns();
        worker_loop(&scratch, self_timed ? &blind : NULL, TRIAL_UNITS);
        now_ns = clock_now_ns();
        if (now_ns - trial_ns < fastest_ns)
            fastest_ns = now_ns - trial_ns;
    }
    return fastest_ns;
}

static uint64_t fastest_look_ns(void)
{
    uint64_t voluntary, involuntary, fastest_ns = UINT64_MAX;

    for (int i = 0; i < LOOK_TRIALS; i++) {
        uint64_t begin_ns = clock_now_ns();
        self_switches(&voluntary, &involuntary);
        uint64_t look_ns = clock_now_ns() - begin_ns;
        if (look_ns < fastest_ns)
            fastest_ns = look_ns;
    }
    return fastest_ns;
}

void calibrate(struct shared *shared)
{
    shared->unit_ps = fastest_trial_ns(shared->self_timed) * 1000 / TRIAL_UNITS;
    shared->gap_ns = shared->unit_ps / 1000 + fastest_look_ns() + GAP_MARGIN_NS;
}
