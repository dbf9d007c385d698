/* Inside the loader: what its files share. load.c reads the whole, load_task.c the tasks, load_lesson.c the
 * steps, load_check.c sees whether it can work, load_value.c reads single values. */
#ifndef SCHEDVIZ_LOAD_H
#define SCHEDVIZ_LOAD_H

#include "load_tree.h"
#include "program.h"

#include <json-c/linkhash.h>

#define LOAD_MAX_FILE      ((size_t)16 * 1024 * 1024)
#define LOAD_MAX_TEMPLATES 4096
#define LOAD_MAX_PHASES    65536
#define LOAD_MAX_ACTIONS   1000000
#define LOAD_MAX_OBJECTS   65536
#define LOAD_MAX_NS        (UINT64_C(365) * 86400 * 1000000000) /* of a time in a file: a year */

#define LOAD_N_OBJECT_KINDS (OBJECT_CHANNEL + 1)

/* What only the loader knows of an object. */
struct object_note {
    struct place place; /* where its name is first used */
    bool has_via;
    enum action_how via; /* a channel's way, where one of its uses says it */
    bool messages, pingpongs;
};

struct loader {
    const char *file;
    struct err *err;
    struct program *program;

    struct lh_table *templates; /* name -> index + 1 */
    struct lh_table *objects[LOAD_N_OBJECT_KINDS];

    /* Where things are in the file: beside program->templates, program->objects, and all actions in order. */
    struct place *template_places, *action_places;
    struct object_note *object_notes;
    unsigned n_phases, n_actions, action_capacity, object_capacity;
};

/* ---- load_value.c: one value each; false with a line that names the place ---- */

bool load_fail(struct loader *l, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A word of the file as it may stand in a message: cut, and without control characters. */
struct shown {
    char text[44];
};
struct shown load_shown(const char *word);

char *load_copy(const char *text); /* to be freed */
bool load_is_null(const struct node *node);

/* what: the name of the value in messages, "instance". */
bool load_int(struct loader *l, const struct node *node, const char *what, int64_t min, int64_t max,
              int64_t *value);
bool load_bool(struct loader *l, const struct node *node, const char *what, bool *value);
/* A bare number is microseconds, or refused where a unit must be said. */
bool load_time(struct loader *l, const struct node *node, const char *what, bool need_unit, uint64_t *ns);
/* A text of one line that names something; it belongs to the tree. */
bool load_name(struct loader *l, const struct node *node, const char *what, const char **name);
/* A text of any length, to be freed; what it replaces is freed. */
bool load_text(struct loader *l, const struct node *node, const char *what, char **text);
/* A formula whose names are not known before something ran. */
bool load_formula(struct loader *l, const struct node *node, const char *what, struct formula *formula);
/* One over the first n_names of cpus, cores and tasks alone. */
bool load_setting(struct loader *l, const struct node *node, const char *what, unsigned n_names,
                  struct formula *formula);
/* One of several words. */
bool load_word(struct loader *l, const struct node *node, const char *what, const char *const *words,
               unsigned n_words, unsigned *index);
bool load_kind(struct loader *l, const struct node *node, bool *has_kind, enum task_kind *kind);
bool load_placement(struct loader *l, const struct node *node, int *placement);
bool load_policy(struct loader *l, const struct node *node, enum policy *policy);
bool load_priority(struct loader *l, const struct node *node, struct settings *settings);

/* ---- Mappings: a value for each of some names ---- */

struct fields {
    const char *what; /* "a step" */
    const char *const *names;
    unsigned n;
    /* Whether the name is one of others that are left alone here; NULL: there are none. With nearest, it
     * offers them all. */
    bool (*other)(const char *name, struct nearest *nearest);
};
#define LOAD_MAX_FIELDS 32

/* values[i]: the value of names[i], or NULL when it is not there. An unknown name or one said twice is wrong.
 */
bool load_fields(struct loader *l, const struct node *node, const struct fields *fields,
                 const struct node **values);
bool load_is_mapping(struct loader *l, const struct node *node, const char *what);
bool load_is_sequence(struct loader *l, const struct node *node, const char *what);

/* ---- The parts ---- */

/* `tasks'; global and semaphores have been read. */
bool load_tasks(struct loader *l, const struct node *tasks);

/* What is asked of the scheduler; names as in a task, values as load_fields() gave them. */
void load_no_settings(struct settings *settings);
/* Whether the values fit to each other under this policy (POLICY_KEEP: not known); fills in what follows. */
bool load_fit_settings(struct loader *l, struct place at, enum policy policy, struct settings *settings);

bool load_find_template(struct loader *l, const struct node *name, uint32_t *index);
/* The object of that name and kind, made when it is not there yet. */
bool load_object(struct loader *l, struct place at, const char *name, enum object_kind kind, uint32_t *index);

bool load_lesson(struct loader *l, const struct node *lesson);

/* Whether all of it together can work; fills in what only the whole tells. */
bool load_check(struct loader *l);

#endif
