/* Fuzz target: workload files. What is loaded must hold together, what is not must say why in one line, and
 * both readers of trees must read the same. */
#include "../../src/workload/lesson.h"
#include "../../src/workload/load_tree.h"
#include "../../src/workload/workload.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void need(bool holds)
{
    if (!holds)
        abort();
}

static void check_object(const struct program *program, uint32_t object)
{
    need(object == PROGRAM_NONE || object < program->n_objects);
}

static void check_template(const struct program *program, const struct template *template)
{
    need(template->name[0] && template->n_phases > 0 && template->loop != 0);
    for (unsigned p = 0; p < template->n_phases; p++) {
        const struct phase *phase = &template->phases[p];
        need(phase->name && phase->n_actions > 0 && phase->loop != 0);
        for (unsigned i = 0; i < phase->n_actions; i++) {
            const struct action *a = &phase->actions[i];
            check_object(program, a->object);
            check_object(program, a->mutex);
            need(a->line > 0 && strcmp(action_name(a->kind), "unknown") != 0);
            need((a->kind == ACTION_FORK) == (a->template != PROGRAM_NONE));
            need(a->template == PROGRAM_NONE || a->template <program->n_templates);
        }
    }
}

static void check_lesson(const struct lesson *lesson)
{
    need(lesson->title && lesson->summary && lesson->watch && lesson->n_steps > 0);
    for (unsigned i = 0; i < lesson->n_steps; i++) {
        const struct lesson_step *step = &lesson->steps[i];
        need(step->title && step->text);
        for (unsigned k = 0; k < step->n_measures; k++)
            need(step->measures[k].formula.text && step->measures[k].label && step->measures[k].unit);
    }
}

static void check_program(const struct program *program)
{
    static struct part parts[WORKLOAD_MAX_TASKS];
    char name[EVENT_NAME_SIZE];
    unsigned n = program_cast(program, NULL, 0, parts, WORKLOAD_MAX_TASKS);

    need(program->n_templates > 0 && program->io_device && n <= WORKLOAD_MAX_TASKS);
    for (uint32_t t = 0; t < program->n_templates; t++) {
        check_template(program, &program->templates[t]);
        need(program_find_template(program, program->templates[t].name) == t);
    }
    for (uint32_t i = 0; i < program->n_objects; i++)
        need(program->objects[i].name[0] && program_find_object(program, program->objects[i].name) <= i);
    for (unsigned i = 0; i < n; i++)
        need(strlen(program_task_name(program, parts[i], true, name)) < EVENT_NAME_SIZE);
    if (program->lesson)
        check_lesson(program->lesson);
}

static void check_same(const struct node *a, const struct node *b)
{
    need(a->kind == b->kind && a->quoted == b->quoted && a->n_children == b->n_children &&
         a->weight == b->weight && a->place.line == b->place.line && a->place.column == b->place.column &&
         strcmp(a->text, b->text) == 0);
    for (a = a->first, b = b->first; a && b; a = a->next, b = b->next)
        check_same(a, b);
    need(!a && !b);
}

/* Aliases can make a tree a million times larger than its text: then its nodes are not compared. */
static void check_readers(const char *text, size_t n)
{
    struct tree ours, theirs;
    struct err our_err = {""}, their_err = {""};
    const bool read = tree_read(&ours, "fuzz", text, n, &our_err);

    need(read == tree_read_yaml(&theirs, "fuzz", text, n, &their_err));
    need(strcmp(our_err.msg, their_err.msg) == 0 && (!read || !ours.root == !theirs.root));
    if (read && ours.root && ours.root->weight <= n)
        check_same(ours.root, theirs.root);
    tree_free(&ours);
    tree_free(&theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct err err = {""};

    check_readers((const char *)bytes, n);
    struct program *program = program_load("fuzz", (const char *)bytes, n, &err);

    if (program)
        check_program(program);
    else
        need(err.msg[0] && !strpbrk(err.msg, "\n\r\t\x1b"));
    program_free(program);
    return 0;
}
