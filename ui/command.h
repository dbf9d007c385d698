/* The one table of what keys do: the key bar, the help screen and the manual page come from it. */
#ifndef SCHEDVIZ_COMMAND_H
#define SCHEDVIZ_COMMAND_H

#include "screen.h"

#include <stdbool.h>

struct app;

struct command {
    const char *group; /* heading on the help screen */
    const char *keys;  /* names separated by spaces: "q F10", "Left h", "Space" */
    const char *name;  /* short, for the key bar; NULL: not there */
    const char *help;  /* a line */
    void (*run)(struct app *app, int argument);
    int argument;
};

extern const struct command commands[];
extern const unsigned n_commands;

/* The command of a key, or NULL. */
const struct command *command_of_key(const struct screen_key *key);

/* Whether `name` (one word of struct command.keys) is the key that was pressed. */
bool command_key_is(const struct screen_key *key, const char *name, unsigned long length);

#endif
