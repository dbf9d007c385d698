/* Programs after they were loaded: to find in, to cast, to name, to free. */
#include "program.h"

#include "lesson.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t program_find_template(const struct program *program, const char *name)
{
    for (uint32_t i = 0; i < program->n_templates; i++)
        if (strcmp(program->templates[i].name, name) == 0)
            return i;
    return PROGRAM_NONE;
}

uint32_t program_find_object(const struct program *program, const char *name)
{
    for (uint32_t i = 0; i < program->n_objects; i++)
        if (strcmp(program->objects[i].name, name) == 0)
            return i;
    return PROGRAM_NONE;
}

uint32_t program_scaling_template(const struct program *program)
{
    for (uint32_t i = 0; i < program->n_templates; i++)
        if (program->templates[i].scales)
            return i;
    return PROGRAM_NONE;
}

unsigned program_cast(const struct program *program, const bool *started, unsigned n_scaled,
                      struct part *parts, unsigned max)
{
    uint32_t scaling = program_scaling_template(program);
    unsigned n = 0;

    for (uint32_t turn = 0; turn <= program->n_templates; turn++) {
        uint32_t t = turn < program->n_templates ? turn : scaling;
        if (t == PROGRAM_NONE || (turn < program->n_templates && t == scaling) || (started && !started[t]))
            continue;
        unsigned n_instances = program->templates[t].n_instances;
        if (t == scaling && n_scaled)
            n_instances = n_scaled;
        for (unsigned i = 0; i < n_instances; i++, n++)
            if (n < max)
                parts[n] = (struct part){.template = t, .instance = i};
    }
    return n;
}

/* A name that is too long loses its end, never its number; and no part of a UTF-8 character is left over. */
char *program_task_name(const struct program *program, struct part part, bool several,
                        char buf[EVENT_NAME_SIZE])
{
    const char *name = program->templates[part.template].name;
    char number[EVENT_NAME_SIZE] = "";
    size_t length = strlen(name), room;

    if (several)
        snprintf(number, sizeof number, "-%u", part.instance + 1);
    room = EVENT_NAME_SIZE - 1 - strlen(number);
    if (length > room) {
        length = room;
        while (length > 0 && ((unsigned char)name[length] & 0xC0) == 0x80)
            length--;
    }
    strcpy(mempcpy(buf, name, length), number);
    return buf;
}

const char *action_name(enum action_kind kind)
{
    static const char *const names[] = {
        [ACTION_RUN] = "run",           [ACTION_RUNTIME] = "runtime",   [ACTION_SLEEP] = "sleep",
        [ACTION_TIMER] = "timer",       [ACTION_LOCK] = "lock",         [ACTION_UNLOCK] = "unlock",
        [ACTION_WAIT] = "wait",         [ACTION_SIGNAL] = "signal",     [ACTION_BROAD] = "broad",
        [ACTION_SYNC] = "sync",         [ACTION_BARRIER] = "barrier",   [ACTION_SUSPEND] = "suspend",
        [ACTION_RESUME] = "resume",     [ACTION_SEM_POST] = "sem_post", [ACTION_SEM_WAIT] = "sem_wait",
        [ACTION_YIELD] = "yield",       [ACTION_FORK] = "fork",         [ACTION_MEM] = "mem",
        [ACTION_IORUN] = "iorun",       [ACTION_ADD] = "add",           [ACTION_CRASH] = "crash",
        [ACTION_BLOCK] = "block",       [ACTION_SEND] = "send",         [ACTION_RECEIVE] = "receive",
        [ACTION_PINGPONG] = "pingpong", [ACTION_CREATE] = "create",
    };
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

const char *policy_name(enum policy policy)
{
    switch (policy) {
    case POLICY_KEEP:
        return "unchanged";
    case POLICY_OTHER:
        return "SCHED_OTHER";
    case POLICY_BATCH:
        return "SCHED_BATCH";
    case POLICY_IDLE:
        return "SCHED_IDLE";
    case POLICY_FIFO:
        return "SCHED_FIFO";
    case POLICY_RR:
        return "SCHED_RR";
    case POLICY_DEADLINE:
        return "SCHED_DEADLINE";
    }
    return "unknown";
}

static void free_template(struct template *template)
{
    for (unsigned p = 0; p < template->n_phases; p++) {
        free(template->phases[p].name);
        free(template->phases[p].settings.taskgroup);
        free(template->phases[p].actions);
    }
    free(template->phases);
    free(template->settings.taskgroup);
    free(template->name);
}

static void free_measure(struct lesson_measure *measure)
{
    for (unsigned i = 0; i < measure->n_choices; i++) {
        free(measure->choices[i].text);
        free(measure->choices[i].lo.text);
        free(measure->choices[i].hi.text);
    }
    free(measure->name);
    free(measure->label);
    free(measure->formula.text);
    free(measure->unit);
    free(measure->lo.text);
    free(measure->hi.text);
    free(measure->question);
}

static void free_step(struct lesson_step *step)
{
    for (unsigned i = 0; i < step->n_measures; i++)
        free_measure(&step->measures[i]);
    free(step->measures);
    free(step->title);
    free(step->text);
    free(step->rule);
    free(step->cores.text);
    free(step->tasks.text);
    free(step->started);
    free(step->settings.taskgroup);
}

static void free_lesson(struct lesson *lesson)
{
    for (unsigned i = 0; i < lesson->n_steps; i++)
        free_step(&lesson->steps[i]);
    free(lesson->steps);
    free(lesson->title);
    free(lesson->summary);
    free(lesson->watch);
    free(lesson);
}

void program_warn(struct program *program, const char *format, ...)
{
    if (program->n_warnings == PROGRAM_MAX_WARNINGS)
        return;
    program->warnings = mem_resize(program->warnings, program->n_warnings + 1, sizeof *program->warnings);
    va_list args;
    va_start(args, format);
    vsnprintf(program->warnings[program->n_warnings++].text, sizeof program->warnings->text, format, args);
    va_end(args);
}

bool program_fail(const struct program *program, unsigned line, unsigned column, struct err *err)
{
    if (!err)
        return false;
    struct err what = *err;
    for (char *c = what.msg; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = ' ';
    return err_set(err, "%s:%u:%u: %s", program->file, line, column, what.msg);
}

void program_free(struct program *program)
{
    if (!program)
        return;
    for (unsigned i = 0; i < program->n_templates; i++)
        free_template(&program->templates[i]);
    for (unsigned i = 0; i < program->n_objects; i++)
        free(program->objects[i].name);
    if (program->lesson)
        free_lesson(program->lesson);
    free(program->templates);
    free(program->objects);
    free(program->warnings);
    free(program->io_device);
    free(program->cores.text);
    free(program->tasks.text);
    free(program->file);
    free(program->text);
    free(program->name);
    free(program);
}
