/* Reads a workload file: the whole of it, its global settings, and where it comes from. */
#include "load.h"

#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_BUFFER_BYTES ((size_t)4 * 1024 * 1024) /* rt-app's mem_buffer_size */

/* ---- global ---- */

enum global_field {
    GLOBAL_DURATION,
    GLOBAL_DEFAULT_POLICY,
    GLOBAL_PI_ENABLED,
    GLOBAL_LOCK_PAGES,
    GLOBAL_IO_DEVICE,
    GLOBAL_MEM_BUFFER_SIZE,
    GLOBAL_FIRST_UNUSED, /* what follows means nothing here */
    N_GLOBAL_FIELDS = GLOBAL_FIRST_UNUSED + 8
};

static const char *const global_names[N_GLOBAL_FIELDS] = {
    [GLOBAL_DURATION] = "duration",
    [GLOBAL_DEFAULT_POLICY] = "default_policy",
    [GLOBAL_PI_ENABLED] = "pi_enabled",
    [GLOBAL_LOCK_PAGES] = "lock_pages",
    [GLOBAL_IO_DEVICE] = "io_device",
    [GLOBAL_MEM_BUFFER_SIZE] = "mem_buffer_size",
    [GLOBAL_FIRST_UNUSED] = "calibration",
    "logdir",
    "log_basename",
    "log_size",
    "gnuplot",
    "ftrace",
    "cumulative_slack",
    "frag",
};

/* In seconds, as in rt-app; -1 is without end, and so is 0. */
static bool read_duration(struct loader *l, const struct node *value)
{
    int64_t seconds = 0;

    if (value->kind == NODE_SCALAR && text_number(value->text, &seconds) == TEXT_NO_NUMBER)
        return load_time(l, value, "duration", true, &l->program->duration_ns);
    if (!load_int(l, value, "duration", -1, (int64_t)(LOAD_MAX_NS / 1000000000), &seconds))
        return false;
    l->program->duration_ns = seconds > 0 ? (uint64_t)seconds * 1000000000 : 0;
    return true;
}

static bool read_buffer_size(struct loader *l, const struct node *value)
{
    int64_t bytes = 0;
    bool good = load_int(l, value, "mem_buffer_size", 1, INT64_C(1) << 40, &bytes);

    l->program->mem_buffer_bytes = (size_t)bytes;
    return good;
}

static bool read_device(struct loader *l, const struct node *value)
{
    if (!load_text(l, value, "io_device", &l->program->io_device))
        return false;
    return *l->program->io_device ||
           load_fail(l, value->place, "io_device is empty; name a file, or leave it out");
}

static bool is_off(const struct node *value)
{
    static const char *const words[] = {"false", "none", "disable", "0"};

    for (size_t i = 0; value->kind == NODE_SCALAR && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(value->text, words[i]) == 0)
            return true;
    return load_is_null(value);
}

static void warn_of_unused(struct loader *l, const struct node *const *values)
{
    char unused[100] = "";
    size_t used = 0;

    for (unsigned i = GLOBAL_FIRST_UNUSED; i < N_GLOBAL_FIELDS; i++)
        if (values[i] && !is_off(values[i]))
            used += (size_t)snprintf(unused + used, sizeof unused - used, "%s%s", used ? ", " : "",
                                     global_names[i]);
    if (used)
        program_warn(l->program,
                     "global: %s: not used; schedviz calibrates, records (-r) and reports (-b) itself",
                     unused);
}

static bool read_global(struct loader *l, const struct node *global)
{
    const struct fields fields = {.what = "global", .names = global_names, .n = N_GLOBAL_FIELDS};
    const struct node *v[LOAD_MAX_FIELDS];
    struct program *program = l->program;

    if (!load_fields(l, global, &fields, v) ||
        (v[GLOBAL_DURATION] && !read_duration(l, v[GLOBAL_DURATION])) ||
        (v[GLOBAL_DEFAULT_POLICY] && !load_policy(l, v[GLOBAL_DEFAULT_POLICY], &program->default_policy)) ||
        (v[GLOBAL_PI_ENABLED] && !load_bool(l, v[GLOBAL_PI_ENABLED], "pi_enabled", &program->pi_enabled)) ||
        (v[GLOBAL_LOCK_PAGES] && !load_bool(l, v[GLOBAL_LOCK_PAGES], "lock_pages", &program->lock_pages)) ||
        (v[GLOBAL_IO_DEVICE] && !read_device(l, v[GLOBAL_IO_DEVICE])) ||
        (v[GLOBAL_MEM_BUFFER_SIZE] && !read_buffer_size(l, v[GLOBAL_MEM_BUFFER_SIZE])))
        return false;
    warn_of_unused(l, v);
    return true;
}

/* ---- The whole ---- */

enum whole_field {
    WHOLE_TASKS,
    WHOLE_GLOBAL,
    WHOLE_RESOURCES,
    WHOLE_SEMAPHORES,
    WHOLE_COUNTERS,
    WHOLE_LOCKS,
    WHOLE_KIND,
    WHOLE_CORES,
    WHOLE_PLACEMENT,
    WHOLE_LESSON,
    N_WHOLE_FIELDS
};

/* What rt-app takes for a resource's type; and what it stood for while `signal' was a resource too. */
static bool read_resource(struct loader *l, const struct node *value, bool *has_target)
{
    static const char *const names[] = {"type", "target"}, *const types[] = {"mutex",   "wait",   "timer",
                                                                             "barrier", "signal", "broadcast",
                                                                             "sync",    "sleep",  "run",
                                                                             "mem",     "iorun"};
    const struct fields fields = {.what = "a resource", .names = names, .n = 2};
    const struct node *v[2];
    const char *target;
    unsigned type;

    if (!load_fields(l, value, &fields, v) ||
        (v[0] && !load_word(l, v[0], "type", types, sizeof types / sizeof *types, &type)) ||
        (v[1] && !load_name(l, v[1], "target", &target)))
        return false;
    *has_target |= v[1] != NULL;
    return true;
}

/* Objects are there when they are named first, so there is nothing to be done for them. The oldest files say
 * how many there are. */
static bool read_resources(struct loader *l, const struct node *node)
{
    bool has_target = false;
    int64_t number;

    if (load_is_null(node))
        return true;
    if (node->kind == NODE_SCALAR)
        return load_int(l, node, "resources", 0, INT_MAX, &number);
    if (!load_is_mapping(l, node, "resources"))
        return false;
    for (const struct node *key = node->first; key; key = key->next->next)
        if (!read_resource(l, key->next, &has_target))
            return false;
    if (has_target)
        program_warn(l->program,
                     "line %u: resources: `target' is not used, as in rt-app; signal the condition itself",
                     node->place.line);
    return true;
}

static bool read_semaphore(struct loader *l, const struct node *value, struct object *object)
{
    return load_int(l, value, "a semaphore", 0, INT_MAX, &object->value);
}

static bool read_counter(struct loader *l, const struct node *value, struct object *object)
{
    return load_int(l, value, "a counter", INT_MIN, INT_MAX, &object->value);
}

static bool read_lock(struct loader *l, const struct node *value, struct object *object)
{
    static const char *const words[] = {"plain", "inherit"};
    unsigned index = 0;
    bool good = load_word(l, value, "a lock", words, 2, &index);

    object->inherits = index == 1;
    return good;
}

/* A group in which objects of one kind get what they have from the beginning: { NAME: VALUE }. */
static bool read_objects(struct loader *l, const struct node *node, const char *what, enum object_kind kind,
                         bool (*read)(struct loader *l, const struct node *value, struct object *object))
{
    if (!node)
        return true;
    if (!load_is_mapping(l, node, what))
        return false;
    for (const struct node *key = node->first; key; key = key->next->next) {
        const char *name;
        void *found;
        uint32_t index;
        if (!load_name(l, key, what, &name))
            return false;
        if (lh_table_lookup_ex(l->objects[kind], name, &found))
            return load_fail(l, key->place, "`%s' is said twice; leave one of them out",
                             load_shown(name).text);
        if (!load_object(l, key->place, name, kind, &index) ||
            !read(l, key->next, &l->program->objects[index]))
            return false;
    }
    return true;
}

static bool read_whole(struct loader *l, const struct node *root)
{
    static const char *const names[N_WHOLE_FIELDS] = {
        [WHOLE_TASKS] = "tasks",         [WHOLE_GLOBAL] = "global",
        [WHOLE_RESOURCES] = "resources", [WHOLE_SEMAPHORES] = "semaphores",
        [WHOLE_COUNTERS] = "counters",   [WHOLE_LOCKS] = "locks",
        [WHOLE_KIND] = "kind",           [WHOLE_CORES] = "cores",
        [WHOLE_PLACEMENT] = "placement", [WHOLE_LESSON] = "lesson",
    };
    const struct fields fields = {.what = "a workload", .names = names, .n = N_WHOLE_FIELDS};
    const struct node *v[LOAD_MAX_FIELDS];
    struct program *program = l->program;

    if (!load_fields(l, root, &fields, v))
        return false;
    if (!v[WHOLE_TASKS])
        return load_fail(l, root->place, "there is no `tasks' group; write tasks: { NAME: { run: 1000 } }");
    return (!v[WHOLE_GLOBAL] || read_global(l, v[WHOLE_GLOBAL])) &&
           (!v[WHOLE_RESOURCES] || read_resources(l, v[WHOLE_RESOURCES])) &&
           (!v[WHOLE_KIND] || load_kind(l, v[WHOLE_KIND], &program->has_kind, &program->kind)) &&
           (!v[WHOLE_CORES] || load_setting(l, v[WHOLE_CORES], "cores", 1, &program->cores)) &&
           (!v[WHOLE_PLACEMENT] || load_placement(l, v[WHOLE_PLACEMENT], &program->placement)) &&
           read_objects(l, v[WHOLE_SEMAPHORES], "semaphores", OBJECT_SEM, read_semaphore) &&
           read_objects(l, v[WHOLE_COUNTERS], "counters", OBJECT_COUNTER, read_counter) &&
           read_objects(l, v[WHOLE_LOCKS], "locks", OBJECT_MUTEX, read_lock) &&
           load_tasks(l, v[WHOLE_TASKS]) && load_check(l) &&
           (!v[WHOLE_LESSON] || load_lesson(l, v[WHOLE_LESSON]));
}

/* ---- Where it comes from ---- */

static char *name_of(const char *file)
{
    const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    char *name = load_copy(strcmp(file, "-") == 0 ? "stdin" : base);
    char *dot = strrchr(name, '.');

    if (dot && dot != name)
        *dot = '\0';
    return name;
}

static struct program *new_program(const char *file)
{
    struct program *program = mem_new(1, sizeof *program);

    program->file = load_copy(file);
    program->name = name_of(file);
    program->default_policy = POLICY_OTHER;
    program->io_device = load_copy("/dev/null");
    program->mem_buffer_bytes = DEFAULT_BUFFER_BYTES;
    program->placement = -1;
    return program;
}

static struct lh_table *new_table(void)
{
    struct lh_table *table = lh_kchar_table_new(64, NULL);
    if (!table)
        err_no_memory();
    return table;
}

struct program *program_load(const char *file, const char *text, size_t length, struct err *err)
{
    struct loader l = {.file = file, .err = err, .program = new_program(file), .templates = new_table()};
    struct tree tree;
    bool good = tree_read(&tree, file, text, length, err);

    for (unsigned i = 0; i < LOAD_N_OBJECT_KINDS; i++)
        l.objects[i] = new_table();
    if (good && !tree.root)
        good = err_set(err, "%s:1:1: the file is empty; write tasks: { NAME: { run: 1000 } }", file);
    good = good && read_whole(&l, tree.root);
    for (unsigned i = 0; i < LOAD_N_OBJECT_KINDS; i++)
        lh_table_free(l.objects[i]);
    lh_table_free(l.templates);
    free(l.template_places);
    free(l.action_places);
    free(l.object_notes);
    tree_free(&tree);
    if (!good) {
        program_free(l.program);
        return NULL;
    }
    l.program->text = mem_new(length + 1, 1);
    l.program->length = length;
    memcpy(l.program->text, text, length);
    return l.program;
}

static bool read_all(int fd, const char *file, char **text, size_t *length, struct err *err)
{
    size_t capacity = 65536;

    *text = mem_new(capacity, 1);
    *length = 0;
    for (;;) {
        ssize_t n = read(fd, *text + *length, capacity - *length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, "%s: %s", file, strerror(errno));
        if (n == 0)
            return true;
        *length += (size_t)n;
        if (*length > LOAD_MAX_FILE)
            return err_set(err, "%s: larger than 16 MiB; a workload is smaller, use `loop' and `instance'%s",
                           file, tree_way_out(file));
        if (*length == capacity)
            *text = mem_resize(*text, capacity *= 2, 1);
    }
}

struct program *program_load_file(const char *file, struct err *err)
{
    bool standard_input = strcmp(file, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    struct program *program = NULL;
    char *text = NULL;
    size_t length;

    if (fd < 0) {
        err_set(err, "%s: %s", file, strerror(errno));
        return NULL;
    }
    if (read_all(fd, file, &text, &length, err))
        program = program_load(file, text, length, err);
    free(text);
    if (!standard_input)
        close(fd);
    return program;
}
