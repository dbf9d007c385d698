/* A lesson being given: step by step it sets the session, lets the class predict, measures, and scores. */
#ifndef SCHEDVIZ_LECTURE_H
#define SCHEDVIZ_LECTURE_H

#include "../machine.h"
#include "../session.h"
#include "../workload/lesson.h"

enum lecture_state {
    LECTURE_ASKS,     /* a question waits for its prediction; a new run is held at the gate until then */
    LECTURE_RUNS,     /* the run goes on and is not measured yet */
    LECTURE_MEASURED, /* the figures are there; the run may go on */
};

/* One measure of a step. */
struct lecture_answer {
    const struct lesson_measure *measure;
    bool is_predicted;
    double prediction; /* a number, or the choice, from 0 */
    bool is_measured;  /* false after the step was measured: there was nothing to measure, why tells */
    double value;
    char why[160];
    bool has_bounds, is_inside; /* `within' */
    double lo, hi;
    int right_choice;  /* from 0; -1: none of them */
    bool is_right;     /* the prediction */
    bool is_disturbed; /* it is outside the lesson's own bounds since others had the cores, or the run was
                          changed by hand: the prediction is neither right nor wrong */
};

struct lecture;

/* The workload and the CPUs of a step: base and base_cpus are what the user chose, and what a step does not
 * say. note: "" or what was scaled to this machine. */
#define LECTURE_NOTE_SIZE 160
bool lecture_workload(const struct program *program, unsigned step, const struct workload *base,
                      const struct cpuset *base_cpus, const struct machine *machine,
                      struct workload *workload, struct cpuset *cpus, char note[LECTURE_NOTE_SIZE],
                      struct err *err);

/* Whether all steps can be: their settings, the names in their formulas, and that those without a time end.
 * base and base_cpus as above; given_* tell which of them the user chose: a choice that every step would undo
 * is refused. False with "FILE:LINE:COLUMN: what". */
struct lecture_given {
    bool cores, tasks, kind, placement;
};
bool lecture_check(const struct program *program, const struct workload *base, const struct cpuset *base_cpus,
                   const struct machine *machine, const struct lecture_given *given, struct err *err);

/* The session has been started with the workload of step 0 (and, with interactive, held if that step asks
 * something). All arguments are the caller's and outlive the lecture. Without interactive nothing is asked.
 */
struct lecture *lecture_new(struct session *session, const struct program *program,
                            const struct workload *base, const struct cpuset *base_cpus,
                            const struct machine *machine, bool interactive);
/* What is kept of a step. */
struct lecture_step {
    uint64_t begun_ns;              /* when its run was let go, last; 0: it never was */
    char scaled[LECTURE_NOTE_SIZE]; /* "" or how it was fitted to a machine with fewer cores */
};
/* One that is over, as a recording has it: its answers in the order of the file, and its steps (missing ones:
 * never begun). They are gone to freely, and nothing is run. */
struct lecture *lecture_recorded(const struct program *program, const struct lecture_answer *answers,
                                 unsigned n_answers, const struct lecture_step *steps, unsigned n_steps);
void lecture_free(struct lecture *lecture);

/* Goes to a step. False with one line when it cannot be; the lecture stays where it was. */
bool lecture_go(struct lecture *lecture, unsigned step, struct err *err);

/* After each turn of the session. True when something has changed. */
bool lecture_turn(struct lecture *lecture, uint64_t now_ns);

/* The question that waits: index of its measure in the step, or -1. Its answer: a number, or for choices
 * their number from 1. The empty text leaves it open. After the last one the run begins. */
int lecture_question(const struct lecture *lecture);
bool lecture_predict(struct lecture *lecture, const char *typed, struct err *err);

bool lecture_is_recorded(const struct lecture *lecture);
/* When the run of a step was let go (CLOCK_MONOTONIC), the last time; 0: never. */
uint64_t lecture_step_ns(const struct lecture *lecture, unsigned step);
const struct lesson *lecture_lesson(const struct lecture *lecture);
unsigned lecture_step(const struct lecture *lecture);
enum lecture_state lecture_state(const struct lecture *lecture);
const char *lecture_note(const struct lecture *lecture);
/* Of any step: struct lecture_step. */
const char *lecture_scaled(const struct lecture *lecture, unsigned step);
/* The part of the step's time that has passed, 0 to 1; -1 when it has no fixed time. */
double lecture_passed(const struct lecture *lecture, uint64_t now_ns);

/* Answers of any step, in the order of its measures. */
const struct lecture_answer *lecture_answer(const struct lecture *lecture, unsigned step, unsigned i);
/* Predictions that were right, of those made and measured. */
unsigned lecture_score(const struct lecture *lecture, unsigned *n_predicted);
/* Measures whose value lies outside what the lesson states; and those that could not be had here. */
unsigned lecture_n_outside(const struct lecture *lecture);
unsigned lecture_n_unmeasured(const struct lecture *lecture);

#endif
