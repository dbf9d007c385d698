/* The list of all lessons: found by typing, opened by Enter. */
#include "library.h"

#include "../src/err.h"
#include "../src/lesson/catalogue.h"
#include "app.h"
#include "view_dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct library_entry {
    const char *name;
    char summary[160];
};

static void load(struct library *library)
{
    library->entries = mem_new(n_catalogue, sizeof *library->entries);
    for (unsigned i = 0; i < n_catalogue; i++) {
        struct err err;
        struct program *program = catalogue_load(catalogue[i].name, &err);
        struct library_entry *entry = &library->entries[i];
        entry->name = catalogue[i].name;
        snprintf(entry->summary, sizeof entry->summary, "%.*s", (int)sizeof entry->summary - 1,
                 program ? program->lesson->summary : err.msg);
        program_free(program);
    }
    library->n = n_catalogue;
}

void library_fini(struct library *library)
{
    free(library->entries);
}

static bool matches(const struct library *library, unsigned i)
{
    return strstr(library->entries[i].name, library->filter) ||
           strstr(library->entries[i].summary, library->filter);
}

/* The entry in that row of those that match; or the number of all. */
static unsigned entry_of_row(const struct library *library, unsigned row)
{
    unsigned i = 0;
    for (; i < library->n; i++)
        if (matches(library, i) && row-- == 0)
            break;
    return i;
}

static unsigned count_rows(const struct library *library)
{
    unsigned n = 0;
    for (unsigned i = 0; i < library->n; i++)
        n += matches(library, i);
    return n;
}

void library_draw(struct app *app)
{
    const struct library *library = &app->library;
    struct dialog_line *lines = mem_new(library->n + 1ul, sizeof *lines);
    char title[64] = "Lessons";
    unsigned n = 0;
    for (unsigned i = 0; i < library->n; i++) {
        if (!matches(library, i))
            continue;
        snprintf(lines[n].left, sizeof lines[n].left, "%s", library->entries[i].name);
        snprintf(lines[n++].right, sizeof lines[n].right, "%s", library->entries[i].summary);
    }
    if (!n)
        snprintf(lines[n++].left, sizeof lines[n].left, "no lesson has these letters");
    if (*library->filter)
        snprintf(title, sizeof title, "Lessons: %s", library->filter);
    view_dialog(&app->scene, &app->canvas,
                &(struct dialog){.title = title,
                                 .footer = "Enter: open   Up, Down: choose   letters: find   Esc: close",
                                 .lines = lines,
                                 .n_lines = n,
                                 .selected = (int)library->row});
    free(lines);
}

/* The machine that is known is the recording's: the lesson is run on this one. */
static bool make_here(struct setup *setup, const struct options *options, struct err *err)
{
    struct machine machine;
    if (!machine_load(&machine, err))
        return false;
    const bool good = setup_make(setup, options, &machine, true, err);
    machine_fini(&machine);
    return good;
}

/* What the user chose on the command line stays, but for the lesson's name. */
static void open_lesson(struct app *app, const char *name)
{
    struct options options = *app->options;
    struct setup *setup = mem_new(1, sizeof *setup);
    struct err err;
    options.lesson = name;
    options.n_traces = 0;
    app->dialog = DIALOG_NONE;
    if (app->tape.is_replay ? make_here(setup, &options, &err)
                            : setup_make(setup, &options, app->machine, true, &err)) {
        app->end.next = setup;
        app->quit = true;
        return;
    }
    free(setup);
    app_notice(app, true, "%s", err.msg);
}

static void edit_filter(struct library *library, const struct screen_key *key)
{
    size_t n = strlen(library->filter);
    if (key->kind == SCREEN_BACKSPACE && n > 0)
        library->filter[n - 1] = '\0';
    else if (key->kind == SCREEN_CHAR && n + 1 < sizeof library->filter) {
        library->filter[n] = (char)key->ch;
        library->filter[n + 1] = '\0';
    }
    library->row = 0;
}

bool library_key(struct app *app, const struct screen_key *key)
{
    struct library *library = &app->library;
    const unsigned n = count_rows(library), page = 10;
    switch (key->kind) {
    case SCREEN_UP:
        library->row -= library->row > 0;
        return true;
    case SCREEN_DOWN:
        library->row += library->row + 1 < n;
        return true;
    case SCREEN_PAGE_UP:
        library->row -= library->row < page ? library->row : page;
        return true;
    case SCREEN_PAGE_DOWN:
        library->row = library->row + page < n ? library->row + page : n ? n - 1 : 0;
        return true;
    case SCREEN_ENTER:
        if (library->row < n)
            open_lesson(app, library->entries[entry_of_row(library, library->row)].name);
        return true;
    case SCREEN_BACKSPACE:
        edit_filter(library, key);
        return true;
    case SCREEN_CHAR:
        if (key->ch <= ' ' || key->ch > '~')
            return false;
        edit_filter(library, key);
        return true;
    default:
        return false;
    }
}

void action_lessons(struct app *app, int unused)
{
    (void)unused;
    struct library *library = &app->library;
    const char *name = app->scene.info.workload.name;
    if (!library->entries)
        load(library);
    library->filter[0] = '\0';
    library->row = 0;
    for (unsigned i = 0; i < library->n; i++)
        library->row = strcmp(library->entries[i].name, name) == 0 ? i : library->row;
    app->dialog = DIALOG_LESSONS;
}
