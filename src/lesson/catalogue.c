/* Lessons and workload files by name. */
#include "catalogue.h"
#include "../workload/load_text.h"

#include <string.h>
#include <unistd.h>

static const struct catalogue_entry *find(const char *name)
{
    for (unsigned i = 0; i < n_catalogue; i++) {
        if (strcmp(catalogue[i].name, name) == 0)
            return &catalogue[i];
    }
    return NULL;
}

const char *catalogue_suggest(const char *name)
{
    struct nearest nearest = {.word = name};
    for (unsigned i = 0; i < n_catalogue; i++)
        nearest_try(&nearest, catalogue[i].name);
    return nearest.best;
}

static bool is_path(const char *name)
{
    return strchr(name, '/') || strcmp(name, "-") == 0 || access(name, F_OK) == 0;
}

struct program *catalogue_load(const char *name, struct err *err)
{
    const struct catalogue_entry *entry = find(name);
    if (entry)
        return program_load(name, entry->text, strlen(entry->text), err);
    if (is_path(name))
        return program_load_file(name, err);
    const char *near = catalogue_suggest(name);
    if (near)
        err_set(err, "%s: no such lesson or file; is it `%s'? `schedviz --list' names the lessons", name,
                near);
    else
        err_set(err, "%s: no such lesson or file; `schedviz --list' names the lessons", name);
    return NULL;
}
