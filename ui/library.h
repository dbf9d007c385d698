/* The list of all lessons: found by typing, opened by Enter. */
#ifndef SCHEDVIZ_LIBRARY_H
#define SCHEDVIZ_LIBRARY_H

#include <stdbool.h>

struct app;
struct screen_key;

struct library {
    struct library_entry *entries; /* read when the list is opened first */
    unsigned n;
    char filter[24];
    unsigned row; /* the selected one, of those that match */
};

void library_fini(struct library *library);

void library_draw(struct app *app);
/* Keys while the list is open; true when the key was its. */
bool library_key(struct app *app, const struct screen_key *key);

void action_lessons(struct app *app, int unused);

#endif
